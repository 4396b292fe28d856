"""What a process's folder below ``/proc`` says, without waiting for its owner."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

__all__ = ["first_bytes_of"]

SECONDS = 0.5  # for another user's file to be read, which takes microseconds


def first_bytes_of(folder: int | str, name: str, uid: int | None, limit: int) -> bytes:
    """Return the first ``limit`` bytes of a file of a process; nothing where they do not come in time. Raises OSError.

    ``folder``: its path, or an open descriptor. ``uid``: whose process it is. A user can keep a command line or an environment
    in memory that makes its reader wait without end (FUSE). Root, who works for that user, does not wait.
    """
    fd = (
        os.open(name, os.O_RDONLY, dir_fd=folder)
        if isinstance(folder, int)
        else os.open(f"{folder}/{name}", os.O_RDONLY)
    )
    if sys.platform == "win32" or os.geteuid() == uid:
        try:
            return _read(fd, limit)
        finally:
            os.close(fd)
    found: list[bytes] = []

    def read() -> None:
        with suppress(OSError):
            try:
                found.append(_read(fd, limit))
            finally:
                os.close(fd)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else b""


def _read(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) < limit and (more := os.read(fd, limit - len(data))):
        data += more
    return data
