"""A folder of our own for as long as one command runs: 0700, and gone afterwards.

What a killed process of ours leaves is removed by the next one. That it is nobody's any more is told by the process number
in its name, and by a lock on it, which the command that runs in our place holds as well.
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
    """``path`` is there and empty. ``fds``: the open files that tell, as long as somebody has them, that it is in use."""

    path: str
    fds: tuple[int, ...]


@contextmanager
def folder(parent: str) -> Iterator[Folder]:
    """Make a folder in ``parent``, and remove it with all that is in it. Raises WriteError."""
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
    """Return an open file with a lock on a folder; none where somebody has one, or where there is no such lock."""
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
    """Remove the folders in ``parent`` that processes of ours left that were killed."""
    if sys.platform == "win32":
        return
    try:
        names = [name for name in os.listdir(parent) if name.startswith(MARK)]
    except OSError:
        return
    for name in names:
        path = os.path.join(parent, name)
        pid = whole(name.removeprefix(MARK).partition("-")[0])
        if pid is None or not _is_ours(path) or _runs(pid):
            continue
        for fd in _lock(path):
            shutil.rmtree(path, ignore_errors=True)
            os.close(fd)


def _is_ours(path: str) -> bool:
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
