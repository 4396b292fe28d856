"""SP4xx: environment variables, or a HOME, that hide logins from a client."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from shorepass.client_table import ROWS
from shorepass.config import docker_config
from shorepass.config.locations import join
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS
from shorepass.doctor import stored
from shorepass.doctor.checks.variable_values import Logins, logins_meant, path_meant
from shorepass.doctor.evidence import login, sends, shown
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.errors import FileError, MalformedFile, SourceError
from shorepass.fixes.repair import Advice
from shorepass.names import Reference
from shorepass.settings import BEHIND_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client, Entry
    from shorepass.config.auth_entry import AuthConfig
    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {
    "SP401": "A variable hides the stored logins",
    "SP402": "DOCKER_AUTH_CONFIG overrides a stored login",
    "SP403": "DOCKER_AUTH_CONFIG is set but not used",
    "SP404": "docker is a snap and has a different HOME",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Look at what the environment says about where logins are."""
    yield from merged(chain.from_iterable(_elsewhere(examination, client) for client in examination.clients))
    for client in examination.clients:
        yield from _variable(examination, client)
        yield from _snap(examination, client)


# SP401


def _elsewhere(examination: Examination, client: Client) -> Iterator[Finding]:
    context = examination.context
    variable = next((name for name in client.facts.variables if context.getenv(name)), None)
    if variable is None or context.getenv(BEHIND_VARIABLE):  # `shorepass run` has set it, for one command
        return
    place = context.getenv(variable) or ""
    entries = _spelled_out(examination, client, context)
    usual = _spelled_out(examination, client, context.with_env(**{variable: ""}))
    unseen = _missing(examination, client, usual, entries)
    stops = _stops(examination, client)
    meant_path = path_meant(context, variable, place)
    is_missing = stops or (variable == "DOCKER_CONFIG" and not context.is_folder(place))
    if meant_path:
        severity, cause = Severity.ERROR, meant_path.cause
    elif stops:
        severity, cause = Severity.ERROR, "it names a file that does not exist"
    elif unseen:
        cause = "it hides the logins in the usual place"
        severity = Severity.WARNING if is_missing or not entries else Severity.NOTE
        severity = Severity.ERROR if examination.reference is not None else severity
    elif is_missing:
        severity, cause = Severity.NOTE, "it names a folder that does not exist"
    else:
        return
    named_by = f"{variable}={place}" if place == place.strip() else f"{variable}={place!r}"
    if examination.is_named_by_flag(client):
        named_by, variable = f"{client.row.flag} {place}", client.row.flag
    evidence = [named_by, *([f"{client.name} pulls nothing until this is fixed"] if stops else [])]
    for entry in unseen:
        said = login(entry.credential, examination.fingerprints) if entry.credential else "a login"
        evidence.append(f"{client.name} does not see {said} for {shown(entry.key)} in {entry.path}")
    advice = meant_path.advice if meant_path else f"unset {variable}"
    if examination.is_named_by_flag(client):
        advice = f"leave {variable} out"
    if unseen and not meant_path:
        meant = stored.meaning_to(client, unseen[0].key)
        registry = meant.name if meant else "REGISTRY"
        advice += f"; or log in there too: {command(context, 'login', registry, client=client.name)}"
    follows = _without_login(examination) if unseen or meant_path else ()
    if meant_path:
        follows = (("SP104", place), *follows)
    yield Finding("SP401", severity, context.name, variable, cause, tuple(evidence), Advice(advice), follows=follows)


def _without_login(examination: Examination) -> tuple[tuple[str, str], ...]:
    """Return the finding that follows from a hidden login: the client has none for the image."""
    asked = examination.reference
    return (("SP510", asked.name),) if asked else ()


def _stops(examination: Examination, client: Client) -> bool:
    """Return whether the client is installed and stops because the variable's file does not exist."""
    context = examination.context
    if not any(context.which(program) for program in ROWS[client.row.family].programs):
        return False
    try:
        return client.missing(context) is not None
    except FileError:
        return False  # other checks report it


def _spelled_out(examination: Examination, client: Client, context: Context) -> list[Entry]:
    """Return a client's logins. A helper's entry is replaced by the logins that the helper lists."""
    found = []
    for entry in client.entries(context, ask_helpers=False):
        listed = examination.listed(entry.helper) if entry.helper and not entry.key else None
        found += [entry._replace(key=key) for key in listed] if isinstance(listed, dict) else [entry]
    return found


def _missing(examination: Examination, client: Client, usual: list[Entry], entries: list[Entry]) -> list[Entry]:
    """Return the usual logins whose registries have no login in ``entries``.

    If the examination is for a reference, only the logins of its registry count.
    """
    seen = {stored.meaning_to(client, entry.key) for entry in entries}
    asked = examination.reference
    missing = []
    for entry in usual:
        meant = stored.meaning_to(client, entry.key)
        if entry.error is not None or meant is None or meant in seen:
            continue
        if asked is None or meant.registry == asked.registry:
            missing.append(entry)
    return missing


# SP402, SP403


def _variable(examination: Examination, client: Client) -> Iterator[Finding]:
    context, name = examination.context, client.facts.variable_with_logins
    text = context.getenv(name) if name else None
    if not text:
        return
    why_unused = client.passes_over_variable(context, runs=examination.runs)
    try:
        auths = docker_config.load_variable(text)
    except MalformedFile as error:
        meant_logins = logins_meant(context, name, text)
        if not why_unused or (meant_logins is None and _sends_nothing(examination, client)):
            yield _malformed(examination, client, error, meant_logins, why_unused)
        if not why_unused or meant_logins is None:
            return
        auths = meant_logins.auths
    for key, auth in auths.items():
        meant = stored.meaning_to(client, key)
        asked = examination.reference
        if meant is None or (asked is not None and asked.registry != meant.registry):
            continue
        yield from _one_key(examination, client, key, meant, auth, why_unused)


def _sends_nothing(examination: Examination, client: Client) -> bool:
    """Return whether a client has no login for the image, so that the one that was meant is missed."""
    resolution = examination.resolutions.get(client.name)
    return resolution is not None and resolution.answer == ANONYMOUS


def _malformed(
    examination: Examination, client: Client, error: MalformedFile, meant: Logins | None, why_unused: str
) -> Finding:
    """Return the finding for a variable with text that is not the JSON that is wanted."""
    name = client.facts.variable_with_logins
    cause, advice = "it is malformed", f"unset {name}, or fix it"
    evidence = [error.reason, why_unused or f"{client.name} prints a warning and continues as if it were not set"]
    if meant:
        cause, advice = meant.cause, meant.advice
    if examination.context.getenv("GITLAB_CI"):
        evidence.append("GitLab's runner reads it, too, for the images of the jobs: correct it in the CI/CD settings")
    if why_unused and examination.reference is not None:
        advice = command(examination.context, "login", examination.reference.registry, client=client.name)
    return _not_used(examination, name, cause, tuple(evidence), advice)


def _one_key(
    examination: Examination, client: Client, key: str, meant: Reference, auth: AuthConfig, why_unused: str
) -> Iterator[Finding]:
    """Compare what the variable says about one registry with what the client does without the variable."""
    context, fingerprints = examination.context, examination.fingerprints
    variable, right = client.facts.variable_with_logins, client.asked_for(meant.registry)
    without = client.resolve(context.with_env(**{variable: ""}), meant)
    if without.answer == auth.credential() or isinstance(without.answer, SourceError):
        return
    subject = f"{variable}: {shown(key)}"
    evidence = (f"it holds {login(auth.credential(), fingerprints)}", f"without it {sends(without, fingerprints)}")
    if why_unused:
        advice = command(context, "login", meant.registry, client=client.name)
        yield _not_used(examination, subject, why_unused, evidence, advice)
    elif key != right and not meant.repository:
        cause = f"{client.name} never reads this key, only the exact key {right}"
        yield _not_used(examination, subject, cause, evidence, f"rename the key to {right}")
    elif without.answer != ANONYMOUS:
        cause = f"{client.name} uses this login instead of the stored one"
        yield Finding("SP402", Severity.WARNING, context.name, subject, cause, evidence, Advice(f"unset {variable}"))


def _not_used(examination: Examination, subject: str, cause: str, evidence: tuple[str, ...], advice: str) -> Finding:
    context, follows = examination.context.name, _without_login(examination)
    return Finding("SP403", Severity.ERROR, context, subject, cause, evidence, Advice(advice), follows=follows)


# SP404


def _snap(examination: Examination, client: Client) -> Iterator[Finding]:
    """Find logins that a client from a snap does not see: snapd gives it its own HOME."""
    context, facts = examination.context, client.facts
    program, home = context.which(facts.snap) if facts.snap else None, context.home()
    if program is None or not home or context.getenv(facts.variable):
        return
    if not program.endswith(f"/snap/bin/{facts.snap}"):
        return
    name = facts.folders[0]
    folder = join(context, home, "snap", facts.snap, "current", name)
    there = _spelled_out(examination, client, context.with_env(**{facts.variable: folder}))
    unseen = _missing(examination, client, _spelled_out(examination, client, context), there)
    if unseen:
        meant = stored.meaning_to(client, unseen[0].key)
        cause = f"it looks for logins in {folder}, but there are others in {join(context, home, name)}"
        evidence = tuple(f"not seen: {shown(entry.key)} in {entry.path}" for entry in unseen)
        registry = meant.registry if meant else "REGISTRY"
        advice = Advice(command(context, "login", client.row.flag, folder, registry))
        yield Finding("SP404", Severity.ERROR, context.name, program, cause, evidence, advice)
