"""The lock against our other writers of one folder's files. It leaves no file behind.

It is an advisory lock on the folder itself. Where that cannot be had (NFS locks no folders, and one may lack the right
to read it) it is one on the file; where even that fails there is none, and ``files`` still looks whether the file has
changed before it replaces it. Other programs know nothing of this lock.
"""

from __future__ import annotations

import os
import sys

from shorepass.errors import WriteError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

__all__ = ["LOCK_TIMEOUT", "FolderLock"]

LOCK_TIMEOUT = 30.0  # seconds; a save takes milliseconds, so the holder is a stopped process or waits for a dead disk
POLL = (0.001, 0.02)  # seconds between two tries: the first pause, and the longest


class FolderLock:
    """Held inside ``with``. ``on_folder`` tells then whether it covers the whole folder; ``fd`` is the folder if so.

    Raises WriteError when another process keeps it for ``timeout`` seconds, OSError when the folder cannot be opened.
    """

    def __init__(self, target: str, timeout: float) -> None:
        self.target = target
        self.folder, self.name = os.path.split(target)
        self.timeout = timeout
        self.on_folder = sys.platform != "win32"
        self.fd = -1

    def __enter__(self) -> Self:
        import time

        deadline = time.monotonic() + self.timeout
        pause, longest = POLL
        try:
            while not self._try():
                if time.monotonic() > deadline:
                    raise self._timed_out()
                time.sleep(pause)
                pause = min(pause * 2, longest)
        except BaseException:
            self._close()
            raise
        return self

    def _try(self) -> bool:
        """Take the lock, or none where none can be had; False when it has to be tried again."""
        if self.fd < 0 and not self._open():
            return True
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(self.fd, msvcrt.LK_NBLCK, 1)
            except PermissionError:
                return False
        else:
            import fcntl

            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:
                self._close()
                tried_all, self.on_folder = not self.on_folder, False
                return tried_all
            if not self.on_folder and not self._is_current():
                self._close()  # it was replaced while we waited: lock its successor
                return False
        return True

    def _open(self) -> bool:
        """Open what is to be locked; False when there is nothing."""
        if sys.platform == "win32":  # folders cannot be opened there; this file goes away with its last handle
            path = os.path.join(self.folder, f".{self.name}.shorepass-lock")
            self.fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TEMPORARY, 0o600)
        else:
            if self.on_folder:
                try:
                    self.fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
                except PermissionError:
                    self.on_folder = False
            if not self.on_folder:
                try:
                    self.fd = os.open(self.target, os.O_RDWR | os.O_NONBLOCK)  # write access: NFS wants it for a lock
                except OSError:
                    return False
        return True

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.fd), os.stat(self.target))
        except FileNotFoundError:
            return False

    def _timed_out(self) -> WriteError:
        holder = _flock_holder(os.fstat(self.fd).st_ino) if sys.platform == "linux" else None
        by = f"process {holder}" if holder else "another shorepass process"
        return WriteError(
            self.target,
            f"locked by {by} for {self.timeout:g} seconds",
            hint=f"ps -fp {holder}" if holder else "look for it: ps -ef | grep shorepass",
        )

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)  # gives the lock back
            self.fd = -1

    def __exit__(self, *exception: object) -> None:
        self._close()


def _flock_holder(inode: int) -> int | None:
    """Return the process that has a lock on an inode, as far as the system shows it (proc(5), /proc/locks)."""
    try:
        with open("/proc/locks", "rb") as locks:
            for line in locks:
                words = line.split()
                if words[1] == b"FLOCK" and words[5].endswith(b":%d" % inode) and int(words[4]) > 0:
                    return int(words[4])
    except (OSError, IndexError, ValueError):
        return None
    return None
