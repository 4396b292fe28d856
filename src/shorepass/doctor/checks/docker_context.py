"""docker's own contexts: the one that is in use may not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.client_table import program_of
from shorepass.contexts.containers.engines import missing_context
from shorepass.contexts.engine_family import Family
from shorepass.contexts.local import LocalContext
from shorepass.doctor.finding import Finding, Severity
from shorepass.fixes.repair import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {"SP408": "docker's context does not exist"}


def check(examination: Examination) -> Iterator[Finding]:
    """Look whether docker's current context exists."""
    context = examination.context
    programs = [program_of(client.name) for client in examination.clients if client.facts.has_engine]
    if not isinstance(context, LocalContext) or not any(map(context.which, programs)):
        return
    missing = missing_context(context)
    if missing:
        cause = f"it names the docker context {missing.name!r}, which does not exist: docker stops"
        follows = (("SP521", Family.DOCKER.value),)
        yield Finding(
            "SP408", Severity.ERROR, context.name, missing.named_by, cause, (), Advice(missing.fix), follows=follows
        )
