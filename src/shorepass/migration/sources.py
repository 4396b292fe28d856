"""The files whose logins move, and what of them all can."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.accounts.keys import spellings
from shorepass.chain import chain_of
from shorepass.clients import FAMILIES, find, find_all
from shorepass.config import auth_file, document
from shorepass.credential import ANONYMOUS
from shorepass.errors import ShorepassError, SourceError
from shorepass.migration.entries import holds_secret
from shorepass.migration.plan import FilePlan, Stay, plan_file

if TYPE_CHECKING:
    from collections.abc import Collection

    from shorepass.clients import Client
    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores import Store

__all__ = ["Plan", "Source", "Stock", "as_asked", "client_files", "failure", "plan"]

WITHOUT_HELPERS = "this file, which docker wrote before 2015, cannot name a helper"


class Source(NamedTuple):
    """A file with logins. ``owner``: the client whose file it is."""

    path: str
    owner: Client
    plan: FilePlan


class Plan(NamedTuple):
    """What moves of all files, and what stays."""

    sources: tuple[Source, ...]
    stays: tuple[Stay, ...]

    @property
    def stored(self) -> dict[str, Credential]:
        """What the store is to have."""
        found: dict[str, Credential] = {}
        for source in self.sources:
            for group in source.plan.groups:
                found |= group.stored
        return found


class Stock:
    """What Shorepass's helper returns for each key, now and after the move. ``store``: None if it does not exist yet."""

    def __init__(self, store: Store | None) -> None:
        self._store = as_asked(store) if store else None
        self._names = store.list() if store else {}
        self._known: dict[str, Credential] = {}

    def __call__(self, key: str) -> Credential:
        """Return the login of a key, ANONYMOUS without one. Raises SourceError."""
        if key not in self._known:
            there = self._store and any(spelled in self._names for spelled in spellings(key))
            self._known[key] = self._store.get(key) if self._store and there else ANONYMOUS
        return self._known[key]

    def add(self, logins: dict[str, Credential]) -> None:
        """Let logins count as stored."""
        self._known |= logins


def as_asked(store: Store) -> Store:
    """Return a store as clients see it through Shorepass's helper: Docker Hub's login has two names."""
    return chain_of(store)


def plan(here: LocalContext, clients: Collection[str], store: Store | None) -> Plan:
    """Return what moves, and what stays and why. Raises SourceError: of the store."""
    stock = Stock(store)
    sources, stays = [], []
    for path, owner, legacy in client_files(here):
        if owner.name not in clients:
            continue
        try:
            content = here.read(path, document.SIZE_LIMIT)
            if content is None:
                continue
            if legacy:
                stays += _legacy(content)
                continue
            planned = plan_file(content, owner=owner, stored=stock)
        except SourceError as error:
            stays.append(failure(path, error))
            continue
        stays += planned.stays
        if planned.groups:
            source = Source(path, owner, planned)
            sources.append(source)
            stock.add(Plan((source,), ()).stored)
    return Plan(tuple(sources), tuple(stays))


def failure(path: str, error: ShorepassError) -> Stay:
    """Return a whole file that stays, because it cannot be read or written."""
    return Stay(path, "", error.message.removeprefix(path).lstrip(": "), error.hint, broken=True)


def client_files(here: LocalContext) -> list[tuple[str, Client, bool]]:
    """Return each file once, by whatever names: its path, whose it is, and whether it is of the old kind."""
    files: dict[str, tuple[str, Client, bool]] = {}
    for client in chain.from_iterable(map(find_all, FAMILIES)):
        for file in client.files(here, for_login=True):
            found = (os.path.abspath(file.path), find(file.family), file.legacy)
            files.setdefault(os.path.realpath(file.path), found)
    return list(files.values())


def _legacy(content: FileContent) -> list[Stay]:
    auths = auth_file.decode(content, legacy=True).auths
    return [
        Stay(content.path, key, WITHOUT_HELPERS, "log in again, then remove it from that file")
        for key, members in auths.items()
        if holds_secret(members)
    ]
