"""SP530, SP531: logins and names of images that cannot be right for their registry, by their form.

``registries`` yields these findings, because a refusal with such a cause is one finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.credential import Basic, kind_of
from shorepass.doctor import stored
from shorepass.doctor.evidence import sends, shown
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import LoginInTheWay, LoginRefused, PermissionDenied, RegistryError, ShorepassError
from shorepass.fixes.repair import Advice
from shorepass.helper.known_helpers import sign_in
from shorepass.registry.form_advice import image_fault, login_faults, of_resolution
from shorepass.registry.known_answers import known_answer
from shorepass.registry.websites import WEBSITES
from shorepass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shorepass.clients import Client, Entry
    from shorepass.doctor.examination import Examination
    from shorepass.resolution import Resolution

__all__ = ["CODES", "left", "of_entries", "of_names", "of_refusal", "renewal"]

CODES = {
    "SP530": "A login has the wrong form for its registry",
    "SP531": "An image's name has the wrong form for its registry",
}

REFUSALS = (LoginRefused, LoginInTheWay, PermissionDenied)
PASSWORD = kind_of(Basic("", Secret("")))


def of_entries(examination: Examination) -> Iterator[Finding]:
    """Yield the findings for all stored logins, or for those of the registry that is asked about. Nothing is sent."""
    for client in examination.clients:
        for entry in examination.entries[client.name]:
            yield from _of_entry(examination, client, entry)


def _of_entry(examination: Examination, client: Client, entry: Entry) -> Iterator[Finding]:
    meant = stored.meaning_to(client, entry.key)
    wanted = examination.reference
    if meant is None or entry.kind != PASSWORD or entry.error is not None or sign_in(entry.helper):
        return
    if wanted is not None and wanted.registry != meant.registry:
        return
    secret = entry.credential.password if isinstance(entry.credential, Basic) else None
    for fault in login_faults(examination.context, meant.registry, client.name, entry.username, secret):
        if fault.is_certain:
            where = f"docker-credential-{entry.helper}" if entry.helper else entry.path
            seen = (f"user name {entry.username!r}, stored in {where} for {shown(entry.key)}",)
            found = _finding(examination, "SP530", meant.registry, fault.cause, seen, fault.fix)
            is_cause = fault.is_refused and wanted is not None  # docker then sends no login at all
            yield found._replace(follows=(("SP510", wanted.name),)) if is_cause and wanted else found
            return


def of_names(examination: Examination) -> Iterator[Finding]:
    """Yield the finding for the name of the image that is asked about."""
    for resolution in examination.resolutions.values():
        fault = image_fault(resolution, push=examination.push)
        if fault:
            found = _finding(examination, "SP531", resolution.reference.name, fault.cause, (), fault.fix)
            registry = resolution.reference.registry
            after = (("SP511", registry), ("SP525", registry), ("SP510", resolution.reference.name))
            yield found._replace(follows=after) if registry in WEBSITES else found


def of_refusal(examination: Examination, resolution: Resolution, errors: Iterable[Exception]) -> Finding | None:
    """Return the finding for a refusal whose cause is the form of the login or of the name, None for other causes."""
    refusals = [error for error in errors if isinstance(error, REFUSALS)]
    if not refusals:
        return None
    seen = (*_said(refusals), sends(resolution, examination.fingerprints))
    name = image_fault(resolution, push=examination.push or any(map(_is_denied, refusals)))
    if name:
        return _finding(examination, "SP531", resolution.reference.name, name.cause, seen, name.fix)
    only_denied = all(map(_is_denied, refusals))
    faults = of_resolution(examination.context, resolution)
    fault = next((fault for fault in faults if not (only_denied and fault.ends)), None)
    if fault and not fault.is_certain and any(known_answer(error.reason) for error in refusals):
        return None  # because the registry names the cause itself
    if fault is None:
        return None
    return _finding(examination, "SP530", resolution.reference.registry, fault.cause, seen, fault.fix)


def renewal(examination: Examination, resolution: Resolution) -> str:
    """Return the command that gets the next token for a login that ends after hours, "" for any other login."""
    faults = of_resolution(examination.context, resolution)
    return next((fault.fix for fault in faults if fault.ends), "")


def left(errors: Iterable[ShorepassError], form: Finding | None) -> list[ShorepassError]:
    """Return the errors that have another cause than the form."""
    return [error for error in errors if form is None or not isinstance(error, REFUSALS)]


def _is_denied(error: RegistryError) -> bool:
    return isinstance(error, PermissionDenied)


def _said(errors: Iterable[RegistryError]) -> tuple[str, ...]:
    return tuple(f"the registry answers: {error.reason}" for error in errors)


def _finding(examination: Examination, code: str, subject: str, cause: str, seen: tuple[str, ...], fix: str) -> Finding:
    return Finding(code, Severity.ERROR, examination.context.name, subject, cause, seen, Advice(fix))
