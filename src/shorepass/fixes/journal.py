"""The journal of fixes: the old state of each fixed file, for ``--undo``.

``$XDG_STATE_HOME/shorepass/doctor/`` (default ``~/.local/state``) has one file per fix. For an edit, it has the old bytes of
the file: **secrets there are secrets here**. That is why its mode is 0600, and the folder's 0700.
A fix is removed when it is undone, or when the user logs out of a registry that it names. At most KEPT fixes are stored,
none longer than DAYS.

Root's journal is in root's own home, even if sudo keeps another user's HOME, because it may have files of other users.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.contexts import is_this_machine
from shorepass.errors import MalformedFile, UsageError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.contexts.local import LocalContext

__all__ = ["Journal", "Kept"]

KEPT = 50
DAYS = 30
SIZE_LIMIT = 8 * 1024 * 1024  # bytes of a stored file; a config file with 10,000 logins has one
_SUFFIX = ".json"
_KINDS = ("edit", "mode", "owner")


class Kept(NamedTuple):
    """One fix.

    ``before`` and ``after``, both as bytes: a file's content and a SHA-256 (edit), permission bits (mode: ``0644``), or
    ``UID:GID`` (owner). ``after`` shows whether the file changed after the fix. ``file``: the file or
    folder whose mode or owner changed (``DEVICE:INODE``), "" if that is unknown. ``holds``: the SHA-256 of a file that got
    another owner, "" for a folder.
    """

    code: str
    context: str
    path: str
    kind: str
    before: bytes
    after: bytes
    file: str = ""
    holds: str = ""


class Journal:
    """The journal of this user on this machine."""

    def __init__(self, here: LocalContext) -> None:
        self.folder = join(here, _state(here), "doctor")
        self._here = here

    def name(self, code: str) -> str:
        """Return a name for a new fix: its time, to the millisecond, and its code."""
        now, taken = time.time_ns() // 1_000_000, {name.rpartition("-")[0] for name in self.names()}
        while (stamp := _stamp(now)) in taken:
            now += 1
        return f"{stamp}-{code}"

    def names(self) -> list[str]:
        """Return the names of the fixes that can be undone, the oldest first. Raises FileError."""
        return [name.removesuffix(_SUFFIX) for name in files.names(self.folder) if name.endswith(_SUFFIX)]

    def keep(self, name: str, kept: Kept) -> None:
        """Store a fix before it is made, and remove old fixes. Raises WriteError."""
        if len(kept.before) > SIZE_LIMIT:
            raise WriteError(kept.path, f"larger than {SIZE_LIMIT // 1024 // 1024} MiB, too large for the undo journal")
        encoded = base64.b64encode(kept.before).decode()
        document = {"version": 1, **kept._asdict(), "before": encoded, "after": kept.after.decode()}
        text = json.dumps(document, indent=2).encode() + b"\n"
        files.update(self._path(name), lambda _: text, owner=_owner())
        self._drop_old(name)

    def read(self, name: str) -> Kept:
        """Return a fix. Raises UsageError: there is no fix of that name; MalformedFile."""
        names = self.names()
        if name not in names:
            hint = "one of: " + ", ".join(reversed(names)) if names else "nothing can be undone"
            raise UsageError(f"there is no fix called {name!r}", hint=hint)
        content = files.read(self._path(name), 2 * SIZE_LIMIT)
        assert content is not None  # noqa: S101  # its name was in the list
        try:
            document = json.loads(content.data)
            fields = {"file": "", **{field: document[field] for field in Kept._fields if field in document}}
            if document["version"] != 1 or not all(isinstance(value, str) for value in fields.values()):
                raise ValueError
            before = base64.b64decode(fields.pop("before"), validate=True)
            return Kept(**{**fields, "before": before, "after": fields["after"].encode()})
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise MalformedFile(self._path(name), "not a fix of this version of Shorepass") from None

    def forget(self, name: str) -> None:
        """Remove a fix that is undone or was never made. Raises WriteError."""
        files.remove(self._path(name))

    def forget_what_names(self, hosts: Iterable[str], context: str, paths: Iterable[str]) -> list[str]:
        """Remove every fix whose bytes name one of the hosts, and return the names. So a login there has no copy left.

        Only fixes in that context count; for users of this machine also those of the same ``paths``, which they may share.
        The bytes are searched as text, because the fixed file may not have been JSON. A fix that cannot be read is removed
        too, because it cannot be undone. Raises FileError, WriteError.
        """
        wanted, shared = [host.lower().encode() for host in hosts], set(paths) if is_this_machine(context) else set()
        forgotten = []
        for name in self.names():
            try:
                kept = self.read(name)
            except MalformedFile:
                kept = None
            if kept is None or (
                (kept.context == context or (kept.path in shared and is_this_machine(kept.context)))
                and kept.kind == "edit"
                and any(host in _plain(kept.before) for host in wanted)
            ):
                self.forget(name)
                forgotten.append(name)
        files.sweep(self.folder)
        return forgotten

    def _path(self, name: str) -> str:
        return join(self._here, self.folder, name + _SUFFIX)

    def _drop_old(self, new: str) -> None:
        oldest = _stamp((int(time.time()) - DAYS * 86400) * 1000)
        names = [name for name in self.names() if name != new]
        files.sweep(self.folder)
        for name in names[: max(0, len(names) - KEPT + 1)] + [name for name in names[-KEPT + 1 :] if name < oldest]:
            self.forget(name)


def _plain(data: bytes) -> bytes:
    """Return text in lower case without UTF-16's NULs and JSON's escapes, which could hide a host."""
    data = re.sub(rb"\\u00([0-7][0-9a-fA-F])", lambda found: bytes.fromhex(found[1].decode()), data.replace(b"\0", b""))
    return data.lower()


def _stamp(milliseconds: int) -> str:
    """Return a time in UTC as text that sorts by age."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}.{rest:03}"


def _owner() -> tuple[int, int] | None:
    """Return the owner of a new entry: this process's user, whatever home it is in."""
    return None if sys.platform == "win32" else (os.geteuid(), os.getegid())


def _state(here: LocalContext) -> str:
    """Return Shorepass's state folder. Root has its own, even if sudo keeps another user's HOME."""
    chosen, home = here.getenv("XDG_STATE_HOME"), here.home()
    if here.uid == 0 and any(status and status.uid != 0 for status in map(here.status, filter(None, (chosen, home)))):
        return state_folder(here.with_env(HOME="", XDG_STATE_HOME=""))
    return state_folder(here)
