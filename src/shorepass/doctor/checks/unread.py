"""What is written in a client's file and never read: keys of ``credHelpers``, fields, and logins for another registry."""

from __future__ import annotations

import base64
import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from shorepass.client_table import program_of
from shorepass.clients import Entry, find
from shorepass.config import document
from shorepass.config.docker_config import KNOWN_FIELDS
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.go_json import field_name
from shorepass.credential import ANONYMOUS
from shorepass.doctor import stored
from shorepass.doctor.evidence import shown
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.errors import SourceError
from shorepass.fixes.damaged_json import document_in
from shorepass.fixes.repair import Advice, Edit
from shorepass.foreign_text import quoted
from shorepass.registry.login_advice import new_login
from shorepass.registry.providers import neighbour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client
    from shorepass.contexts import Change, FileContent
    from shorepass.doctor.examination import ConfigFile, Examination
    from shorepass.doctor.stored import Stored

__all__ = ["CODES", "check"]

CODES = {
    "SP307": "A helper is named under a key that is never looked up",
    "SP308": "A config file has a field that no client reads",
    "SP309": "The stored login is for another registry of the same provider",
}

# What users write instead of a field: letters only, in lower case. A spelling that is only close is found by its letters.
SPELLINGS = {
    "credentialstore": "credsStore",
    "credentialsstore": "credsStore",
    "credstore": "credsStore",
    "credentialhelpers": "credHelpers",
    "credentialhelper": "credHelpers",
    "credhelper": "credHelpers",
    "credshelpers": "credHelpers",
    "auth": "auths",
}
KINDS: dict[str, type] = {"auths": dict, "credHelpers": dict, "credsStore": str}
CLOSE = 0.86  # difflib's ratio: one letter of ten may differ
SECRET_FIELDS = ("auth", "password", "identitytoken", "registrytoken")


def check(examination: Examination) -> Iterator[Finding]:
    """Look at the keys and the fields of every file, and at the logins beside the one that is asked for."""
    files = stored.read(examination)
    for file in stored.judges(files):
        for key, helper in file.helpers.items():
            if helper:
                yield from _helper_key(examination, file, files, key, helper)
    for config in examination.files:
        yield from _fields(examination, config)
    yield from merged(_neighbours(examination, files))


# SP307


def _looks_up(client: Client, key: str) -> bool:
    """Return whether a client asks the helper that a file names under this key."""
    host, _, path = key.partition("/")
    if path and client.facts.helper_repositories and "://" not in key:
        meant = stored.meaning(host)
        return meant is not None and host == meant.registry
    meant = stored.meaning(key)
    return meant is not None and key == client.asked_for(meant.registry)


def _helper_key(
    examination: Examination, file: Stored, files: list[Stored], key: str, helper: str
) -> Iterator[Finding]:
    client = file.client
    if _looks_up(client, key) or helper == file.store:  # it asks its store for all other keys
        return
    right = _right_keys(examination, file, key)
    if right == [key]:
        return
    users = [
        other.client.name
        for other in files
        if other.path == file.path and other is not file and _looks_up(other.client, key)
    ]
    cause = f"{client.name} never asks docker-credential-{helper} under this key"
    severity = Severity.ERROR
    repair: Advice | Edit = Advice(f'put "HOST": "{helper}" into credHelpers of {quoted(file.path)}, for each registry')
    evidence = [f"{client.name} looks under {name}" for name in right]
    if "*" in key:
        evidence.append("only the kubelet knows patterns; all other clients need the full name")
    if right and all(name in file.helpers for name in right):
        if users:
            return  # each client has its own key
        severity = Severity.NOTE
        cause += "; there is another entry with the right key"
    if users:
        evidence.append(f"{' and '.join(users)} uses it")
        if not examination.context.which(program_of(client.name)):
            severity = Severity.NOTE
    if right:
        summary = f"name it under {', '.join(map(quoted, right))}"
        if not users:
            summary = f"rename {quoted(shown(key))} in credHelpers to {', '.join(map(quoted, right))}"
        repair = Edit(examination.context, file.path, _renamer(key, right, helper, keep=bool(users)), summary)
    subject = f"{file.path}: {shown(key)}"
    follows = _follows(examination) if _means_asked(examination, key) else ()
    yield Finding("SP307", severity, examination.context.name, subject, cause, tuple(evidence), repair, follows=follows)


def _right_keys(examination: Examination, file: Stored, key: str) -> list[str]:
    """Return the keys under which the client looks for what a key means; of a pattern, for each registry that is known."""
    meant = stored.meaning(key)
    if "*" not in key:
        return [file.client.asked_for(meant.registry)] if meant else []
    known = [found for found in map(stored.meaning, file.logins) if found is not None]
    if examination.reference is not None:
        known.insert(0, examination.reference)
    hosts = [found.registry for found in known if _fits(key, found.registry)]
    return [file.client.asked_for(host) for host in dict.fromkeys(hosts)]


def _fits(pattern: str, registry: str) -> bool:
    return fnmatchcase(registry, pattern.rpartition("://")[2].partition("/")[0])


def _means_asked(examination: Examination, key: str) -> bool:
    asked = examination.reference
    if asked is None:
        return False
    meant = stored.meaning(key)
    return meant.registry == asked.registry if meant else _fits(key, asked.registry)


def _follows(examination: Examination) -> tuple[tuple[str, str], ...]:
    """Return the findings that follow from a login that is not found for the reference."""
    asked = examination.reference
    return (("SP510", asked.name),) if asked else ()


def _renamer(key: str, right: list[str], helper: str, *, keep: bool) -> Change:
    def edit(current: FileContent | None) -> bytes | None:
        helpers = document.load(current, first_value_only=True).get("credHelpers") if current else None
        if not isinstance(helpers, dict) or key not in helpers:
            return None
        data: FileContent | bytes | None = current
        for name in right:
            if name not in helpers:
                data = document.set_member(data, ("credHelpers", name), helper)
        if keep:
            return data if isinstance(data, bytes) else None
        return document.remove_member(data, ("credHelpers", key))

    return edit


# SP308


def _fields(examination: Examination, config: ConfigFile) -> Iterator[Finding]:
    """Find the members of a file that look like a login, or like a field with logins, and are neither."""
    if config.legacy:
        return
    try:
        content = examination.context.read(config.path, SIZE_LIMIT)
        found = document.load(content, first_value_only=True) if content else {}
    except SourceError:
        return  # other checks report it
    yield from _store_of_podman(examination, config, found)
    yield from _user_names(examination, config, found)
    yield from _pull_secret(examination, config, found)
    for name, value in found.items():
        meant = _meant(name, value)
        if meant is None or (isinstance(found.get(meant), str) and found[meant]):
            continue
        what = f"{quoted(name)} is a login beside auths, where no client looks"
        to: tuple[str, ...] = ("auths", name)
        if meant != "auths" or not _is_login(value):
            what, to = f"no client reads {quoted(name)}; they read {meant}", (meant,)
        evidence = (f"read by {' and '.join(config.clients)}",)
        summary = f"move {quoted(name)} into auths" if len(to) > 1 else f"rename {quoted(name)} to {meant}"
        repair = Edit(examination.context, config.path, _mover(name, to), summary)
        subject = f"{config.path}: {name}"
        follows = _follows(examination)
        yield Finding(
            "SP308", Severity.ERROR, examination.context.name, subject, what, evidence, repair, follows=follows
        )


def _store_of_podman(examination: Examination, config: ConfigFile, found: dict[str, Any]) -> Iterator[Finding]:
    """Find ``credsStore`` in a file whose owner reads only ``credHelpers``."""
    store = found.get("credsStore")
    judge = find(config.judge)
    if (
        program_of(judge.name) != config.family
        or judge.facts.reads_creds_store
        or not isinstance(store, str)
        or not store
    ):
        return
    listed = examination.listed(store)
    keys = [examination.reference.registry] if examination.reference else []
    keys += [meant.registry for meant in map(stored.meaning, listed or ()) if meant] if isinstance(listed, dict) else []
    cause = f"{judge.name} reads no credsStore, and names a helper for each registry in credHelpers"
    repair: Advice | Edit = Advice(f'put "credHelpers": {{"HOST": "{store}"}} into {quoted(config.path)}')
    if keys:

        def edit(current: FileContent | None) -> bytes | None:
            data: FileContent | bytes | None = current
            for key in dict.fromkeys(keys):
                data = document.set_member(data, ("credHelpers", key), store)
            return document.remove_member(data, ("credsStore",))

        names = ", ".join(map(quoted, dict.fromkeys(keys)))
        repair = Edit(examination.context, config.path, edit, f"name {quoted(store)} in credHelpers for {names}")
    subject = f"{config.path}: credsStore"
    follows = _follows(examination)
    yield Finding("SP308", Severity.ERROR, examination.context.name, subject, cause, (), repair, follows=follows)


def _user_names(examination: Examination, config: ConfigFile, found: dict[str, Any]) -> Iterator[Finding]:
    """Find logins in members that only some clients read: ``username`` and ``password`` without ``auth``."""
    blind = [name for name in config.clients if not find(name).facts.reads_user_name]
    auths = found.get("auths")
    for key, entry in auths.items() if blind and isinstance(auths, dict) else ():
        pair = _pair(entry)
        meant = stored.meaning(key)
        asked = examination.reference
        if not pair or (asked is not None and (meant is None or meant.registry != asked.registry)):
            continue
        encoded = base64.b64encode(pair.encode()).decode()

        def edit(current: FileContent | None, key: str = key, encoded: str = encoded) -> bytes | None:
            return document.set_member(current, ("auths", key, "auth"), encoded) if current else None

        others = [name for name in config.clients if name not in blind]
        cause = f"{' and '.join(blind)} reads only auth, and the entry has username and password"
        severity = Severity.NOTE if others else Severity.ERROR
        evidence = tuple(f"{name} reads both" for name in others)
        repair = Edit(examination.context, config.path, edit, f"add auth to the entry of {quoted(shown(key))}")
        subject, follows = f"{config.path}: {shown(key)}", _follows(examination)
        yield Finding("SP308", severity, examination.context.name, subject, cause, evidence, repair, follows=follows)


def _pair(entry: Any) -> str:
    """Return ``user:password`` of an entry that has both and no ``auth``, "" for any other."""
    if not isinstance(entry, dict) or entry.get("auth") or entry.get("identitytoken"):
        return ""
    user, password = entry.get("username"), entry.get("password")
    return f"{user}:{password}" if isinstance(user, str) and isinstance(password, str) and user and password else ""


def _pull_secret(examination: Examination, config: ConfigFile, found: dict[str, Any]) -> Iterator[Finding]:
    """Find a Secret of Kubernetes in the place of a config file: the file that clients want is in it."""
    inner = document_in(found)
    if not inner:
        return
    cause = "it is a Secret of Kubernetes, and clients want the document in it"

    def edit(current: FileContent | None) -> bytes | None:
        return document_in(document.load(current, first_value_only=True)) or None if current else None

    repair = Edit(examination.context, config.path, edit, "write the document that is in the Secret")
    follows = _follows(examination)
    yield Finding("SP308", Severity.ERROR, examination.context.name, config.path, cause, (), repair, follows=follows)


def _meant(name: str, value: Any) -> str | None:
    """Return the field that was meant by a member that no client knows, None if it has nothing to do with logins."""
    if field_name(name) in KNOWN_FIELDS or not value:
        return None
    if _is_login(value) and stored.meaning(name) is not None and ("." in name or ":" in name):
        return "auths"
    letters = "".join(filter(str.isalpha, name.lower()))
    fields = {field.lower(): field for field in KINDS}
    close = difflib.get_close_matches(letters, fields, n=1, cutoff=CLOSE)
    field = SPELLINGS.get(letters) or (fields[close[0]] if close else None)
    return field if field is not None and isinstance(value, KINDS[field]) else None


def _is_login(value: Any) -> bool:
    """Return whether a JSON value has the form of an entry of ``auths`` with a secret."""
    if not isinstance(value, dict):
        return False
    return any(isinstance(value.get(field), str) for field in SECRET_FIELDS)


def _mover(name: str, to: tuple[str, ...]) -> Change:
    """Return the edit that moves a member. What is at the new place already stays."""

    def parts_of(value: Any) -> dict[tuple[str, ...], Any]:
        if len(to) == 1 and isinstance(value, dict):
            return {(*to, key): inner for key, inner in value.items()}
        return {to: value}

    def edit(current: FileContent | None) -> bytes | None:
        found = document.load(current, first_value_only=True) if current else {}
        if name not in found:
            return None
        there = found.get(to[0])
        data: FileContent | bytes | None = current
        for path, value in parts_of(found[name]).items():
            if not (isinstance(there, dict) and path[-1] in there):
                data = document.set_member(data, path, value)
        return document.remove_member(data, (name,))

    return edit


# SP309


def _entries(examination: Examination, client: Client, files: list[Stored]) -> Iterator[Entry]:
    """Yield the logins of a client, and the registries that its files name a helper for."""
    for file in files:
        if file.client.name == client.name:
            for key, helper in file.helpers.items():
                yield Entry(key, "", "", file.path, helper)
    yield from examination.entries[client.name]


def _neighbours(examination: Examination, files: list[Stored]) -> Iterator[Finding]:
    """Find the logins for other registries of the provider whose registry is asked for, where there is no login for it."""
    asked = examination.reference
    for client in examination.clients if asked is not None else ():
        resolution = examination.resolutions[client.name]
        if asked is None or resolution.answer != ANONYMOUS:
            continue
        for entry in _entries(examination, client, files):
            meant = stored.meaning_to(client, entry.key)
            found = neighbour(asked.registry, meant.registry) if meant else None
            if meant is None or found is None:
                continue
            cause = f"{client.name} has no login for it, but one for {meant.registry}: {found.difference} of {found.provider}"
            evidence = (f"{shown(entry.key)} in {entry.path}",)
            repair = _login_there(examination, client, entry)
            yield Finding(
                "SP309",
                Severity.ERROR,
                examination.context.name,
                asked.registry,
                cause,
                evidence,
                repair,
                follows=_follows(examination),
            )
            break


def _login_there(examination: Examination, client: Client, entry: Entry) -> Advice | Edit:
    """Return how the client gets a login for the registry that is asked for: by the same helper, or by the provider."""
    asked = examination.reference
    assert asked is not None  # noqa: S101  # the caller has looked
    key = client.asked_for(asked.registry)
    helper = entry.helper or ""
    if helper and entry.path.endswith(".json"):

        def edit(current: FileContent | None) -> bytes | None:
            return document.set_member(current, ("credHelpers", key), helper) if current else None

        return Edit(
            examination.context, entry.path, edit, f"name {quoted(helper)} for {quoted(key)} in credHelpers, too"
        )
    return Advice(new_login(examination.context, asked.registry, client=client.name))
