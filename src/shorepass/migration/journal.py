"""The journal of migrations: what moved from where, so that it can be undone. It has no secrets.

``$XDG_STATE_HOME/shorepass/migrate/`` (default ``~/.local/state``), one file per migration, written before the move.
A migration that was killed is not ``done``, and the next one continues it.
"""

from __future__ import annotations

import json
import os
import time
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.errors import MalformedFile, UsageError, WriteError
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.files.placing import make_folders
from shorepass.files.reading import reason
from shorepass.logins.helper_entry import Before, Place

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext

__all__ = ["Journal", "Moved", "Named", "Record"]

VERSION = 1
SIZE_LIMIT = 16 * 1024 * 1024  # bytes; ten thousand logins have two million
SUFFIX = ".json"


class Moved(NamedTuple):
    """A login that moved: the ``key`` it had in the file ``path`` (empty: with a helper), and the store's keys ``under``.

    ``username`` is that of an identity token, which not every store keeps.
    """

    path: str
    key: str
    under: tuple[str, ...]
    username: str = ""


class Named(NamedTuple):
    """A member that names Shorepass's helper now, and what it held before."""

    place: Place
    before: Before


class Record(NamedTuple):
    """One migration. ``helper``: whose logins moved, empty for those of files. ``had``: keys that the store had before."""

    store: str
    helper: str
    moved: tuple[Moved, ...]
    had: tuple[str, ...]
    named: tuple[Named, ...]
    done: bool = False

    @property
    def keys(self) -> set[str]:
        """All keys of the store that it is about."""
        return {*chain.from_iterable(moved.under for moved in self.moved)}

    def only(self, kept: Collection[Moved]) -> Record:
        """Return this record with only some of its logins, and the members that name the helper for them."""
        moved = tuple(one for one in self.moved if one in kept)
        needed: set[tuple[str, str]] = set()
        for one in moved:
            needed.update((one.path, key) for key in one.under)
        named = tuple(one for one in self.named if (one.place.path, one.place.member[-1]) in needed)
        return self._replace(moved=moved, named=named)

    def after(self, earlier: Record) -> Record:
        """Return this one with what an earlier one, which was killed, had begun: what that found came first."""
        moved = {(one.path, one.key): one for one in (*self.moved, *earlier.moved)}
        named = {one.place: one for one in (*self.named, *earlier.named)}
        had = (*earlier.had, *(key for key in self.had if key not in earlier.keys))
        return self._replace(moved=tuple(moved.values()), named=tuple(named.values()), had=had)


class Journal:
    """The journal of this user on this machine."""

    def __init__(self, here: LocalContext) -> None:
        self.folder = join(here, state_folder(here), "migrate")
        self._here = here

    def alone(self) -> FolderLock:
        """Return what lets one migration run at a time: to plan it, and to do it. Raises WriteError."""
        target = join(self._here, self.folder, "alone", "lock")  # files locks the journal's own folder at each save
        try:
            make_folders(os.path.dirname(target), self._here.home_owner(target))
        except OSError as error:
            raise WriteError(target, reason(error)) from None
        return FolderLock(target, LOCK_TIMEOUT)

    def new_name(self) -> str:
        """Return a name that none has yet: the time in UTC, to the millisecond."""
        now, taken = time.time_ns() // 1_000_000, self.names()
        while True:
            seconds, rest = divmod(now, 1000)
            name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}.{rest:03}"
            if name not in taken:
                return name
            now += 1

    def names(self) -> list[str]:
        """Return the names of all migrations, the oldest first. Raises FileError."""
        return [name.removesuffix(SUFFIX) for name in files.names(self.folder) if name.endswith(SUFFIX)]

    def unfinished(self, store: str, helper: str) -> tuple[str, Record] | None:
        """Return the newest migration of that kind that was killed, None without one. Raises FileError, MalformedFile."""
        for name in reversed(self.names()):
            record = self.read(name)
            if not record.done and (record.store, record.helper) == (store, helper):
                return name, record
        return None

    def write(self, name: str, record: Record) -> None:
        """Write a migration down. Raises WriteError."""
        text = json.dumps({"version": VERSION, **record._asdict()}, indent=1).encode() + b"\n"
        path = self._path(name)
        files.update(path, lambda _: text, owner=self._here.home_owner(path))

    def read(self, name: str) -> Record:
        """Return a migration. Raises UsageError: there is no such migration; MalformedFile, FileError."""
        names = self.names()
        content = files.read(self._path(name), SIZE_LIMIT) if name in names else None
        if content is None:
            hint = "one of: " + ", ".join(reversed(names)) if names else "nothing can be undone"
            raise UsageError(f"there is no migration called {name!r}", hint=hint)
        return decode(content)

    def forget(self, name: str) -> None:
        """Remove a migration, which is undone. Raises WriteError."""
        files.remove(self._path(name))

    def _path(self, name: str) -> str:
        return join(self._here, self.folder, name + SUFFIX)


def decode(content: FileContent) -> Record:
    """Return what a file of the journal holds. Raises MalformedFile."""
    try:
        found = json.loads(content.data)
        if found["version"] != VERSION:
            raise ValueError
        return Record(
            store=_text(found["store"]),
            helper=_text(found["helper"]),
            moved=tuple(
                Moved(_text(path), _text(key), tuple(map(_text, under)), _text(username))
                for path, key, under, username in found["moved"]
            ),
            had=tuple(map(_text, found["had"])),
            named=tuple(
                Named(Place(_text(path), tuple(map(_text, member))), Before(name and _text(name), int(depth)))
                for (path, member), (name, depth, *_) in found["named"]
            ),
            done=bool(found["done"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise MalformedFile(
            content.path, "not a migration of this version of Shorepass", hint="move it away, then try again"
        ) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
