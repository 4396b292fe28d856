"""Take a migration back: each login goes where it was, is read there, and only then erased from the store.

A login that is newer than the migration is written back as it is now.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from shorepass.accounts.keys import spellings
from shorepass.clients import FAMILIES, find
from shorepass.config import document
from shorepass.config.auth_entry import BadEntryError
from shorepass.contexts.command import command, operand
from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.errors import ShorepassError, without_user_info
from shorepass.files import FileContent
from shorepass.logins.helper_entry import put_back
from shorepass.migration.entries import holds_secret
from shorepass.migration.journal import Journal
from shorepass.migration.move import Done
from shorepass.migration.plan import Stay
from shorepass.migration.readers import on_the_wire
from shorepass.migration.sources import Stock, client_files, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any

    from shorepass.clients import Client
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.migration.journal import Moved, Named, Record
    from shorepass.stores import Store

__all__ = ["WayBack", "by_key", "erase_all", "logins_of", "owner_by_name", "undo"]

HAS_ANOTHER = "the file now has another login, so this one remains in the store"
CANNOT_HOLD = "the file cannot hold the login that the store now has"


def undo(here: LocalContext, name: str, record: Record, open_store: Callable[[], Store]) -> Done:
    """Bring the logins of a migration back into their files. What cannot go back stays in the store, and in the journal.

    Raises SourceError, WriteError: the store cannot be used; each login is still in the store or in its file.
    """
    store, journal = open_store(), Journal(here)
    logins = logins_of(record, store)
    stays: list[Stay] = []
    owners = {path: owner for path, owner, _ in client_files(here)}
    for path in dict.fromkeys([*(one.path for one in record.moved), *(named.place.path for named in record.named)]):
        moved = [one for one in record.moved if one.path == path]
        named = [one for one in record.named if one.place.path == path]
        owner = owners.get(path) or owner_by_name(path)  # one that a flag has named is known no more
        stays += _write_back(here, WayBack(path, moved, named, logins, owner))
    left = {(stay.path, stay.key) for stay in stays}
    back = {
        one: login
        for one, login in logins.items()
        if login != ANONYMOUS and not left & {(one.path, ""), (one.path, one.key)}
    }
    kept = {*chain.from_iterable(one.under for one in record.moved if one not in back)}
    erase_all(record, kept, by_key(back), store, journal, name)
    if not stays:
        journal.forget(name)
    return Done(name, back, tuple(stays))


def logins_of(record: Record, store: Store) -> dict[Moved, Credential]:
    """Return what the store has now of the logins of a migration: ANONYMOUS after a logout."""
    stock = Stock(store)
    found: dict[Moved, Credential] = {}
    for one in record.moved:
        credential = next((login for key in one.under if (login := stock(key)) != ANONYMOUS), ANONYMOUS)
        if isinstance(credential, IdentityToken):
            credential = IdentityToken(credential.token, credential.username or one.username)
        found[one] = credential
    return found


def owner_by_name(path: str) -> Client:
    """Return the client that calls its file so, as far as that can be told."""
    owners = [find(name) for name in FAMILIES]
    return next((owner for owner in owners if path.endswith(owner.facts.file_name)), owners[-1])


class WayBack:
    """The logins of one file on their way back into it. ``stays``: those that cannot go, by key.

    ``owner``: the client whose file it is, and who reads an entry in its own way.
    """

    def __init__(
        self,
        path: str,
        moved: Iterable[Moved],
        named: Iterable[Named],
        logins: Mapping[Moved, Credential],
        owner: Client,
    ) -> None:
        self.path = path
        self._owner = owner
        self.stays: dict[str, Stay] = {}
        self._named = tuple(named)
        self._moved = {one: logins[one] for one in moved if logins[one] != ANONYMOUS}
        for one, credential in self._moved.items():
            if not self._is(self._written(credential), credential):
                self._keep(
                    one, CANNOT_HOLD, f"to print it: {command(None, 'get', *operand(without_user_info(one.key)))}"
                )

    def _keep(self, one: Moved, reason: str, hint: str | None = None) -> None:
        self.stays[one.key] = Stay(self.path, one.key, reason, hint)

    def _written(self, credential: Credential) -> dict[str, str]:
        """Return an entry for a login; in the form before ``auth`` where that cannot hold it: a colon, a NUL at an end."""
        entry = self._owner.write_entry(credential)
        if self._owner.facts.reads_user_name and isinstance(credential, Basic) and not self._is(entry, credential):
            return {"username": credential.username, "password": credential.password.reveal()}
        return entry

    def edit(self, content: FileContent | None) -> bytes | None:
        """Return the file with its logins in it, and with the helpers named that were named before."""
        before = data = content.data if content else b""
        for one, credential in self._moved.items():
            entry = self._entry(data, one.key)
            if self._is(entry, credential) or one.key in self.stays:
                continue
            if holds_secret(tuple(entry.items())):
                self._keep(one, HAS_ANOTHER, f"{command(None, 'logout', without_user_info(one.key))}, then undo again")
                continue
            for member, text in self._written(credential).items():
                data = document.set_member(FileContent(self.path, data), ("auths", one.key, member), text)
        needed = {*chain.from_iterable(one.under for one in self._moved if one.key in self.stays)}
        for place, held in self._named:
            if place.member[-1] not in needed:
                data = put_back(FileContent(self.path, data), place, held) or data
        return data if data != before else None

    def verify(self, content: FileContent | None) -> None:
        """Look whether all of it is there now; what is not, stays."""
        data = content.data if content else b""
        for one, credential in self._moved.items():
            entry = self._entry(data, one.key)
            if one.key not in self.stays and not self._is(entry, credential):
                self._keep(one, HAS_ANOTHER)

    def _entry(self, data: bytes, key: str) -> dict[str, Any]:
        auths = document.load(FileContent(self.path, data), first_value_only=True).get("auths")
        entry = auths.get(key) if isinstance(auths, dict) else None
        return entry if isinstance(entry, dict) else {}

    def _is(self, entry: Mapping[str, Any], credential: Credential) -> bool:
        """Tell whether an entry holds a login, to the client whose file it is."""
        try:
            found = self._owner.read_entry(entry.items())
        except BadEntryError:
            return False
        return on_the_wire(found) == on_the_wire(credential)


def _write_back(here: LocalContext, way: WayBack) -> list[Stay]:
    try:
        here.update(way.path, way.edit)
        way.verify(here.read(way.path, document.SIZE_LIMIT))
    except ShorepassError as error:
        return [failure(way.path, error)]
    return list(way.stays.values())


def by_key(logins: Mapping[Moved, Credential]) -> dict[str, Credential]:
    """Return logins by the store's keys."""
    found: dict[str, Credential] = {}
    for one, login in logins.items():
        found |= dict.fromkeys(one.under, login)
    return found


def erase_all(
    record: Record,
    kept: Collection[str],
    back: Mapping[str, Credential],
    store: Store,
    journal: Journal,
    name: str,
) -> None:
    """Erase from the store what the migration put there, if it is what is back in its place now.

    What another migration needs as well is left to that one. Raises SourceError, WriteError.
    """
    others = {other: journal.read(other) for other in journal.names() if other != name}
    for key, credential in back.items():
        same = set(spellings(key))
        heirs = [other for other, theirs in others.items() if same & theirs.keys]
        for other in heirs:
            theirs = others[other]
            others[other] = theirs._replace(had=tuple(had for had in theirs.had if had not in same - {*record.had}))
            journal.write(other, others[other])
        for spelled in same - {*record.had}:
            if not heirs and not same & {*kept} and on_the_wire(store.get(spelled)) == on_the_wire(credential):
                store.erase(spelled)
