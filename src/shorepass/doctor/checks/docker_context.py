"""What answers to the name docker: an engine of a context that may not exist, or podman."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.client_table import program_of
from shorepass.clients.emulated import emulator_of
from shorepass.contexts.containers.engines import missing_context
from shorepass.contexts.engine_family import Family
from shorepass.contexts.local import LocalContext
from shorepass.doctor.finding import Finding, Severity
from shorepass.fixes.repair import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {
    "SP408": "docker's context does not exist",
    "SP410": "docker is podman under another name",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Look whether docker is podman, and whether docker's current context exists."""
    context = examination.context
    for client in examination.clients:
        other = emulator_of(context, client.name)
        if other:
            cause = f"it is {other} under this name, so it uses {other}'s files and not those of {client.name}"
            advice = Advice(f"use --client {other} with Shorepass")
            yield Finding(
                "SP410", Severity.NOTE, context.name, context.which(client.name) or client.name, cause, (), advice
            )
    real = [client for client in examination.clients if not emulator_of(context, client.name)]
    programs = [program_of(client.name) for client in real if client.facts.has_engine]
    if not isinstance(context, LocalContext) or not any(map(context.which, programs)):
        return
    missing = missing_context(context)
    if missing:
        cause = f"it names the docker context {missing.name!r}, which does not exist: docker stops"
        follows = (("SP521", Family.DOCKER.value),)
        yield Finding(
            "SP408", Severity.ERROR, context.name, missing.named_by, cause, (), Advice(missing.fix), follows=follows
        )
