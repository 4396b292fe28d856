"""What the registries answer to the stored logins."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shorepass.client_table import DEFAULT, program_of
from shorepass.clients import find, other_programs
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.doctor.checks import (
    builders,
    certificates,
    cloud_logins,
    engine,
    engine_surroundings,
    faulty_servers,
    forms,
    helper_company,
    token_servers,
)
from shorepass.doctor.checks.lasting import lasting_login
from shorepass.doctor.decisions import end_of
from shorepass.doctor.evidence import by_engine, sends
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.doctor.named import is_there
from shorepass.errors import (
    ClockDiffers,
    EngineFails,
    LoginInTheWay,
    LoginRefused,
    NotARegistry,
    PermissionDenied,
    RateLimited,
    RealmRefused,
    SourceError,
    Unreachable,
    UsageError,
)
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.helper.known_helpers import sign_in
from shorepass.helper.login_command import asked_helper
from shorepass.http import parse_url
from shorepass.names import split_host_port
from shorepass.registry.known_answers import known_answer
from shorepass.registry.login_advice import login_place, new_login
from shorepass.registry.token_servers import setting_for
from shorepass.resolution import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shorepass.doctor.examination import Examination
    from shorepass.resolution import Resolution
    from shorepass.visit import Visit

__all__ = ["CODES", "check"]

CODES = {
    "SP501": "The registry refuses the stored login, or it has expired",
    "SP502": "The login is valid but has no permission for this",
    "SP503": "The login breaks a public image",
    "SP504": "Too many requests",
    "SP505": "Clocks differ",
    "SP506": "The token server is on a foreign host",
    **certificates.CODES,
    "SP510": "The registry requires a login, but the client has none",
    "SP511": "No registry answers",
    **engine.CODES,
    **engine_surroundings.CODES,
    **builders.CODES,
    **faulty_servers.CODES,
    **token_servers.CODES,
    **forms.CODES,
    **helper_company.CODES,
}

HTPASSWD = ("if it refuses every login: its administrator makes the lines of htpasswd by htpasswd -B, for bcrypt",)
AFTER_MIRROR = ("SP511", "SP513", "SP519")
REPORTED_ELSEWHERE = (EngineFails, *token_servers.ERRORS, *faulty_servers.ERRORS)


def check(examination: Examination) -> Iterator[Finding]:
    """Yield what the registries answer. Without ``access``, only expired credentials and wrong forms are found."""
    found = [_expired(examination, resolution) for resolution in examination.decisions]
    found += [*forms.of_entries(examination), *forms.of_names(examination)]
    if examination.access is not None:
        made = examination.visits
        has_working_login = any(visit.works and visit.resolution.answer != ANONYMOUS for visit in made)
        for visit in made:
            found += _judge(examination, visit, has_working_login=has_working_login)
        found += engine_surroundings.judge(examination, made)
        found += builders.judge(examination, made)
        found += [*helper_company.at_once(examination), *helper_company.storing(examination, made)]
    yield from _folded(merged(finding for finding in found if finding is not None))


def _folded(findings: list[Finding]) -> list[Finding]:
    """Return the findings without those that follow from a mirror: Docker Hub is asked because the mirror refuses."""
    mirrored = {finding.subject for finding in findings if finding.code == "SP516"}
    return [finding for finding in findings if finding.code not in AFTER_MIRROR or finding.subject not in mirrored]


def _expired(examination: Examination, resolution: Resolution) -> Finding | None:
    """Return the finding for a login whose own expiry has passed. No registry is asked."""
    if isinstance(resolution.answer, Exception) or (ended := end_of(resolution.answer)) is None:
        return None
    when = datetime.fromtimestamp(ended, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    cause = f"the stored login{_of(resolution)} expired at {when}"
    advice = forms.renewal(examination, resolution) or _login(examination, resolution)
    return _finding(examination, "SP501", resolution, cause, advice)


def _judge(examination: Examination, visit: Visit, *, has_working_login: bool) -> Iterator[Finding | None]:
    """Yield the findings of a visit. Of several errors with one cause, only the cause is yielded."""
    resolution = visit.resolution
    errors = [error for error in visit.errors if not isinstance(error, REPORTED_ELSEWHERE)]
    tls = certificates.judge(examination, visit)
    yield tls
    yield engine.judge(examination, visit)
    yield token_servers.judge(examination, visit)
    yield faulty_servers.judge(examination, visit)
    in_the_way = any(isinstance(error, LoginInTheWay) for error in errors)
    form = forms.of_refusal(examination, resolution, errors)
    yield form
    for error in forms.left(errors, form):
        match error:
            case LoginInTheWay():
                yield _in_the_way(examination, resolution, errors)
            case LoginRefused() | PermissionDenied() if in_the_way:
                continue
            case LoginRefused() | PermissionDenied() if resolution.answer == ANONYMOUS:
                yield _no_login(examination, resolution, has_working_login=has_working_login)
            case LoginRefused():
                yield _refused(examination, resolution, error)
            case PermissionDenied():
                yield _denied(examination, resolution, error)
            case RateLimited():
                cause, advice = "the registry accepts no more requests for now", error.hint or "try again later"
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
                cause, advice = f"no registry answers: {error.reason}", error.hint or "ask its administrator"
                yield _finding(examination, "SP511", resolution, cause, advice, by_engine(visit), severity=severity)
    yield from _mirrors(examination, visit)


def _mirrors(examination: Examination, visit: Visit) -> Iterator[Finding]:
    """Yield a finding for each mirror of the client that requires a login, if the image is not pulled without it."""
    resolution = visit.resolution
    steps = [step for step in visit.steps if step.kind == "mirror" and step.outcome is Outcome.SKIPPED and step.hint]
    for step in steps if resolution.mirrors and not visit.works else ():
        registry, client = resolution.reference.registry, resolution.client
        cause = (
            f"it is a mirror of {registry} for {client}, which has no login there: {step.detail.rpartition(': ')[2]}"
        )
        context, follows = examination.context.name, (("SP511", registry),)
        yield Finding(
            "SP510", Severity.ERROR, context, step.subject, cause, (), Advice(step.hint or ""), follows=follows
        )


def _refused(examination: Examination, resolution: Resolution, error: LoginRefused) -> Finding:
    own = cloud_logins.refused(examination, resolution, error)
    if own:
        return own
    known = known_answer(error.reason)
    if known:
        cause = f"the registry refuses the stored login{_of(resolution)}: {known.cause}"
        advice = known.advice(_login(examination, resolution))
        return _finding(examination, "SP501", resolution, cause, advice, _answers(error))
    cause = f"the registry refuses the stored login{_of(resolution)}: {error.reason}"
    said = HTPASSWD if error.has_htpasswd else ()
    advice = _login(examination, resolution)
    if error.password:
        advice += f" ({error.password})"
    return _finding(examination, "SP501", resolution, cause, advice, said)


def _in_the_way(examination: Examination, resolution: Resolution, errors: Iterable[Exception]) -> Finding:
    reference = resolution.reference
    cause = f"anonymous pulls work, but the stored login{_of(resolution)} makes them fail"
    said = tuple(f"the registry says: {error.reason}" for error in errors if isinstance(error, LoginRefused))
    advice = command(examination.context, "logout", reference.registry, client=resolution.client)
    return _finding(examination, "SP503", resolution, cause, advice, said, subject=reference.name)


def _is_used(examination: Examination, client: str) -> bool:
    """Return whether a client is used here, which its own file shows. docker always counts."""
    own = [file for file in examination.files if file.clients == (client,) and not file.legacy]
    if program_of(client) == DEFAULT or examination.is_asked_for(client):
        return True
    return any(is_there(examination.context, file.path) for file in own)


def _no_login(examination: Examination, resolution: Resolution, *, has_working_login: bool) -> Finding | None:
    """Return an error if no client has a login, a note if another one has; None if this one is not used."""
    another_fails = any(isinstance(other.answer, SourceError) for other in examination.decisions)
    if (has_working_login or another_fails) and not _is_used(examination, resolution.client):
        return None
    if sign_in(asked_helper(resolution)):
        return None  # SP216
    cause, severity = "the registry requires a login, but the client has none", Severity.ERROR
    if has_working_login:
        cause, severity = f"{resolution.client} has no login here, but another client has one", Severity.NOTE
    used = ""
    if has_working_login and program_of(resolution.client) == DEFAULT:
        used = other_programs.in_use(examination.context, resolution.reference.registry)
    if used:
        cause, severity = (
            f"{used} reads docker's file, which has no login for it; another client has one",
            Severity.ERROR,
        )
    name = resolution.reference.name
    said = tuple(f"{step.subject}: {step.detail}" for step in resolution.steps if step.subject == "registries.conf")
    if has_working_login and program_of(resolution.client) == DEFAULT:
        said = (*said, "podman compose, docker-compose, Testcontainers and dev containers read docker's file")
    advice = _login(examination, resolution)
    lasting = lasting_login(examination, find(resolution.client), resolution.reference.registry)
    if lasting:
        advice = lasting
        said = (*said, f"{resolution.client} login stores a login only until the next restart")
    return _finding(examination, "SP510", resolution, cause, advice, said, subject=name, severity=severity)


def _denied(examination: Examination, resolution: Resolution, error: PermissionDenied) -> Finding:
    reference, missing = resolution.reference, ", ".join(error.missing) or "do this"
    known = known_answer(error.reason)
    if known:
        advice = known.advice(_login(examination, resolution))
        return _finding(examination, "SP502", resolution, known.cause, advice, _answers(error), subject=reference.name)
    subject = reference.repository or "it"
    cause = f"the login{_of(resolution)} is valid but may not {missing}"
    granted = () if error.granted is None else (f"granted: {', '.join(error.granted) or 'nothing'}",)
    said = (*granted, f"missing: {missing}", error.reason)
    advice = (
        f"ask the administrator of {reference.registry} for {missing} on {subject}, "
        f"or log in as a user who has it: {_login(examination, resolution)}"
    )
    return _finding(examination, "SP502", resolution, cause, advice, said, subject=reference.name)


def _foreign_realm(examination: Examination, resolution: Resolution, error: RealmRefused) -> Finding:

    registry = resolution.reference.registry
    cause = "the registry sends logins to a token server on a foreign host"
    what = "ask" if resolution.answer == ANONYMOUS else "send the login"
    said = (error.reason, f"docker and podman {what} there; Shorepass sent nothing")
    advice = f"ask the administrator of {registry}"
    with contextlib.suppress(UsageError):  # the registry did not name a URL
        url = parse_url(error.realm)
        if url.scheme == "http" and url.host == split_host_port(registry)[0].lower():
            cause = "the registry sends logins to its token server in plain http"
            advice += f" to correct {setting_for(url)}"
        else:
            advice += f"; if you trust that host with this login: --trust-realm {quoted(url.authority)}"
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
    """Return a finding about what a client sends. A ``subject`` of "" means the registry."""
    subject = subject or resolution.reference.registry
    evidence = (*said, sends(resolution, examination.fingerprints))
    return Finding(code, severity, examination.context.name, subject, cause, evidence, Advice(advice))


def _answers(error: LoginRefused | PermissionDenied) -> tuple[str, ...]:
    return (f"the registry answers: {error.reason}",)


def _of(resolution: Resolution) -> str:
    answer = resolution.answer
    name = answer.username if isinstance(answer, Basic | IdentityToken) else ""
    return f" of {name!r}" if name else ""


def _login(examination: Examination, resolution: Resolution) -> str:
    """Return the command that gives the client a valid login."""
    helper = resolution.source.helper if resolution.source else asked_helper(resolution)
    return new_login(examination.context, login_place(resolution), client=resolution.client, helper=helper)
