"""Stored logins that are in plain text, hidden by a helper, left over, or contradictory."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

from shorepass.client_table import FAMILIES, program_of, row_of
from shorepass.clients import find, find_all
from shorepass.config import document
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS, Basic, BearerToken, IdentityToken
from shorepass.doctor import stored
from shorepass.doctor.evidence import login, sends, shown
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.doctor.named import Named
from shorepass.errors import HelperMissing, SourceError
from shorepass.fixes.repair import Advice, Edit
from shorepass.foreign_text import quoted
from shorepass.helper.login_command import log_in
from shorepass.names import Reference
from shorepass.stores.helper_backends import Bus, bus, is_initialised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client, Entry
    from shorepass.contexts import Change, Context, FileContent
    from shorepass.credential import Credential
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.stored import Stored
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check"]

CODES = {
    "SP301": "A secret is stored in plain text",
    "SP303": "A credHelpers entry hides a login",
    "SP304": "A login remains in the file although a helper is used",
    "SP305": "docker and podman are logged in differently",
}

EVIDENCE_LIMIT = 10  # lines: more do not help the user

# Helpers that keep secrets encrypted, by platform, the most usual first.
STORES = {"linux": ("secretservice", "pass"), "darwin": ("osxkeychain",), "windows": ("wincred",)}


def check(examination: Examination) -> Iterator[Finding]:
    """Look at every entry of every file. Helpers are asked, registries are not."""
    files = stored.read(examination)
    yield from _plain_text(examination)
    for file in files:
        yield from _hidden_by_helper(examination, file)
    # several clients read one file, and the fix is the same for all
    yield from merged(chain.from_iterable(_left_over(examination, file) for file in files))
    yield from _contradictory(examination)


# SP301


def _plain_text(examination: Examination) -> Iterator[Finding]:
    """Find files with secrets in contexts where an encrypted helper works. Without one, clients write plain text."""
    files: dict[str, dict[str, Entry]] = {}
    readers: dict[str, Client] = {}
    judges = {file.path: file.judge for file in examination.files}
    for client in examination.clients:
        for entry in examination.entries[client.name]:
            if client.name != judges.get(entry.path, client.name):
                continue  # its owner sees the same entries, without those that its helper replaces
            if entry.credential is not None and entry.helper is None:
                files.setdefault(entry.path, {})[entry.key] = entry
                readers[entry.path] = client
    helper = _working_store(examination) if files else ""
    for path, entries in files.items() if helper else ():
        lines = [f"{shown(key)}: {_said(entry)}" for key, entry in entries.items()]
        more = [f"and {len(lines) - EVIDENCE_LIMIT} more"] if len(lines) > EVIDENCE_LIMIT else []
        evidence = (*lines[:EVIDENCE_LIMIT], *more, f"docker-credential-{helper} works here")
        cause = "anyone who can read this file, or a backup of it, has the secrets"
        first = stored.meaning(next(iter(entries)), part=True)
        registry = first.name if first else "REGISTRY"
        advice = _use_store(examination.context, path, registry, helper, readers[path])
        yield Finding("SP301", Severity.WARNING, examination.context.name, path, cause, evidence, Advice(advice))


def _said(entry: Entry) -> str:
    return f"{entry.kind} of {entry.username!r}" if entry.username else entry.kind


def _working_store(examination: Examination) -> str:
    """Return the first installed helper that answers and has a store, or ""."""
    context = examination.context
    for name in STORES.get(context.platform, ()):
        empty = (name == "pass" and not is_initialised(context)) or (
            name == "secretservice" and bus(context) is not Bus.PRESENT
        )
        if not empty and context.which(f"docker-credential-{name}") and isinstance(examination.listed(name), dict):
            return name
    return ""


def _use_store(context: Context, path: str, registry: str, helper: str, client: Client) -> str:
    """Return the commands to run. podman does not read credsStore, and keeps its old entry."""
    logout, login = (command(context, verb, registry, client=client.name) for verb in ("logout", "login"))
    if client.facts.reads_creds_store:
        return f'put "credsStore": "{helper}" into {quoted(path)}, then: {login}'
    return f'{logout}, put "credHelpers": {{"{registry}": "{helper}"}} into {quoted(path)}, then: {login}'


# SP303


def _hidden_by_helper(examination: Examination, file: Stored) -> Iterator[Finding]:
    """Find helpers for one registry that hide a login in the file or in the default store."""
    name = file.client.name
    asked = {entry.key: entry for entry in examination.entries[name] if entry.path == file.path}
    for server, helper in file.helpers.items():
        entry = asked.get(server)
        if not helper or (entry is not None and not isinstance(entry.error, HelperMissing)):
            continue
        hidden = _hidden_source(examination, file, server)
        if hidden:
            cause = f"{name} asks docker-credential-{helper}; that has no login, but there is one in {hidden}"
            if entry is not None and examination.at_login(Named(helper, file.path, (name,))) is not None:
                continue  # it works in a login shell: SP208
            severity = Severity.ERROR
            said: tuple[str, ...] = ()
            if entry is not None:
                cause = f"{name} asks docker-credential-{helper}, which is missing; there is a login in {hidden}"
            past = file.client.facts.past_missing_helper
            if entry is not None and past and hidden == "auths":
                severity, said = Severity.WARNING, (past,)
            repair = Edit(
                examination.context,
                file.path,
                _helper_remover(server),
                f"remove {quoted(shown(server))} from credHelpers",
            )
            subject = f"{file.path}: {shown(server)}"
            yield Finding("SP303", severity, examination.context.name, subject, cause, said, repair)


def _helper_remover(server: str) -> Change:
    def edit(current: FileContent | None) -> bytes | None:
        return None if current is None else document.remove_member(current, ("credHelpers", server))

    return edit


def _hidden_source(examination: Examination, file: Stored, server: str) -> str:
    """Return where the client would find a login without the helper, "" if it would find none."""
    if file.store:
        listed = examination.listed(file.store)
        return f"docker-credential-{file.store}" if isinstance(listed, dict) and server in listed else ""
    meant = stored.meaning_to(file.client, server)
    return "auths" if meant and file.client.fitting(file.logins, meant) else ""


# SP304


def _left_over(examination: Examination, file: Stored) -> Iterator[Finding]:
    """Find logins that remain in the file in plain text although the client asks a helper."""
    for key, credential in file.logins.items():
        meant = stored.meaning(key)
        if meant is None or isinstance(credential, BearerToken):
            continue  # docker uses a registry token from the file in any case
        own = file.helpers.get(key) or file.helpers.get(meant.registry)
        listed = examination.listed(own or file.store) if own or file.store else None
        if not isinstance(listed, dict):
            continue  # docker may fall back to the file if a helper is broken, and other checks report that
        in_helper = meant in {stored.meaning(name) for name in listed}
        if in_helper or not own:  # else it is SP303
            yield _left_over_finding(examination, file, key, meant, own or file.store, in_helper=in_helper)


def _left_over_finding(
    examination: Examination, file: Stored, key: str, meant: Reference, helper: str, *, in_helper: bool
) -> Finding:
    context, subject = examination.context, f"{file.path}: {shown(key)}"
    said: tuple[str, ...] = (f"it holds {login(file.logins[key], examination.fingerprints)}",)
    name = file.client.name
    if not in_helper:
        cause = f"{name} asks docker-credential-{helper}, which has no login; it does not use this one from the file"
        advice = Advice(log_in(context, meant.registry, client=name, helper=helper))
        return Finding("SP304", Severity.ERROR, context.name, subject, cause, said, advice)
    cause = f"{name} uses the login from docker-credential-{helper}, and this one remains here in plain text"
    other = _other_user(examination, file, key, meant)
    if other:
        said = (*said, f"{other} does not read credsStore and uses this one")
        login_of_other = command(context, "login", meant.registry, client=other)
        own = Advice(f"{login_of_other}; then run doctor --fix")
        return Finding("SP304", Severity.WARNING, context.name, subject, cause, said, own)
    edit = Edit(context, file.path, _emptier(key), f"empty {quoted(shown(key))} in auths, as docker does")
    return Finding("SP304", Severity.WARNING, context.name, subject, cause, said, edit)


def _other_user(examination: Examination, file: Stored, key: str, meant: Reference) -> str:
    """Return the family that ignores ``credsStore`` and uses the file's login, "" if none does."""
    family = file.client.row.family
    others = [client for client in find_all() if client.row.family != family and family in client.facts.reads]
    passing = [client for client in others if not client.facts.reads_creds_store]
    installed = next((client for client in passing if examination.context.which(client.name)), None)
    if installed is None or not file.client.facts.reads_creds_store:
        return ""
    source = installed.resolve(examination.context, meant).source
    is_used = source is not None and (source.path, source.key) == (file.path, key)
    return installed.row.family if is_used else ""


def _emptier(key: str) -> Change:
    """Return the edit that empties an entry, as docker does. It changes nothing if the entry is gone or empty."""

    def edit(current: FileContent | None) -> bytes | None:
        auths = document.load(current, first_value_only=True).get("auths") if current else None
        if not isinstance(auths, dict) or not auths.get(key):
            return None
        return document.set_member(current, ("auths", key), {})

    return edit


# SP305


def _contradictory(examination: Examination) -> Iterator[Finding]:
    """Find registries where docker and podman send different logins."""
    decided: dict[Reference, dict[str, Resolution]] = {}
    for resolution in examination.decisions:
        if not isinstance(resolution.answer, SourceError) and resolution.answer != ANONYMOUS:
            decided.setdefault(Reference(resolution.reference.registry), {}).setdefault(
                program_of(resolution.client), resolution
            )
    for reference, sent in decided.items():
        of_families = [sent[name] for name in FAMILIES if name in sent]
        for one, other in combinations(of_families, 2):
            if _secret(one.credential) != _secret(other.credential):
                yield _two_logins(examination, reference.registry, one, other)


def _two_logins(examination: Examination, registry: str, first: Resolution, second: Resolution) -> Finding:
    mine, other, one, two = _account(first.credential), _account(second.credential), first.client, second.client
    if mine == other:
        severity, cause = Severity.WARNING, f"{one} and {two} have different secrets for {mine!r}; one may be old"
    else:
        severity, cause = Severity.NOTE, f"{one} is logged in as {mine!r} and {two} as {other!r}"
    advice = command(examination.context, "login", registry, client=two)
    reads = row_of(one).family in find(two).facts.reads
    if reads and first.source is not None and first.source.helper is None:
        advice = f"{command(examination.context, 'logout', registry, client=two)} ({two} then uses {one}'s)"
    evidence = (sends(first, examination.fingerprints), sends(second, examination.fingerprints))
    return Finding("SP305", severity, examination.context.name, registry, cause, evidence, Advice(advice))


def _secret(credential: Credential) -> object:
    return credential.token if isinstance(credential, IdentityToken) else credential


def _account(credential: Credential) -> str:
    return credential.username if isinstance(credential, Basic | IdentityToken) else ""
