"""A temporary folder of mode 0700, which exists while one command runs.

The next Shorepass process removes the folder of a killed one. The process number in its name, and a lock on it, show whether it
is still in use. A command that replaces this process keeps the lock.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from shorepass.errors import WriteError
from shorepass.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Folder", "folder", "sweep"]

MARK = "shorepass-run-"
MODE = 0o700


class Folder(NamedTuple):
    """A new, empty folder. ``fds``: open files that lock it while a process has them."""

    path: str
    fds: tuple[int, ...]


@contextmanager
def folder(parent: str) -> Iterator[Folder]:
    """Create a folder in ``parent``, and remove it at the end. Raises WriteError."""
    sweep(parent)
    path = os.path.join(parent, f"{MARK}{os.getpid()}-{os.urandom(8).hex()}")
    try:
        os.mkdir(path, MODE)
    except (OSError, ValueError) as error:
        raise WriteError(path, (getattr(error, "strerror", None) or str(error)).lower()) from None
    fds = _lock(path)
    try:
        yield Folder(path, fds)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        for fd in fds:
            os.close(fd)


def _lock(path: str) -> tuple[int, ...]:
    """Return an open file with a lock on a folder.

    Empty: another process has locked it, or the system has no such lock.
    """
    if sys.platform == "win32":
        return ()
    import fcntl

    fd = -1
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if fd >= 0:
            os.close(fd)
        return ()
    return (fd,)


def sweep(parent: str) -> None:
    """Remove the folders in ``parent`` that killed Shorepass processes left."""
    if sys.platform == "win32":
        return
    try:
        names = [name for name in os.listdir(parent) if name.startswith(MARK)]
    except OSError:
        return
    for name in names:
        path = os.path.join(parent, name)
        pid = whole(name.removeprefix(MARK).partition("-")[0])
        if pid is None or not _is_own(path) or _runs(pid):
            continue
        for fd in _lock(path):
            shutil.rmtree(path, ignore_errors=True)
            os.close(fd)


def _is_own(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and sys.platform != "win32" and found.st_uid == os.geteuid()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
