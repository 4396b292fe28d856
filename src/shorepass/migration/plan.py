"""The plain-text logins of a file that can move without a change of what clients send. Pure."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
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

OF_A_PART = "podman helpers work per registry, but this login is for a part of a registry"
NOT_ALIKE = "docker and podman read different logins from it, but both would ask the same helper"
CHANGES_CLIENT = "it cannot be removed without a change of what a client sends"
OTHER_LOGIN = "the store has another login for {}, or gets one first, and it keeps only one"


class Login(NamedTuple):
    """A login in plain text: the ``key`` of its entry, and the keys ``under`` which the store will have it."""

    key: str
    credential: Credential
    under: tuple[str, ...]


class Group(NamedTuple):
    """The logins of one registry in a file, which move together. ``names``: the keys that get Shorepass's helper."""

    logins: tuple[Login, ...]
    names: tuple[str, ...]

    @property
    def stored(self) -> dict[str, Credential]:
        """What the store is to have."""
        found: dict[str, Credential] = {}
        for login in self.logins:
            found |= dict.fromkeys(login.under, login.credential)
        return found


class Stay(NamedTuple):
    """A login that stays in plain text, and why; ``key`` is "" for a whole file. ``broken``: the source itself is broken."""

    path: str
    key: str
    reason: str
    hint: str | None = None
    broken: bool = False


class FilePlan(NamedTuple):
    """The plan for a file. ``edited``: its bytes after all groups have moved, None if no group moves."""

    groups: tuple[Group, ...]
    stays: tuple[Stay, ...]
    edited: bytes | None


def plan_file(content: FileContent, *, owner: Client, stored: Stored, only: Sequence[Group] | None = None) -> FilePlan:
    """Return the plan for a file. ``owner``: the client that owns it; others may read it as well.

    ``stored`` returns what the store has, or will get from another file. ``only``: groups that may move. Raises MalformedFile.
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
    while failing := _failing(content._replace(data=edited), groups, readers, stored, owner):
        logins_that_stay = chain.from_iterable(group.logins for group in failing)
        stays += [Stay(content.path, login.key, CHANGES_CLIENT) for login in logins_that_stay]
        groups = [group for group in groups if group not in failing]
        edited = _edit(content, groups, auths)
    if not groups:
        return FilePlan((), tuple(stays), None)
    return FilePlan(tuple(groups), tuple(stays), edited)


def readers_of(content: FileContent, owner: Client) -> list[FileView]:
    """Return the views of a file, that of its owner first. Raises MalformedFile."""
    readers = [owner.view(content)]
    for other in map(find, FAMILIES):
        if owner.row.family in other.facts.reads:
            with suppress(MalformedFile):  # podman stops at this file, before and after
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
    answers: dict[str, set[Sent]] = {}  # by the key that a helper would be asked for
    names: list[str] = []
    for reader in readers:
        for registry in dict.fromkeys(chain.from_iterable(map(registries, keys))):
            asked = reader.asked(registry)
            picked, answer = _picked(reader, registry, under), _answer(reader, registry, stored)
            answers.setdefault(asked, set()).add(answer)
            if picked:
                _refuse(reader, registry, answer, logout, stored)
            for key in picked:
                if answer != {on_the_wire(logins[key])}:
                    if reader.helper(asked) == OURSELVES:
                        raise UsageError(OTHER_LOGIN.format(asked), hint=_decide(asked))
                    raise UsageError(NOT_ALIKE, hint=f"{command(None, 'login', registry)}, which stores it for both")
                if asked not in under[key]:
                    under[key].append(asked)
            if picked and reader.helper(asked) != OURSELVES and asked not in names:
                names.append(asked)
    if any(len(answers[asked]) > 1 for asked in names):
        raise UsageError(NOT_ALIKE)
    group = Group(tuple(Login(key, logins[key], tuple(under[key] or [key])) for key in keys), tuple(names))
    _check_store(group, stored)
    return group


def _picked(reader: FileView, registry: str, keys: Collection[str]) -> list[str]:
    fitting = {*chain.from_iterable(map(reader.fitting, references(registry, reader)))}
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
            hint=f"if {quoted(program)} has it too: {logout} {quoted(registry)}, then log in again",
        )
    if any(len(sent(reader, reference, stored)) > 1 for reference in references(registry, reader)):
        raise UsageError(
            f"{reader.name} uses one of several logins at random",
            hint=f"{logout} {quoted(registry)}, then log in again",
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
    """Return the file without the secrets of these groups, and with Shorepass's helper named instead."""
    secrets: list[tuple[str, str, str]] = []
    for login in chain.from_iterable(group.logins for group in groups):
        secrets += [("auths", login.key, name) for name in secret_members(auths[login.key])]
    data = document.remove_members(content, secrets)
    for name in dict.fromkeys(chain.from_iterable(group.names for group in groups)):
        data = document.set_member(content._replace(data=data), ("credHelpers", name), OURSELVES)
    return data


def _failing(
    edited: FileContent, groups: Sequence[Group], before: Sequence[FileView], stored: Stored, owner: Client
) -> list[Group]:
    """Return the groups that leave a secret in the edited file, or change what a client sends."""
    will: dict[str, Credential] = {}
    for group in groups:
        will |= group.stored
    after = readers_of(edited, owner)

    def has(key: str) -> Credential:
        return will[key] if key in will else stored(key)

    def is_good(group: Group) -> bool:
        if any(holds_secret(after[0].auths[login.key]) for login in group.logins):
            return False
        names = {*chain.from_iterable(registries(login.key) for login in group.logins)}
        for old, new in zip(before, after, strict=True):
            for reference in chain.from_iterable(references(registry, old) for registry in names):
                if sent(old, reference, stored) != sent(new, reference, has):
                    return False
        return True

    return [group for group in groups if not is_good(group)]
