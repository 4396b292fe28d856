"""The lock of a folder against Shorepass's other processes that write there.

Other programs do not use the lock, and other users cannot hold it. If only its owner can read a folder, Shorepass locks the
folder itself. If others can read it, they could lock it for as long as they like. Then Shorepass locks a file in the folder,
and removes the file afterwards. The file has mode 0600, and belongs to the user who writes, or to the folder's owner if root
writes. The same file is used if a folder cannot be locked (NFS) or cannot be read. The folder is then locked too, without
waiting, because another user's Shorepass may write there.

If the file cannot be created either, there is no lock. ``files`` still checks that the file has not changed before it is
replaced.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from shorepass.errors import WriteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["LOCK_TIMEOUT", "FolderLock"]

LOCK_TIMEOUT = 30.0  # seconds; a save needs milliseconds, so the other process is stopped, or waits for a dead disk
OTHERS_SECONDS = 0.1  # for a folder that any user can lock, because another user's save needs milliseconds
POLL = (0.001, 0.02)  # seconds between two tries: the first pause, and the longest
READ_BY_OTHERS = 0o044
FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class FolderLock:
    """The lock of one folder, held inside ``with``.

    ``target``: a path in the folder; ``shown``: the same for messages. ``user``: the user whose rights over files this thread
    has, by default the process's user. ``fd``: the folder, open for reading; -1 if it cannot be read, and on Windows.

    Raises WriteError: another process holds it for ``timeout`` seconds; OSError: the folder cannot be opened.
    """

    def __init__(self, target: str, timeout: float, *, shown: str = "", user: int | None = None) -> None:
        self.shown = shown or target
        self.timeout = timeout
        self.fd = -1
        self._folder, self._name = os.path.split(target)
        self._file = -1
        self._user = _process_user() if user is None else user
        self._owner = -1  # of the folder
        self._is_held = False

    def __enter__(self) -> Self:
        try:
            if sys.platform == "win32":
                self._lock(self._try_windows)
            else:
                self._open_folder()
                self._is_held = self._is_private() and self._lock(self._try_folder)
                if not self._is_held:
                    self._name = f".shorepass.{self._writer()}.lock"
                    self._is_held = self._lock(self._try_file)
                    self._wait(self._try_folder, OTHERS_SECONDS)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file >= 0 and sys.platform != "win32" and self._is_current():
            with suppress(OSError):  # the folder may be closed for writing now; the empty file can be used again
                os.unlink(self._path)  # while it is locked, because a process that waits for it then creates another
        self._close()

    def excludes(self, uid: int) -> bool:
        """Tell whether no other Shorepass process saves files of this user in the folder."""
        return self._is_held and (uid == self._writer() or (uid == 0 and self._writer() == self._owner))

    # Locking

    def _lock(self, attempt: Callable[[], bool | None]) -> bool:
        """Wait for a lock; False if there cannot be one. Raises WriteError: timeout."""
        is_locked = self._wait(attempt, self.timeout)
        if is_locked is None:
            raise self._timed_out()
        return is_locked

    def _wait(self, attempt: Callable[[], bool | None], seconds: float) -> bool | None:
        """Try until the answer is not None, or for ``seconds``."""
        deadline = time.monotonic() + seconds
        pause, longest = POLL
        while (is_locked := attempt()) is None and time.monotonic() <= deadline:
            time.sleep(pause)
            pause = min(pause * 2, longest)
        return is_locked

    def _open_folder(self) -> None:
        if sys.platform == "win32":
            return
        path = self._folder or os.curdir
        self._owner = os.stat(path).st_uid
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            return

    def _is_private(self) -> bool:
        """Tell whether only this user and root can open the folder to lock it.

        For root, the owner of the folder may open it, too.
        """
        if sys.platform == "win32" or self.fd < 0 or os.fstat(self.fd).st_mode & READ_BY_OTHERS:
            return False
        return self._user == 0 or self._owner in (self._user, 0)

    def _writer(self) -> int:
        """Return the user of this lock: root uses that of the folder's owner."""
        return self._user or self._owner

    def _try_folder(self) -> bool | None:
        return _flock(self.fd) if self.fd >= 0 else False

    def _try_file(self) -> bool | None:
        """Lock the file, and create it if it does not exist.

        None: another process holds it; False: it cannot be locked.
        """
        if self._file < 0:
            try:
                self._file = self._make_file()
            except FileExistsError:
                try:
                    self._file = self._open_file()
                except FileNotFoundError:
                    return None  # its holder has just removed it: the next try creates another one
        if self._file < 0:
            return False
        is_locked = _flock(self._file)
        if is_locked is False or not self._is_current():
            os.close(self._file)
            self._file = -1
            return False if is_locked is False else None  # its holder has removed it: the next try is for the next file
        return is_locked

    def _make_file(self) -> int:
        """Return a new file, -1 if it cannot be created. Raises FileExistsError.

        A file that root creates for the folder's owner first gets its owner and then its name, so that its owner can always
        open it.
        """
        if sys.platform == "win32":
            return -1
        fd, is_nameless = -1, False
        try:
            if self._user or not self._owner:
                return os.open(self._path, FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            if sys.platform == "linux":
                with suppress(OSError):  # because not every file system has nameless files
                    fd = os.open(self._folder or os.curdir, os.O_RDWR | os.O_TMPFILE, 0o600)
            is_nameless = fd >= 0
            if not is_nameless:
                fd = os.open(self._path, FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            os.fchown(fd, self._writer(), -1)  # safe, because it is new and empty
            if is_nameless:  # src_dir_fd: see ``Draft``
                os.link(f"/proc/self/fd/{fd}", self._path, src_dir_fd=fd, follow_symlinks=True)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            if isinstance(error, FileExistsError):
                raise
            if fd >= 0 and not is_nameless:
                with suppress(
                    OSError
                ):  # root could not change its owner (NFS), and root's file would stop the owner's saves
                    os.unlink(self._path)
            return -1
        return fd

    def _open_file(self) -> int:
        """Return the existing file, open for writing because NFS needs that for a lock.

        -1: another user may hold it. Raises FileNotFoundError.
        """
        try:
            if not stat.S_ISREG(os.lstat(self._path).st_mode):
                return -1
            fd = os.open(self._path, FLAGS)
        except FileNotFoundError:
            raise
        except OSError:
            return -1
        status = os.fstat(fd)
        if status.st_uid == self._writer() and not status.st_mode & READ_BY_OTHERS:
            return fd
        os.close(fd)
        return -1

    def _try_windows(self) -> bool | None:
        if sys.platform == "win32":
            import msvcrt

            if self._file < 0:  # Windows cannot open folders, and removes this file with its last handle
                path = os.path.join(self._folder, f".{self._name}.shorepass-lock")
                self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TEMPORARY, 0o600)
            try:
                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
            except PermissionError:
                return None
            return True
        return False

    @property
    def _path(self) -> str:
        """The path of the lock file."""
        return os.path.join(self._folder, self._name)

    def _is_current(self) -> bool:
        """Tell whether the file is still the one that other processes find."""
        try:
            found = os.lstat(self._path)
        except OSError:
            return False
        return os.path.samestat(os.fstat(self._file), found)

    def _timed_out(self) -> WriteError:
        held = self._file if self._file >= 0 else self.fd
        holder = _flock_holder(os.fstat(held).st_ino) if sys.platform == "linux" and held >= 0 else None
        by = f"process {holder}" if holder else "another shorepass process"
        hint = f"ps -fp {holder}" if holder else "ps -ef | grep shorepass"
        return WriteError(self.shown, f"locked by {by} for {self.timeout:g} seconds", hint=hint)

    def _close(self) -> None:
        for fd in (self._file, self.fd):
            if fd >= 0:
                os.close(fd)  # also unlocks it
        self._file = self.fd = -1


def _process_user() -> int:
    return os.geteuid() if sys.platform != "win32" else -1


def _flock(fd: int) -> bool | None:
    """Lock an open file. None: another process holds it; False: it cannot be locked."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    except OSError:
        return False
    return True


def _flock_holder(inode: int) -> int | None:
    """Return the process that has locked an inode, None if it is unknown.

    Source: proc(5), /proc/locks.
    """
    try:
        with open("/proc/locks", "rb") as locks:
            for line in locks:
                words = line.split()
                if words[1] == b"FLOCK" and words[5].endswith(b":%d" % inode) and int(words[4]) > 0:
                    return int(words[4])
    except (OSError, IndexError, ValueError):
        return None
    return None
