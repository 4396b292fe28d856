"""What a process's folder below ``/proc`` says, without waiting for its owner."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

__all__ = ["first_bytes_of", "has_ended", "stamp"]

STAT_LIMIT = 4096  # bytes
STATE, START = 0, 19  # of the words behind the program's name: proc(5), fields 3 and 22
DEAD = (b"Z", b"X")
SECONDS = 0.5  # for another user's file to be read, which takes microseconds


def first_bytes_of(folder: int | str, name: str, uid: int | None, limit: int) -> bytes:
    """Return the first ``limit`` bytes of a file of a process.

    Nothing is returned where they do not come in time. Raises OSError.

    ``folder``: its path, or an open descriptor. ``uid``: whose process it is. A user can keep a command line or an environment
    in memory that makes its reader wait without end (FUSE). Root, who works for that user, does not wait.
    """
    if sys.platform == "win32" or os.geteuid() == uid:
        return _read(folder, name, limit)
    # The thread has a descriptor of its own, because it may outlive its caller.
    kept = os.dup(folder) if isinstance(folder, int) else folder
    found: list[bytes] = []

    def read() -> None:
        with suppress(OSError):
            found.append(_read(kept, name, limit))
        if isinstance(kept, int):
            os.close(kept)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else b""


def stamp(pid: int) -> str:
    """Return a name for a running process that no later one has.

    It is the pid and the time of the start, or "" if there is no such process, or no ``/proc``.
    """
    try:
        return f"{pid} {int(_stat(pid)[START])}"
    except (OSError, IndexError, ValueError):
        return ""


def has_ended(pid: int) -> bool:
    """Tell whether a process has ended, or is hidden from this user.

    Without ``/proc``, no process has ended.
    """
    try:
        return _stat(pid)[STATE] in DEAD
    except (OSError, IndexError):
        return sys.platform == "linux"


def _stat(pid: int) -> list[bytes]:
    """Return the words behind the program's name.

    Raises OSError.
    """
    return _read("/proc", f"{pid}/stat", STAT_LIMIT).rpartition(b")")[2].split()


def _read(folder: int | str, name: str, limit: int) -> bytes:
    path, within = (name, folder) if isinstance(folder, int) else (f"{folder}/{name}", None)
    fd = os.open(path, os.O_RDONLY, dir_fd=within)
    try:
        data = b""
        while len(data) < limit and (more := os.read(fd, limit - len(data))):
            data += more
        return data
    finally:
        os.close(fd)
