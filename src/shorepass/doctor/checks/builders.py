"""Builders of ``docker buildx``, which do not have what the engine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.doctor.finding import Finding, Severity
from shorepass.engine.builder import current_builder
from shorepass.errors import ShorepassError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.names import is_loopback
from shorepass.registry import certs_d

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.engine.builder import Builder
    from shorepass.visit import Visit

__all__ = ["CODES", "judge"]

CODES = {"SP522": "The builder does not have the engine's certificates, lists or network"}


def judge(examination: Examination, visits: Sequence[Visit]) -> Iterator[Finding]:
    """Yield what the builder lacks for the registries that the engine reaches."""
    reached = [visit for visit in visits if visit.works and find(visit.resolution.client).facts.has_engine]
    builder = current_builder(examination.context) if reached else None
    if builder is None:
        return
    for visit in reached:
        registry = visit.resolution.reference.registry
        for lines in _lacking(examination, visit, builder):
            file = f'[registry."{registry}"]\\n  {lines}\\n'
            create = "docker buildx create --use --buildkitd-config buildkitd.toml"
            cause = (
                f"docker buildx builds in the builder {builder.name}, which does not have the engine's settings for it"
            )
            evidence = (f"the builder's driver is {builder.driver}", f"its configuration lacks: {lines}")
            advice = Advice(f"printf {quoted(file)} >buildkitd.toml && {create}")
            yield Finding("SP522", Severity.WARNING, examination.context.name, registry, cause, evidence, advice)
        if examination.reference is not None and is_loopback(registry) and not builder.shares_network:
            cause = (
                f"docker buildx builds in the builder {builder.name}, where {registry} is the builder's own container"
            )
            advice = Advice("docker buildx create --use --driver-opt network=host")
            yield Finding("SP522", Severity.NOTE, examination.context.name, registry, cause, (), advice)


def _lacking(examination: Examination, visit: Visit, builder: Builder) -> Iterator[str]:
    """Yield the line that the builder's configuration lacks for a registry, if any."""
    registry, client = visit.resolution.reference.registry, find(visit.resolution.client)
    if builder.knows(registry, "ca", "insecure", "http"):
        return
    if visit.access.tls_verify is False:
        yield "http = true"
        return
    try:
        found = certs_d.find(examination.context, client, registry)
    except ShorepassError:
        return
    if found.authorities:
        yield f'ca = ["{found.authorities[0][0]}"]'
