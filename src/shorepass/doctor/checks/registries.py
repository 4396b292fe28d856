"""What the registries say to the logins: refused, expired, not allowed, in the way, too often, at the wrong time, elsewhere."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shorepass.client_table import DEFAULT, program_of
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.doctor import visits
from shorepass.doctor.checks import certificates
from shorepass.doctor.decisions import end_of
from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.doctor.named import is_there
from shorepass.errors import (
    ClockDiffers,
    LoginInTheWay,
    LoginRefused,
    NotARegistry,
    PermissionDenied,
    RateLimited,
    RealmRefused,
    Unreachable,
    UsageError,
)
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.helper.advice import asked_helper, log_in
from shorepass.http import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shorepass.doctor.examination import Examination
    from shorepass.resolution import Resolution
    from shorepass.visit import Visit

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
        made = visits.make(examination, examination.access)
        is_anybody_in = any(visit.works and visit.resolution.answer != ANONYMOUS for visit in made)
        for visit in made:
            found += _judge(examination, visit, is_anybody_in=is_anybody_in)
    yield from merged(finding for finding in found if finding is not None)


def _expired(examination: Examination, resolution: Resolution) -> Finding | None:
    """Return the finding for a login that has ended by its own word: no registry need be asked."""
    if isinstance(resolution.answer, Exception) or (ended := end_of(resolution.answer)) is None:
        return None
    when = datetime.fromtimestamp(ended, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    cause = f"the stored login{_of(resolution)} expired at {when}"
    return _finding(examination, "SP501", resolution, cause, _login(examination, resolution))


def _judge(examination: Examination, visit: Visit, *, is_anybody_in: bool) -> Iterator[Finding | None]:
    """Yield what a visit shows: of several consequences of one thing, the thing."""
    resolution, errors = visit.resolution, visit.errors
    tls = certificates.judge(examination, visit)
    yield tls
    in_the_way = any(isinstance(error, LoginInTheWay) for error in errors)
    for error in errors:
        match error:
            case LoginInTheWay():
                yield _in_the_way(examination, resolution, errors)
            case LoginRefused() | PermissionDenied() if in_the_way:
                continue
            case LoginRefused() | PermissionDenied() if resolution.answer == ANONYMOUS:
                yield _nobody(examination, resolution, is_anybody_in=is_anybody_in)
            case LoginRefused():
                cause = f"the registry refuses the stored login{_of(resolution)}: {error.reason}"
                yield _finding(examination, "SP501", resolution, cause, _login(examination, resolution))
            case PermissionDenied():
                yield _denied(examination, resolution, error)
            case RateLimited():
                cause, advice = "the registry takes no more requests for now", error.hint or "try again later"
                yield _finding(examination, "SP504", resolution, cause, advice, (error.reason,))
            case ClockDiffers():
                severity = Severity.WARNING if visit.works else Severity.ERROR
                yield _finding(examination, "SP505", resolution, error.reason, error.hint or "", severity=severity)
            case RealmRefused():
                yield _foreign_realm(examination, resolution, error)
            case UsageError():
                cause, advice = (
                    f"the login cannot be sent: {error.message}",
                    error.hint or _login(examination, resolution),
                )
                yield _finding(examination, "SP511", resolution, cause, advice)
            case Unreachable() | NotARegistry() if tls is None:
                severity = Severity.ERROR if examination.reference else Severity.WARNING
                cause, advice = f"no registry answers: {error.reason}", error.hint or "ask who runs it"
                yield _finding(examination, "SP511", resolution, cause, advice, severity=severity)


def _in_the_way(examination: Examination, resolution: Resolution, errors: Iterable[Exception]) -> Finding:
    reference = resolution.reference
    cause = f"strangers may pull, and the stored login{_of(resolution)} makes it fail"
    said = tuple(f"the registry says: {error.reason}" for error in errors if isinstance(error, LoginRefused))
    advice = command(examination.context, "logout", reference.registry, client=resolution.client)
    return _finding(examination, "SP503", resolution, cause, advice, said, subject=reference.name)


def _is_used(examination: Examination, client: str) -> bool:
    """Tell whether a client has been used here: docker's file is there for others too, another's own file says so."""
    own = [file for file in examination.files if file.clients == (client,) and not file.legacy]
    if program_of(client) == DEFAULT or examination.is_asked_for(client):
        return True
    return any(is_there(examination.context, file.path) for file in own)


def _nobody(examination: Examination, resolution: Resolution, *, is_anybody_in: bool) -> Finding | None:
    """Return an error where no client gets in, a note where another one does; None where this one is not used here."""
    if is_anybody_in and not _is_used(examination, resolution.client):
        return None
    cause, severity = "the registry asks for a login, and there is none", Severity.ERROR
    if is_anybody_in:
        cause, severity = f"{resolution.client} has no login here, and another client has one", Severity.NOTE
    name = resolution.reference.name
    return _finding(
        examination, "SP510", resolution, cause, _login(examination, resolution), subject=name, severity=severity
    )


def _denied(examination: Examination, resolution: Resolution, error: PermissionDenied) -> Finding:
    reference, missing = resolution.reference, ", ".join(error.missing) or "do this"
    cause = f"the login{_of(resolution)} is good, and may not {missing}"
    granted = () if error.granted is None else (f"granted: {', '.join(error.granted) or 'nothing'}",)
    said = (*granted, f"missing: {missing}", error.reason)
    advice = (
        f"ask who runs {reference.registry} for {missing} on {reference.repository or 'it'}, or log in as somebody who "
        f"has it: {_login(examination, resolution)}"
    )
    return _finding(examination, "SP502", resolution, cause, advice, said, subject=reference.name)


def _foreign_realm(examination: Examination, resolution: Resolution, error: RealmRefused) -> Finding:

    registry = resolution.reference.registry
    cause = "the registry sends logins to a token server on a foreign host"
    what = "ask" if resolution.answer == ANONYMOUS else "send the login"
    said = (error.reason, f"docker and podman {what} there; shorepass sent nothing")
    advice = f"ask who runs {registry}"
    with contextlib.suppress(UsageError):  # the registry named no URL at all
        advice += f"; if you trust that host with this login: --trust-realm {quoted(parse_url(error.realm).authority)}"
    return _finding(examination, "SP506", resolution, cause, advice, said, severity=Severity.WARNING)


def _finding(
    examination: Examination,
    code: str,
    resolution: Resolution,
    cause: str,
    advice: str,
    said: tuple[str, ...] = (),
    *,
    subject: str = "",
    severity: Severity = Severity.ERROR,
) -> Finding:
    """Return a finding about what a client sends; the subject is the registry, where nothing else is named."""
    subject = subject or resolution.reference.registry
    evidence = (*said, sends(resolution, examination.fingerprints))
    return Finding(code, severity, examination.context.name, subject, cause, evidence, Advice(advice))


def _of(resolution: Resolution) -> str:
    answer = resolution.answer
    name = answer.username if isinstance(answer, Basic | IdentityToken) else ""
    return f" of {name!r}" if name else ""


def _login(examination: Examination, resolution: Resolution) -> str:
    """Return what gives the client a good login."""
    helper = resolution.source.helper if resolution.source else asked_helper(resolution)
    return log_in(examination.context, resolution.reference.registry, client=resolution.client, helper=helper)
