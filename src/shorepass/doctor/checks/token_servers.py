"""Token servers: registries that name a wrong one, which only their administrator can correct, and those that do not answer."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import DeadRealm, TokenServerFails, UsageError, WrongTokenServer
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.http import parse_url
from shorepass.names import split_host_port

if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination
    from shorepass.visit import Visit

__all__ = ["CODES", "ERRORS", "judge"]

CODES = {
    "SP518": "The registry names a token server that no client reaches",
    "SP519": "The registry answers, but its token server does not",
}
ERRORS = (DeadRealm, TokenServerFails, WrongTokenServer)


def judge(examination: Examination, visit: Visit) -> Finding | None:
    """Return the problem with the token server, None for nothing."""
    error = next((error for error in visit.errors if isinstance(error, ERRORS)), None)
    if error is None:
        return None
    registry = visit.resolution.reference.registry
    evidence = (error.reason, sends(visit.resolution, examination.fingerprints))
    if isinstance(error, TokenServerFails) and not _is_of(registry, error.realm):
        cause = "the registry answers, but its token server does not"
        advice = f"curl -sS -o /dev/null {quoted(error.realm)}, where docker or podman pulls, shows why"
        return _finding(examination, "SP519", registry, cause, evidence, advice)
    cause = "the registry names a token server that no client reaches: the registry is misconfigured, not this machine"
    advice = f"ask the administrator of {registry} to correct {error.setting}"
    seen = f"curl -sI {quoted(f'http://{registry}/v2/')} | grep -i www-authenticate shows the wrong address"
    return _finding(examination, "SP518", registry, cause, (*evidence, seen), advice)


def _is_of(registry: str, realm: str) -> bool:
    """Tell whether a token server has the registry's own host name, and so perhaps a wrong port."""
    with contextlib.suppress(UsageError):
        return parse_url(realm).host == split_host_port(registry)[0].lower()
    return False


def _finding(
    examination: Examination, code: str, registry: str, cause: str, evidence: tuple[str, ...], advice: str
) -> Finding:
    severity = Severity.ERROR
    return Finding(code, severity, examination.context.name, registry, cause, evidence, Advice(advice))
