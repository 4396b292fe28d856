"""What the registries say to the logins: refused, expired, not allowed, in the way, too often, at the wrong time, elsewhere."""

from __future__ import annotations

from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.doctor import certificates, visits
from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.doctor.repair import Advice
from shorepass.errors import (
    ClockDiffers,
    LoginInTheWay,
    LoginRefused,
    NotARegistry,
    PermissionDenied,
    RateLimited,
    RealmRefused,
    Unreachable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shorepass.doctor.examination import Examination
    from shorepass.doctor.visits import Visit
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check"]

CODES = {
    "SP501": "The registry refuses the stored login, or it has expired",
    "SP502": "The login is good, and may not do this",
    "SP503": "The login breaks a public image",
    "SP504": "Too many requests",
    "SP505": "Clocks differ",
    "SP506": "The token server is on a foreign host",
    **certificates.CODES,
    "SP510": "Nobody is logged in, and strangers may not",
    "SP511": "No registry answers",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Yield what the registries say; without ``access`` only what a credential says of itself."""
    found = [_expired(examination, resolution) for resolution in examination.decisions]
    if examination.access is not None:
        for visit in visits.make(examination, examination.access):
            found += _judge(examination, visit)
    yield from _merged(finding for finding in found if finding is not None)


def _merged(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield one finding for what several clients meet alike, with the evidence of all."""
    merged: dict[tuple[str, str], Finding] = {}
    for finding in found:
        first = merged.setdefault((finding.code, finding.subject), finding)
        if first is not finding:
            evidence = tuple(dict.fromkeys(first.evidence + finding.evidence))
            merged[finding.code, finding.subject] = first._replace(evidence=evidence)
    yield from merged.values()


def _expired(examination: Examination, resolution: Resolution) -> Finding | None:
    """Return the finding for a login that has ended by its own word: no registry need be asked."""
    from datetime import UTC, datetime

    if isinstance(resolution.answer, Exception) or (ended := visits.is_expired(resolution.answer)) is None:
        return None
    when = datetime.fromtimestamp(ended, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    cause = f"the stored login{_of(resolution)} expired at {when}"
    return _finding(examination, "SP501", resolution, cause, repair=_login(resolution))


def _judge(examination: Examination, visit: Visit) -> Iterator[Finding | None]:
    """Yield what a visit shows: of several consequences of one thing, the thing."""
    resolution, errors = visit.resolution, visit.errors
    registry, name = resolution.reference.registry, resolution.reference.name
    tls = certificates.judge(examination, visit)
    yield tls
    in_the_way = any(isinstance(error, LoginInTheWay) for error in errors)
    for error in errors:
        match error:
            case LoginInTheWay():
                cause = f"strangers may pull, and the stored login{_of(resolution)} makes it fail"
                repair = Advice(f"shorepass logout --client {resolution.client} {registry}")
                yield _finding(examination, "SP503", resolution, cause, _words(errors), subject=name, repair=repair)
            case LoginRefused() | PermissionDenied() if in_the_way:
                continue
            case LoginRefused() | PermissionDenied() if resolution.answer == ANONYMOUS:
                cause = "the registry asks for a login, and there is none"
                yield _finding(examination, "SP510", resolution, cause, repair=_login(resolution), subject=name)
            case LoginRefused():
                cause = f"the registry refuses the stored login{_of(resolution)}: {error.reason}"
                yield _finding(examination, "SP501", resolution, cause, repair=_login(resolution))
            case PermissionDenied():
                yield _denied(examination, resolution, error)
            case RateLimited():
                cause = "the registry takes no more requests for now"
                hint = Advice(error.hint or "try again later")
                yield _finding(examination, "SP504", resolution, cause, (error.reason,), repair=hint)
            case ClockDiffers():
                cause = error.reason
                yield _finding(
                    examination, "SP505", resolution, cause, repair=Advice(error.hint or ""), warns=_works(visit)
                )
            case RealmRefused():
                yield _foreign_realm(examination, resolution, error)
            case Unreachable() | NotARegistry() if tls is None:
                cause = f"no registry answers: {error.reason}"
                advice = Advice(error.hint or f"ask who runs {registry}")
                yield _finding(examination, "SP511", resolution, cause, repair=advice, warns=name == registry)


def _words(errors: Iterable[Exception]) -> tuple[str, ...]:
    return tuple(f"the registry says: {error.reason}" for error in errors if isinstance(error, LoginRefused))


def _works(visit: Visit) -> bool:
    from shorepass.resolution import Outcome

    return not any(step.outcome is Outcome.FAILED for step in visit.steps)


def _denied(examination: Examination, resolution: Resolution, error: PermissionDenied) -> Finding:
    reference = resolution.reference
    missing = ", ".join(error.missing) or "do this"
    cause = f"the login{_of(resolution)} is good, and may not {missing}"
    said = (f"granted: {', '.join(error.granted) or 'nothing'}", f"missing: {missing}", error.reason)
    advice = Advice(
        f"ask who runs {reference.registry} for {missing} on {reference.repository or 'it'}, or log in as somebody who "
        f"has it: shorepass login --client {resolution.client} {reference.registry}"
    )
    return _finding(examination, "SP502", resolution, cause, said, subject=reference.name, repair=advice)


def _foreign_realm(examination: Examination, resolution: Resolution, error: RealmRefused) -> Finding:
    from shorepass.http import parse_url

    registry = resolution.reference.registry
    cause = "the registry sends logins to a token server on a foreign host"
    said = (error.reason, "docker and podman send the login there; shorepass sent nothing")
    try:
        host = parse_url(error.realm).authority
    except Exception:  # noqa: BLE001 -- whatever the registry wrote there
        host = ""
    advice = f"ask who runs {registry}" + (
        f"; if you trust that host with this login: --trust-realm {host}" if host else ""
    )
    return _finding(examination, "SP506", resolution, cause, said, repair=Advice(advice), warns=True)


def _finding(
    examination: Examination,
    code: str,
    resolution: Resolution,
    cause: str,
    said: tuple[str, ...] = (),
    *,
    repair: Advice,
    subject: str = "",
    warns: bool = False,
) -> Finding:
    """Return a finding about what a client sends; the subject is the registry, where nothing else is named."""
    severity = Severity.WARNING if warns else Severity.ERROR
    evidence = (*said, sends(resolution))
    subject = subject or resolution.reference.registry
    return Finding(code, severity, examination.context.name, subject, cause, evidence, repair)


def _of(resolution: Resolution) -> str:
    answer = resolution.answer
    name = answer.username if isinstance(answer, Basic | IdentityToken) else ""
    return f" of {name!r}" if name else ""


def _login(resolution: Resolution) -> Advice:
    return Advice(f"shorepass login --client {resolution.client} {resolution.reference.registry}")
