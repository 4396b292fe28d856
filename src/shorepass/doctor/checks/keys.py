"""Logins under keys that a client never uses, or uses at random, by the client's own rules."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING

from shorepass.config import document
from shorepass.contexts.ci import job_of
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS
from shorepass.doctor import stored
from shorepass.doctor.evidence import login, sends, shown
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import SourceError, UsageError
from shorepass.fixes.repair import Advice, Edit
from shorepass.foreign_text import quoted
from shorepass.names import Reference, is_loopback, split_host_port
from shorepass.registry.websites import WEBSITES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Change, FileContent
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.stored import Stored
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check"]

CODES = {
    "SP302": "A login is stored under a key that is never looked up",
    "SP306": "A client uses one of several keys for a registry at random",
    "SP311": "A login is hidden by another key for the same registry",
}

LOST_LIMIT = 50  # findings of one file: one program wrote all its keys in the same way


def check(examination: Examination) -> Iterator[Finding]:
    """Look at the key of every login in every file."""
    files = stored.read(examination)
    for file in stored.judges(files):
        others = [other for other in files if other.path == file.path and other is not file]
        yield from islice(_not_looked_up(examination, file, others), LOST_LIMIT)
        yield from islice(_hidden(examination, file), LOST_LIMIT)
    yield from _at_random(examination, files)


def _not_looked_up(examination: Examination, file: Stored, others: list[Stored]) -> Iterator[Finding]:
    client, asked = file.client, examination.reference
    tokens = client.facts.kept_keys
    read = {entry.key for entry in examination.entries[client.name] if entry.path == file.path and not entry.helper}
    for key in file.logins:
        meant = stored.meaning_to(client, key)
        if key not in read or key in tokens:
            continue
        if meant is None:
            yield _lost(examination, file, others, key, None, "it is not the name of a registry", Severity.ERROR)
        elif key != key.strip():
            why = f"it begins or ends with a blank, and {client.name} never uses such a key"
            yield _lost(examination, file, others, key, meant, why, Severity.ERROR)
        elif meant.registry in WEBSITES:
            why = f"{meant.registry} is a website, and no images come from it"
            yield _lost(examination, file, [], key, Reference(WEBSITES[meant.registry]), why, Severity.ERROR)
        elif not client.fitting([key], meant):
            spelled = Reference(shown(key).rpartition("://")[2].partition("/")[0])
            if not client.fitting([key], spelled):
                yield _lost(examination, file, others, key, meant, f"{client.name} never uses it", Severity.ERROR)
            elif asked is None or asked.registry != spelled.registry:
                why = f"{client.name} uses it only for images written {spelled.registry}/..."
                yield _lost(examination, file, others, key, meant, why, Severity.WARNING)
        elif asked is not None and _is_near(meant, asked) and _is_missed(examination.resolutions[client.name], meant):
            why = f"{client.name} has no login for {asked.registry} and does not use this one for {meant.registry}"
            near = _lost(examination, file, others, key, None, why, Severity.ERROR)
            yield near._replace(follows=(("SP510", asked.name),))


def _is_near(meant: Reference, asked: Reference) -> bool:
    """Return whether two registries are one host in two spellings or at two ports, or one port of this machine."""
    (host, port), (other, other_port) = (split_host_port(one.registry.lower()) for one in (meant, asked))
    same_machine = port == other_port and is_loopback(meant.registry) and is_loopback(asked.registry)
    return meant.registry != asked.registry and (host == other or same_machine)


def _is_missed(resolution: Resolution, meant: Reference) -> bool:
    """Return whether a client sends no login, and has no mirror that gets the one for ``meant``."""
    mirrors = {mirror.registry for mirror, _ in resolution.mirrors}
    return resolution.answer == ANONYMOUS and meant.registry not in mirrors


def _lost(
    examination: Examination,
    file: Stored,
    others: list[Stored],
    key: str,
    meant: Reference | None,
    why: str,
    severity: Severity,
) -> Finding:
    client, context = file.client.name, examination.context
    right = _right_key(examination, file, meant) if meant else None
    evidence = (
        f"it holds {login(file.logins[key], examination.fingerprints)}",
        *([f"{client} looks under {right}"] if right else []),
    )
    users = [other.client.name for other in others if _is_used_by(other, key)]
    registry = (meant or examination.reference or Reference("REGISTRY")).registry
    repair: Advice | Edit = Advice(command(context, "login", registry, client=client))
    if right in file.logins:
        severity = Severity.NOTE
        why += f"; there is another login for {right}"
        if not users:
            summary = f"remove {quoted(shown(key))} from auths: {quoted(right)} has a login"
            repair = Edit(context, file.path, _remover(key), summary)
    elif right is not None and all(
        _is_used_by(other, key, instead=right) for other in others if _is_used_by(other, key)
    ):
        summary = f"rename {quoted(shown(key))} in auths to {quoted(right)}"
        repair = Edit(context, file.path, _renamer(key, right), summary)
    if users:
        evidence = (*evidence, f"{' and '.join(users)} uses it")
    asked = examination.reference
    follows: tuple[tuple[str, str], ...] = ()
    if asked is not None and _is_asked(asked, key, meant):
        follows = (("SP510", asked.name), ("SP309", asked.registry))
    subject = f"{file.path}: {shown(key)}"
    return Finding("SP302", severity, context.name, subject, why, evidence, repair, follows=follows)


def _is_asked(asked: Reference, key: str, meant: Reference | None) -> bool:
    """Return whether a key was to be for the registry that is asked for."""
    return meant.registry == asked.registry if meant else fnmatchcase(asked.registry, key)


def _is_used_by(file: Stored, key: str, *, instead: str = "") -> bool:
    """Return whether a client uses the login under this key, or would under ``instead``."""
    meant = stored.meaning_to(file.client, key)
    if instead and meant and meant.repository:
        return False  # it would be the login for all of the registry
    keys = {instead, *file.logins} - {key} if instead else set(file.logins)
    return meant is not None and (instead or key) in file.client.fitting(keys, meant)


def _right_key(examination: Examination, file: Stored, meant: Reference) -> str | None:
    """Return the key under which the client would store such a login in this file.

    None means that the client would store it elsewhere.
    """
    try:
        target = file.client.target(examination.context, meant.name)
    except (SourceError, UsageError):
        return None
    return target.key if target.helper is None and file.client.fitting([target.key], meant) else None


def _renamer(key: str, right: str) -> Change:
    """Return the edit that renames a key of ``auths``. It changes nothing if the new key has an entry."""

    def edit(current: FileContent | None) -> bytes | None:
        auths = document.load(current, first_value_only=True).get("auths") if current else None
        if not isinstance(auths, dict) or key not in auths or auths.get(right):
            return None
        return document.remove_member(document.set_member(current, ("auths", right), auths[key]), ("auths", key))

    return edit


def _remover(key: str) -> Change:
    """Return the edit that removes an entry of ``auths``. A partial's repr would show the user info in a key."""

    def edit(current: FileContent | None) -> bytes | None:
        return None if current is None else document.remove_member(current, ("auths", key))

    return edit


def _hidden(examination: Examination, file: Stored) -> Iterator[Finding]:
    """Find keys with another login for a registry, where the client uses the login under its exact key."""
    client, context = file.client, examination.context
    for key, login_of_key in file.logins.items():
        meant = stored.meaning_to(client, key)
        right = client.asked_for(meant.registry) if meant and not meant.repository else ""
        used = file.logins.get(right)
        if meant is None or key == right or used is None or used == login_of_key or not client.fitting([key], meant):
            continue
        cause = f"{client.name} uses the login under {shown(right)} instead of this one"
        evidence = [f"it holds {login(login_of_key, examination.fingerprints)}"]
        evidence.append(f"{shown(right)} holds {login(used, examination.fingerprints)}")
        job = job_of(context)
        if job is not None and "://" in key:
            evidence.append(f"plugins of {job.system} write keys with https://, and docker login those without")
        repair = Advice(
            f"{command(context, 'login', meant.registry, client=client.name)} (its key overrides all others)"
        )
        subject = f"{file.path}: {shown(key)}"
        yield Finding("SP311", Severity.NOTE, context.name, subject, cause, tuple(evidence), repair)


def _at_random(examination: Examination, files: list[Stored]) -> Iterator[Finding]:
    """Find registries for which a client uses one of several logins at random."""
    for resolution in examination.decisions:
        if not resolution.alternatives or resolution.source is None:
            continue
        client, registry, path = resolution.client, resolution.reference.registry, resolution.source.path
        owners = {file.path: file.client.name for file in stored.judges(files)}
        if owners.get(path, client) != client and (registry, path) in _random(examination, owners[path]):
            continue  # a login of the owner helps both, and one of this client would go to another file
        keys: list[str] = []
        for file in (file for file in files if (file.client.name, file.path) == (client, path)):
            fitting = file.client.fitting(file.logins, resolution.reference)
            keys += [f"{path}: {shown(key)}: {login(file.logins[key], examination.fingerprints)}" for key in fitting]
        if len(keys) <= 1:
            continue  # one login, of an entry that docker may or may not decode: the broken file is the finding
        count = len(resolution.alternatives) + 1
        cause = f"{client} has {count} different logins for it and uses one at random each time"
        login_again = command(examination.context, "login", registry, client=client)
        advice = Advice(f"{login_again} (its key overrides all others)")
        subject = f"{registry} ({client})"
        evidence = tuple(keys) or (sends(resolution, examination.fingerprints),)
        yield Finding("SP306", Severity.ERROR, examination.context.name, subject, cause, evidence, advice)


def _random(examination: Examination, client: str) -> set[tuple[str, str]]:
    """Return the registries, each with its file, for which a client uses one of several logins at random."""
    found = set()
    for resolution in examination.decisions:
        if resolution.client == client and resolution.alternatives and resolution.source is not None:
            found.add((resolution.reference.registry, resolution.source.path))
    return found
