"""What of a file's plain-text logins can move so that every client sends what it sent before. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import FAMILIES, FILE_FLAG
from shorepass.clients import find
from shorepass.config import document
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS
from shorepass.errors import MalformedFile, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.migration.entries import holds_secret, movable, repeated, secret_members
from shorepass.migration.readers import (
    on_the_wire,
    references,
    registries,
    sent,
)
from shorepass.stores import check

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shorepass.clients import Client
    from shorepass.clients.views import FileView
    from shorepass.config.docker_config import Members
    from shorepass.contexts import FileContent
    from shorepass.credential import Credential
    from shorepass.migration.readers import Sent, Stored

__all__ = ["FilePlan", "Group", "Login", "Stay", "plan_file", "readers_of"]

OF_A_PART = "podman asks a helper for a whole registry, and a key here is of a part of one"
NOT_ALIKE = "docker and podman do not take the same login from it, and both would ask the same helper"
SPOILT = "it cannot be taken out without changing what a client sends"
OTHER_LOGIN = "another login for {} is in the store, or goes there first, and it keeps one"


class Login(NamedTuple):
    """A login in plain text: the ``key`` of its entry, and the keys ``under`` which the store will have it."""

    key: str
    credential: Credential
    under: tuple[str, ...]


class Group(NamedTuple):
    """The logins of one registry in a file: they move together. ``names``: for which keys our helper is named there."""

    logins: tuple[Login, ...]
    names: tuple[str, ...]

    @property
    def stored(self) -> dict[str, Credential]:
        """What the store is to have."""
        return {key: login.credential for login in self.logins for key in login.under}


class Stay(NamedTuple):
    """A login that stays in plain text, and why; ``key`` is empty for a whole file. ``broken``: the source itself is."""

    path: str
    key: str
    reason: str
    hint: str | None = None
    broken: bool = False


class FilePlan(NamedTuple):
    """What becomes of a file. ``edited``: its bytes when all groups have moved, None where there are none."""

    groups: tuple[Group, ...]
    stays: tuple[Stay, ...]
    edited: bytes | None


def plan_file(content: FileContent, *, owner: Client, stored: Stored, only: Sequence[Group] | None = None) -> FilePlan:
    """Return what of a file moves. ``owner``: the client whose file it is; others may read it as well.

    ``stored`` says what the store has, or will have by another file. ``only``: leave other groups alone. Raises MalformedFile.
    """
    readers = readers_of(content, owner)
    named = (FILE_FLAG, content.path) if owner.row.flag == FILE_FLAG else ()
    logout = command(None, "logout", *named)
    auths = readers[0].auths
    twice = repeated(content)
    logins: dict[str, Credential] = {}
    stays = []
    for key, members in auths.items():
        try:
            credential = movable(key, members, readers, logout, twice=key in twice)
        except UsageError as error:
            stays.append(Stay(content.path, key, error.message, error.hint))
        else:
            logins |= {key: credential} if credential else {}
    groups = []
    for keys in _by_registry(logins):
        try:
            group = _group(keys, logins, readers, logout, stored)
        except UsageError as error:
            stays += [Stay(content.path, key, error.message, error.hint) for key in keys]
        else:
            groups.append(group)
    if only is not None:
        groups = [group for group in groups if group in only]
    edited = _edit(content, groups, auths)
    while spoilt := _spoilt(content._replace(data=edited), groups, readers, stored, owner):
        stays += [Stay(content.path, login.key, SPOILT) for group in spoilt for login in group.logins]
        groups = [group for group in groups if group not in spoilt]
        edited = _edit(content, groups, auths)
    return FilePlan(tuple(groups), tuple(stays), edited if groups else None)


def readers_of(content: FileContent, owner: Client) -> list[FileView]:
    """Return the views of a file, that of its owner first. Raises MalformedFile."""
    readers = [owner.view(content)]
    for other in map(find, FAMILIES):
        if owner.row.family in other.facts.reads:
            with suppress(MalformedFile):  # podman stops at this file now, and will then
                readers.append(other.view(content))
    return readers


def _by_registry(logins: Mapping[str, Credential]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for key in logins:
        groups.setdefault(next(iter(registries(key)), key), []).append(key)
    return list(groups.values())


def _group(
    keys: list[str], logins: Mapping[str, Credential], readers: Sequence[FileView], logout: str, stored: Stored
) -> Group:
    """Return how the logins of one registry move. Raises UsageError: they cannot, and why."""
    under: dict[str, list[str]] = {key: [] for key in keys}
    answers: dict[str, set[Sent]] = {}  # by what a helper would be asked for
    names: list[str] = []
    for reader in readers:
        for registry in dict.fromkeys(registry for key in keys for registry in registries(key)):
            asked = reader.asked(registry)
            picked, answer = _picked(reader, registry, under), _answer(reader, registry, stored)
            answers.setdefault(asked, set()).add(answer)
            if picked:
                _refuse(reader, registry, answer, logout, stored)
            for key in picked:
                if answer != {on_the_wire(logins[key])}:
                    if reader.helper(asked) == OURSELVES:
                        raise UsageError(OTHER_LOGIN.format(asked), hint=_decide(asked))
                    raise UsageError(NOT_ALIKE, hint=f"{command(None, 'login', registry)}, which writes it for both")
                under[key] += [asked] * (asked not in under[key])
            if picked and reader.helper(asked) != OURSELVES and asked not in names:
                names.append(asked)
    if any(len(answers[asked]) > 1 for asked in names):
        raise UsageError(NOT_ALIKE)
    group = Group(tuple(Login(key, logins[key], tuple(under[key] or [key])) for key in keys), tuple(names))
    _check_store(group, stored)
    return group


def _picked(reader: FileView, registry: str, keys: Collection[str]) -> list[str]:
    fitting = {key for reference in references(registry, reader) for key in reader.fitting(reference)}
    return [key for key in keys if key in fitting]


def _answer(reader: FileView, registry: str, stored: Stored) -> Sent:
    """Return all that a client may send for the images of a registry."""
    return frozenset().union(*(sent(reader, reference, stored) for reference in references(registry, reader)))


def _refuse(reader: FileView, registry: str, answer: Sent, logout: str, stored: Stored) -> None:
    """Raise UsageError where no helper could answer as the file does."""
    helper = reader.helper(reader.asked(registry))
    if helper not in ("", OURSELVES):
        program = printable(f"docker-credential-{helper}")
        raise UsageError(
            f"{reader.name} asks {program} for that registry, not the file",
            hint=f"if {quoted(program)} has it, too: {logout} {quoted(registry)}, then log in anew",
        )
    if any(len(sent(reader, reference, stored)) > 1 for reference in references(registry, reader)):
        raise UsageError(
            f"{reader.name} takes one of several logins at random",
            hint=f"{logout} {quoted(registry)}, then log in anew",
        )
    if len(answer) > 1:
        raise UsageError(OF_A_PART)


def _check_store(group: Group, stored: Stored) -> None:
    """Raise UsageError where the store cannot keep a login, or has another one for its key."""
    for login in group.logins:
        for key in login.under:
            check(key, login.credential)
            for other in (group.stored[key], stored(key)):
                if on_the_wire(other) not in (ANONYMOUS, on_the_wire(login.credential)):
                    raise UsageError(OTHER_LOGIN.format(key), hint=_decide(key))


def _decide(key: str) -> str:
    erase = f"printf %s {quoted(key)} | docker-credential-shorepass erase"
    return (
        f"if this one is right: {command(None, 'migrate', '--apply')}, forget the store's ({erase}), and migrate again"
    )


def _edit(content: FileContent, groups: Sequence[Group], auths: Mapping[str, Members]) -> bytes:
    """Return the file with the secrets of these groups taken out, and our helper named in their place."""
    gone = [
        ("auths", login.key, name)
        for group in groups
        for login in group.logins
        for name in secret_members(auths[login.key])
    ]
    data = document.remove_members(content, gone)
    for name in dict.fromkeys(name for group in groups for name in group.names):
        data = document.set_member(content._replace(data=data), ("credHelpers", name), OURSELVES)
    return data


def _spoilt(
    edited: FileContent, groups: Sequence[Group], before: Sequence[FileView], stored: Stored, owner: Client
) -> list[Group]:
    """Return the groups that leave a secret in the edited file, or change what a client sends."""
    will = {key: credential for group in groups for key, credential in group.stored.items()}
    after = readers_of(edited, owner)

    def has(key: str) -> Credential:
        return will[key] if key in will else stored(key)

    def is_good(group: Group) -> bool:
        if any(holds_secret(after[0].auths[login.key]) for login in group.logins):
            return False
        return all(
            sent(old, reference, stored) == sent(new, reference, has)
            for old, new in zip(before, after, strict=True)
            for login in group.logins
            for registry in registries(login.key)
            for reference in references(registry, old)
        )

    return [group for group in groups if not is_good(group)]
