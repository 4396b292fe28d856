"""The lock against our other writers of one folder's files. It leaves no file behind.

It is an advisory lock on the folder itself. Where that cannot be had (NFS locks no folders, and one may lack the right
to read it) it is one on the file; where even that fails there is none, and ``files`` still looks whether the file has
changed before it replaces it. Other programs know nothing of this lock.

Who can open a folder can lock it, so another user could stop every save there. A lock that another user holds is therefore
waited for a second, and then passed over: for the one on the file, which others can rarely open, and then for none.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from shorepass.errors import WriteError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["LOCK_TIMEOUT", "FolderLock"]

LOCK_TIMEOUT = 30.0  # seconds; a save takes milliseconds, so the holder is a stopped process or waits for a dead disk
PATIENCE = 1.0  # seconds for a lock that another user holds: no Shorepass of that user works on our files
POLL = (0.001, 0.02)  # seconds between two tries: the first pause, and the longest


class FolderLock:
    """Held inside ``with``. ``on_folder`` tells then whether it covers the whole folder; ``fd`` is the folder if so.

    Raises WriteError when another process keeps it for ``timeout`` seconds, OSError when the folder cannot be opened.
    """

    def __init__(self, target: str, timeout: float, *, shown: str = "") -> None:
        self.target = target
        self.shown = shown or target  # for people
        self.folder, self.name = os.path.split(target)
        self.timeout = timeout
        self.on_folder = sys.platform != "win32"
        self.fd = -1

    def __enter__(self) -> Self:

        begun = time.monotonic()
        pause, longest = POLL
        try:
            while not self._try():
                waited = time.monotonic() - begun
                if waited > PATIENCE and self._is_of_another_user():
                    if not self._pass_over():
                        break
                    begun = time.monotonic()
                elif waited > self.timeout:
                    raise self._timed_out()
                time.sleep(pause)
                pause = min(pause * 2, longest)
        except BaseException:
            self._close()
            raise
        return self

    def _is_of_another_user(self) -> bool:
        """Tell whether only other users hold the lock; a process of another pid namespace, not shown here, is one."""
        if sys.platform != "linux" or self.fd < 0:
            return False
        holders = _flock_holders(os.fstat(self.fd).st_ino)
        users = {os.getuid(), 0, os.fstat(self.fd).st_uid}
        return not any(_user_of(holder) in users for holder in holders)

    def _pass_over(self) -> bool:
        """Go on without the lock that others hold: with that on the file, or (False) with none."""
        self._close()
        tried_all, self.on_folder = not self.on_folder, False
        return not tried_all

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
        holders = _flock_holders(os.fstat(self.fd).st_ino) if sys.platform == "linux" else []
        holder = next((pid for pid in holders if pid > 0), None)
        by = f"process {holder}" if holder else "another shorepass process"
        return WriteError(
            self.shown,
            f"locked by {by} for {self.timeout:g} seconds",
            hint=f"ps -fp {holder}" if holder else "look for it: ps -ef | grep shorepass",
        )

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)  # gives the lock back
            self.fd = -1

    def __exit__(self, *exception: object) -> None:
        self._close()


def _flock_holders(inode: int) -> list[int]:
    """Return the processes that have a lock on an inode, as far as the system shows them (proc(5), /proc/locks).

    0 or less: a process of another pid namespace.
    """
    try:
        with open("/proc/locks", "rb") as locks:
            rows = [line.split() for line in locks]
        return [int(row[4]) for row in rows if len(row) > 5 and row[1] == b"FLOCK" and row[5].endswith(b":%d" % inode)]
    except (OSError, ValueError):
        return []


def _user_of(pid: int) -> int | None:
    """Return the real user of a process: a program with the rights of its file's owner (su, ping) is still its starter's."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            return next((int(line.split()[1]) for line in status if line.startswith(b"Uid:")), None)
    except (OSError, ValueError, IndexError):
        return None
