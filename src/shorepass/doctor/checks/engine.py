"""The engine that pulls for a client: where it has another answer than this shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.engine.difference import Cause, route_difference
from shorepass.fixes.repair import Advice

if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination
    from shorepass.engine.difference import Difference
    from shorepass.visit import Visit

__all__ = ["CODES", "judge"]

CODES = {
    "SP512": "The engine and this shell use different proxies",
    "SP513": "The engine does not reach the registry, but this shell does",
    "SP514": "The engine does not trust an authority that this user trusts",
    "SP515": "The engine does not list the registry as insecure",
}
OF_CAUSE = {Cause.PROXY: "SP512", Cause.REACH: "SP513", Cause.TRUST: "SP514", Cause.LIST: "SP515"}


def judge(examination: Examination, visit: Visit) -> Finding | None:
    """Return what differs between the engine and this shell, None for nothing."""
    if visit.difference is not None:
        return _finding(examination, visit, visit.difference, Severity.ERROR)
    if visit.from_here is None or visit.engine is None:
        return None
    found = route_difference(examination.context, visit.resolution.reference.registry, visit.engine.info)
    if found is None:
        return None
    return _finding(examination, visit, found, Severity.NOTE)


def _finding(examination: Examination, visit: Visit, found: Difference, severity: Severity) -> Finding:
    evidence = [*found.evidence, sends(visit.resolution, examination.fingerprints)]
    if visit.from_here is not None:
        evidence.insert(0, f"from this shell: {visit.from_here.message}")
    registry = visit.resolution.reference.registry
    code, context = OF_CAUSE[found.cause], examination.context.name
    return Finding(code, severity, context, registry, found.text, tuple(evidence), Advice(found.advice))
