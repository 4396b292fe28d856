"""SP216, SP217, SP220: helpers that make logins by themselves, and could not, or are asked to store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import said_there
from shorepass.credential import ANONYMOUS
from shorepass.doctor.checks.helper_programs import fault
from shorepass.doctor.evidence import sends, shown
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.helper.cloud_logins import inputs, logged_failure
from shorepass.helper.known_helpers import sign_in
from shorepass.helper.login_command import asked_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.doctor.examination import Examination
    from shorepass.doctor.named import Named
    from shorepass.errors import LoginRefused
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check", "refused"]

CODES = {
    "SP216": "A helper could not make a login",
    "SP217": "credsStore names a helper that cannot store a login",
    "SP220": "The registry refuses the login that a helper made",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Look for helpers that answered that they have no login, although they make logins."""
    if examination.runs:
        yield from merged(_findings(examination))


def _findings(examination: Examination) -> Iterator[Finding]:
    helpers = {helper.suffix: helper for helper in examination.helpers if sign_in(helper.suffix)}
    started = {suffix: helper for suffix, helper in helpers.items() if fault(examination, helper) is None}
    for client in examination.clients:
        answered = {(entry.helper, entry.key) for entry in examination.entries[client.name]}
        for entry in client.entries(examination.context, ask_helpers=False):
            helper = started.get(entry.helper or "")
            if helper is None:
                continue
            if not entry.key:
                yield _cannot_store(examination, helper)
            elif (entry.helper, entry.key) not in answered:
                yield _could_not(examination, helper, entry.key)
    for resolution in examination.resolutions.values():
        helper = started.get(asked_helper(resolution) or "")
        if helper and resolution.answer == ANONYMOUS:
            yield _could_not(examination, helper, resolution.server_url)


def _could_not(examination: Examination, helper: Named, key: str) -> Finding:
    context = examination.context
    found = inputs(context, helper.suffix, key)
    cause, seen, fix = found or ("", (), sign_in(helper.suffix))
    evidence = (f"asked for {shown(key)}: it printed that it has no login, which hides the reason", *seen, helper.why)
    logged, advice = logged_failure(context, helper.suffix)
    if logged and not cause:
        cause, fix = logged, advice
    cause = cause or "it could not make a login"
    return Finding(
        "SP216", Severity.ERROR, context.name, helper.program, cause, evidence, Advice(said_there(context, fix))
    )


def _cannot_store(examination: Examination, helper: Named) -> Finding:
    context = examination.context
    cause = "it makes its own logins and stores none, so a login to any other registry fails"
    fix = f'name it for its registries only: "credHelpers": {{"REGISTRY": "{helper.suffix}"}} in {quoted(helper.path)}'
    return Finding("SP217", Severity.NOTE, context.name, helper.program, cause, (helper.why,), Advice(fix))


def refused(examination: Examination, resolution: Resolution, error: LoginRefused) -> Finding | None:
    """Return the finding for a refused login that a helper made by itself, None for any other login."""
    context, source = examination.context, resolution.source
    found = inputs(context, source.helper, resolution.reference.registry) if source else None
    if source is None or found is None:
        return None
    cause = (
        f"docker-credential-{source.helper} made this login with an identity that the registry refuses: {error.reason}"
    )
    evidence = (found.missing, *found.seen, sends(resolution, examination.fingerprints))
    return Finding(
        "SP220",
        Severity.ERROR,
        context.name,
        resolution.reference.registry,
        cause,
        tuple(line for line in evidence if line),
        Advice(said_there(context, found.fix)),
    )
