"""Take every entry of Shorepass's out of the clients' files, so that the program can be removed.

What was there before comes back: as remembered at each login, ``helper install`` and ``migrate``. Files of other users, and
what the user has written into ``registries.conf``, are named but not changed. A secret is written only if the user asks for it.
"""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files, settings
from shorepass.accounts.keys import spellings, split
from shorepass.agent_client import systemd_units
from shorepass.agent_client.address import own_folder, trouble_with
from shorepass.clients import find_all
from shorepass.config import document
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.contexts import user
from shorepass.contexts.command import command, run_there
from shorepass.credential import ANONYMOUS
from shorepass.errors import FileError, MalformedFile, ShorepassError
from shorepass.files import FileContent
from shorepass.files.saving import generation
from shorepass.helper import OURSELVES
from shorepass.logins import helper_entry
from shorepass.logins.helper_entry import Before, Place
from shorepass.migration.journal import Journal, Moved, Named
from shorepass.migration.undo import WayBack, owner_by_name
from shorepass.stores.in_use import DEFAULT
from shorepass.stores.vault.vault import GENERATIONS, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores import Store

__all__ = ["Change", "Rest", "changes", "delete_vault", "forget", "logins_of", "take_out", "what_stays"]

OTHERS_FILES = (".docker/config.json", ".config/containers/auth.json")  # below another user's home


class Change(NamedTuple):
    """One file of a client that names Shorepass: its members, and what each one held before.

    ``logins``: those that go back into the file in plain text, by key; normally none. ``keys``: all keys for which a
    client asks Shorepass because of this file.
    """

    path: str
    named: tuple[Named, ...]
    keys: tuple[str, ...]
    logins: Mapping[str, Credential]

    def edit(self, content: FileContent | None) -> bytes | None:
        """Return the file without Shorepass, None where nothing names it. Raises MalformedFile."""
        data = self._way().edit(content)
        if data is None:
            return None
        return _without_empty(data, self.keys) if self._is_alone(data) else data

    def _way(self) -> WayBack:
        moved = {Moved(self.path, key, (key,)): login for key, login in self.logins.items()}
        return WayBack(self.path, moved, self.named, moved, owner_by_name(self.path))

    @property
    def was_made(self) -> bool:
        """Whether the file was not there before Shorepass."""
        return any(one.before.depth == 0 for one in self.named)

    def _is_alone(self, data: bytes) -> bool:
        """Tell whether no other helper is named now, by which docker marks a login with an empty entry."""
        found: Any = document.load(FileContent(self.path, data), first_value_only=True)
        return not found.get("credsStore") and not found.get("credHelpers")


class Rest(NamedTuple):
    """What stays on the machine: a ``path``, or the name of something else, and what it is."""

    path: str
    what: str


def changes(here: LocalContext, store_keys: tuple[str, ...]) -> list[Change]:
    """Return the files that name Shorepass, each once. ``store_keys``: the keys of the default logins in the store.

    Raises MalformedFile, FileError: a file cannot be read, so nothing is known of it.
    """
    before = _before(here)
    by_path: dict[str, list[Named]] = {}
    for place in _named_places(here, before):
        by_path.setdefault(place.path, []).append(Named(place, before.get(place, Before(None, 1))))
    found = []
    for path, named in by_path.items():
        keys = [one.place.member[1] for one in named if len(one.place.member) > 1]
        if any(one.place.member == ("credsStore",) for one in named):
            keys += store_keys
        found.append(Change(path, tuple(reversed(named)), tuple(dict.fromkeys(keys)), {}))
    return found


def _before(here: LocalContext) -> dict[Place, Before]:
    """Return what each member held before it named Shorepass, as far back as is known."""
    known = dict(helper_entry.remembered(here))
    journal = Journal(here)
    for name in reversed(journal.names()):
        for one in journal.read(name).named:
            if one.before.name != OURSELVES:
                known[one.place] = one.before
    return known


def _named_places(here: LocalContext, known: Mapping[Place, Before]) -> Iterator[Place]:
    """Yield where Shorepass is named now, in every file that it or a client knows."""
    home = here.home() or ""
    order = {place: number for number, place in enumerate(known)}
    files_of = chain.from_iterable(client.files(here, for_login=True) for client in find_all())
    usual = [file.path for file in files_of if not file.legacy]
    usual += [join(here, home, *name.split("/")) for name in OTHERS_FILES if home]
    for path in dict.fromkeys(os.path.abspath(path) for path in (*(place.path for place in known), *usual)):
        content = here.read(path, document.SIZE_LIMIT)
        found = list(helper_entry.named_in(content, path))
        # the remembered ones first, in the order in which they were made
        yield from sorted(found, key=lambda place: order.get(place, len(order)))


def _without_empty(data: bytes, keys: tuple[str, ...]) -> bytes:
    """Return a file without the empty entries that a login leaves for docker beside a helper."""
    found: Any = document.load(FileContent("", data), first_value_only=True)
    auths = found.get("auths")
    if not isinstance(auths, dict):
        return data
    empty = [key for key in auths if auths[key] == {} and {*spellings(key)} & {*keys}]
    for key in empty:
        data = document.remove_member(data, ("auths", key))
    return document.remove_member(data, ("auths",)) if empty and len(empty) == len(auths) else data


def logins_of(change: Change, store: Store) -> tuple[dict[str, Credential], list[str]]:
    """Return the logins that go back into a file, and the keys of those that are nowhere. Raises SourceError."""
    found, nowhere = {}, []
    for key in change.keys:
        logins = (store.get(spelled) for spelled in spellings(key))
        login = next((login for login in logins if login != ANONYMOUS), ANONYMOUS)
        if login == ANONYMOUS:
            nowhere.append(key)
        else:
            found[key] = login
    return found, nowhere


def take_out(here: LocalContext, change: Change) -> None:
    """Remove Shorepass from a file, or the file if it was made for it. Raises FileError, MalformedFile, WriteError."""
    here.update(change.path, change.edit)
    for one in change.named:
        helper_entry.forget(here, one.place)
    left = here.read(change.path, document.SIZE_LIMIT)
    if change.was_made and left is not None and left.data.strip() == b"{}":
        files.remove(change.path)


def forget(here: LocalContext) -> None:
    """Forget the remembered members that now name another helper."""
    for place in helper_entry.places(here):
        helper_entry.forget(here, place)


def delete_vault(here: LocalContext, vault: Vault) -> list[str]:
    """Delete the vault with its generations and keys, and what Shorepass remembers; return the paths. Raises WriteError.

    A key that is not Shorepass's own, as an SSH key, is only no longer named.
    """
    candidates = [vault.path, *(generation(vault.path, number) for number in range(1, GENERATIONS + 1))]
    candidates += [vault.machine_path, vault.link_path, vault.protected_path]
    deleted = [path for path in candidates if os.path.lexists(path)]
    for path in deleted:
        files.remove(path)
    files.remove_folder(os.path.dirname(vault.path))
    return deleted + _delete_state(here)


def _delete_state(here: LocalContext) -> list[str]:
    """Delete what this machine remembers, and the agent's folder. Journals have old contents of files, with logins."""
    deleted = []
    run = own_folder(here)
    for top in (state_folder(here), *([] if trouble_with(run) else [run])):
        for folder, _, names in os.walk(top, topdown=False):
            for name in names:
                path = os.path.join(folder, name)
                files.remove(path)
                deleted.append(path)
            files.remove_folder(folder)
    return deleted


def what_stays(here: LocalContext, vault: Vault) -> list[Rest]:
    """Return what is left of Shorepass on this machine when no file of this user's names it."""
    rests = []
    if vault.exists():
        rests.append(Rest(vault.path, "the vault, encrypted"))
        rests += [Rest(path, "a key of the vault") for path in vault.places if here.status(path) is not None]
    name = settings.load(here).store
    if name not in (None, DEFAULT, "file"):
        rests.append(Rest(name or "", "the store in use; its logins remain there"))
    for path, what in ((settings.path_of(here), "your settings"), (state_folder(here), "what Shorepass remembers")):
        if os.path.exists(path):
            rests.append(Rest(path, what))
    stop = command(None, "agent", "disable", "--now")
    rests += [
        Rest(path, f"the agent's unit; before you remove the program: {stop}") for path in systemd_units.installed(here)
    ]
    return [*rests, *_in_registries_conf(here), *_of_other_users(here)]


def _in_registries_conf(here: LocalContext) -> Iterator[Rest]:
    try:
        named = any(OURSELVES in client.common_helpers(here) for client in find_all())
    except (FileError, MalformedFile):
        return
    if named:
        yield Rest(
            "registries.conf", f'"{OURSELVES}" is in credential-helpers: remove it, or podman stops with an error'
        )


def _of_other_users(here: LocalContext) -> Iterator[Rest]:
    """Yield the files of other users that name Shorepass, where root can see them."""
    for place in user.discover(here, 0.0):
        if place.open is None:
            continue
        try:
            context = place.open()
            paths = [join(context, context.home() or "", *name.split("/")) for name in OTHERS_FILES]
            for path in paths:
                content = context.read(path, document.SIZE_LIMIT)
                if content and any(True for _ in helper_entry.named_in(content, path)):
                    yield Rest(path, f"of {place.name}: {run_there(context, command(None, 'uninstall'))}")
        except ShorepassError:
            continue


def default_keys(names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of the default logins among a store's keys: those of accounts have no key in a client's file."""
    return tuple(key for key in names if not split(key)[1])


def require_removed(here: LocalContext) -> list[Rest]:
    """Return what still names Shorepass, and would break a client without it. Raises MalformedFile, FileError, UsageError."""
    return [Rest(place.path, ".".join(place.member)) for place in _named_places(here, {})] + list(
        _in_registries_conf(here)
    )
