"""Replaces a symlink or a small file, if it is still what the caller has seen.

A symlink is not followed here: it is what is replaced. At every moment the path is the old one or the new one, whole.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from shorepass.errors import FileError, MalformedFile, WriteError
from shorepass.files.destination import Destination, acting_uid
from shorepass.files.draft import MARK, ChangedError, Draft
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.files.reading import reason
from shorepass.files.saving import flush_names, sweep_file
from shorepass.foreign_text import quoted

__all__ = ["SIZE_LIMIT", "Node", "look", "replace"]

SIZE_LIMIT = 1024 * 1024  # bytes of a file; a script that starts a program has a few hundred


class Node(NamedTuple):
    """A symlink or a file. ``target``: where the symlink leads, "" for a file. ``mode``: the permission bits of a file."""

    target: str = ""
    data: bytes = b""
    mode: int = 0


def look(path: str) -> Node | None:
    """Return what is at a path, None if nothing is.

    Raises FileError: neither a symlink nor a regular file, or it cannot be read; MalformedFile: larger than SIZE_LIMIT.
    """
    try:
        return _look(path, path)
    except (OSError, ValueError) as error:
        raise FileError(path, reason(error)) from None


def _look(path: str, shown: str) -> Node | None:
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return Node(os.readlink(path))
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise FileError(shown, "neither a file nor a symlink")
        data = file.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise MalformedFile(shown, f"larger than {SIZE_LIMIT // 1024} KiB")
    return Node("", data, stat.S_IMODE(found.st_mode))


def replace(path: str, before: Node | None, after: Node | None) -> None:
    """Put ``after`` at a path at which ``before`` is; None: nothing is there. The folder must exist.

    Raises WriteError, FileError: something else is there, or it cannot be changed; then it is as it was.
    """
    try:
        with (
            Destination(path, follow=False) as there,
            FolderLock(there.at, LOCK_TIMEOUT, shown=path, user=acting_uid()) as lock,
        ):
            sweep_file(lock, *os.path.split(there.at))
            if _look(there.at, path) != before:
                raise ChangedError
            _put(there.at, before, after)
            flush_names(lock)
    except ChangedError:
        hint = f"see what it is: ls -l {quoted(path)}"
        raise WriteError(path, "another program has changed it, so it stays as it is", hint=hint) from None
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error)) from None


def _put(path: str, before: Node | None, after: Node | None) -> None:
    if after is None:
        if before is not None:
            os.unlink(path)
    elif after.target:
        _put_symlink(path, before, after.target)
    else:
        with Draft(path) as draft:
            draft.write(after.data)
            os.fchmod(draft.fd, after.mode)
            os.fsync(draft.fd)
            if before is None:
                draft.create(path)
            else:
                draft.replace(path)


def _put_symlink(path: str, before: Node | None, target: str) -> None:
    if before is None:
        try:
            os.symlink(target, path)  # fails if anything is there now
        except FileExistsError:
            raise ChangedError from None
        return
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}{MARK}{os.getpid()}-{os.urandom(8).hex()}")
    os.symlink(target, draft)
    try:
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)
        raise
