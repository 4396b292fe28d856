"""Appends lines to a log of Shorepass's own, and keeps a few former logs beside it."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING

from shorepass.errors import WriteError
from shorepass.files.destination import acting_uid
from shorepass.files.placing import make_folders
from shorepass.files.reading import open_regular, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LogFile", "last_lines"]

CHUNK = 65536  # bytes


class LogFile:
    """One log, open until it is full. It is never a symlink, and belongs to this process's user. Only this process writes it.

    ``limit``: bytes, after which the log is moved to ``NAME.1``. ``kept``: how many former logs remain. Raises WriteError.
    """

    def __init__(self, path: str, *, limit: int, kept: int) -> None:
        self.path = path
        self._limit = limit
        self._kept = kept
        self._fd = -1
        self._size = 0

    def append(self, line: bytes) -> None:
        """Add a line, whole, with one system call."""
        try:
            if self._fd < 0:
                self._fd = self._opened()
            self._size += os.write(self._fd, line)
            if self._size >= self._limit:
                self._rotate()
        except (OSError, ValueError) as error:
            self.close()
            raise WriteError(self.path, reason(error)) from None

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _opened(self) -> int:
        make_folders(os.path.dirname(self.path), None)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        fd = os.open(self.path, flags, 0o600)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or (sys.platform != "win32" and found.st_uid != acting_uid()):
            os.close(fd)
            raise WriteError(self.path, "not a file of this user")
        self._size = found.st_size
        return fd

    def _rotate(self) -> None:
        self.close()
        for number in range(self._kept, 0, -1):
            younger = self.path if number == 1 else f"{self.path}.{number - 1}"
            if os.path.exists(younger):
                os.replace(younger, f"{self.path}.{number}")


def last_lines(path: str, *, size: int, pause: float) -> Iterator[bytes]:
    """Yield the lines in the last ``size`` bytes of a log, and then each new one, without end, also after it was moved.

    ``pause``: seconds between two looks. Raises FileError.
    """
    fd, rest = _opened(path), b""
    if fd >= 0 and (start := os.fstat(fd).st_size - size) > 0:
        os.lseek(fd, start, os.SEEK_SET)  # the first line is then a part of one, which the reader leaves out
    while True:
        chunk = os.read(fd, CHUNK) if fd >= 0 else b""
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if chunk:
            continue
        time.sleep(pause)
        if not _is_still(path, fd):
            if fd >= 0:
                os.close(fd)
            fd, rest = _opened(path), b""


def _opened(path: str) -> int:
    """Return a descriptor of the log, -1 if it does not exist."""
    try:
        return open_regular(path, follow=False)
    except FileNotFoundError:
        return -1


def _is_still(path: str, fd: int) -> bool:
    try:
        return fd >= 0 and os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
