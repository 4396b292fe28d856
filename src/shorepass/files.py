"""The only module that writes files: whole or not at all, one writer at a time, owner and mode kept.

A save takes the lock of the file's folder, reads the file, lets the caller edit what it read, writes the result into a
nameless file in the same folder, brings that to the disk, looks whether the file is still the one that was read
(another program knows nothing of our lock; then the edit runs again on the newer content), and renames.

What holds when the process is killed, or the machine stops, at any moment: the file is the old one or the new one,
whole. Where the system has nameless files (Linux, on most of its file systems) no other file is left behind, except
between the last two calls of a replacement, ``linkat`` and ``rename``: then the whole new content stays beside
the file, 0600 or as the file itself, as ``.NAME.shorepass-...``. Elsewhere that window opens when the writing begins. The
next save in that folder removes what it finds of this kind.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import NamedTuple

from shorepass.errors import FileError, MalformedFile, WriteError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["LOCK_TIMEOUT", "FileContent", "names", "owner_of", "read", "update"]

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LOCK_TIMEOUT = 30.0  # seconds; a save takes milliseconds, so this is a stopped process or a dead network disk
LOCK_POLL = (0.001, 0.02)  # seconds between two tries: the first, and the longest
RETRIES = 20  # edits anew because another program wrote meanwhile; it would have to write every few milliseconds
SIZE_LIMIT = 16 * 1024 * 1024  # bytes of a file that is to be edited
MARK = ".shorepass-"  # in the name of every temporary file
STALE_AFTER = 3600  # seconds after which a temporary file is nobody's, where no lock tells


class FileContent(NamedTuple):
    """The bytes of a regular file, symlinks followed. ``owner`` is ``name(uid)``, ``mode`` is ``0600``; None if unknown."""

    path: str
    data: bytes
    owner: str | None = None
    mode: str | None = None


class _Changed(Exception):
    """Another program wrote the file since it was read."""


def read(path: str, limit: int) -> FileContent | None:
    """Return a regular file's content, or None when there is no such file (ENOENT, ENOTDIR).

    Raises FileError: a folder, unreadable, not a regular file (a FIFO never hangs); MalformedFile: above ``limit`` bytes.
    """
    found = _read(path, limit)
    return found[0] if found else None


def _read(path: str, limit: int) -> tuple[FileContent, os.stat_result] | None:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _refuse(path, _reason(error))
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            _refuse(path, "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file", status)
        chunks = []
        left = limit + 1
        while left > 0 and (chunk := os.read(fd, left)):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        _refuse(path, _reason(error))
    finally:
        os.close(fd)
    owner, mode = owner_of(status.st_uid), f"{stat.S_IMODE(status.st_mode):04o}"
    if left <= 0:
        raise MalformedFile(path, f"larger than {limit} bytes", owner=owner, mode=mode)
    return FileContent(path, b"".join(chunks), owner, mode), status


def names(folder: str) -> list[str]:
    """Return the sorted names in a folder; empty when it is absent. Raises FileError when it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _refuse(folder, _reason(error))


def owner_of(uid: int) -> str | None:
    """Return ``name(uid)``, or the bare number when the user database does not know it; None on Windows."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name}({uid})"
    except KeyError:
        return str(uid)


def _refuse(path: str, reason: str, status: os.stat_result | None = None) -> NoReturn:
    """Raise FileError with the owner and mode of ``path``, or of the nearest folder that can be looked at."""
    try:
        status = status or os.stat(path)
    except OSError:
        raise FileError(path, reason) from None
    raise FileError(path, reason, owner=owner_of(status.st_uid), mode=f"{stat.S_IMODE(status.st_mode):04o}") from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def update(
    path: str,
    edit: Callable[[FileContent | None], bytes | None],
    *,
    owner: tuple[int, int] | None = None,
    timeout: float = LOCK_TIMEOUT,
) -> bool:
    """Replace a file's bytes by ``edit(current)``; False when nothing was to change (None, or the same bytes).

    Symlinks are followed, dangling ones too; missing folders are made, 0700. ``edit`` may run more than once. ``owner``
    (uid, gid): to whom root gives a new file, by default the owner of the nearest folder that exists.

    Raises WriteError, FileError, MalformedFile, and what ``edit`` raises; then the file is as it was.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    try:
        if not os.path.isdir(folder):
            if edit(None) is None:
                return False
            _make_folders(folder, owner)
        with _Folder(folder, timeout) as locked:
            for _ in range(RETRIES):
                try:
                    return _replace(locked, name, path, edit, owner)
                except _Changed:
                    continue
    except OSError as error:
        raise WriteError(path, _reason(error), hint=_hint(error, target)) from None
    raise WriteError(path, "another program keeps writing it", hint="stop that program, then try again")


def _replace(
    locked: _Folder, name: str, path: str, edit: Callable[[FileContent | None], bytes | None], owner: tuple[int, int] | None
) -> bool:
    target = os.path.join(locked.path, name)
    before = _read(target, SIZE_LIMIT)
    content = before[0]._replace(path=path) if before else None
    edited = edit(content)
    if edited is None or (content is not None and edited == content.data):
        return False
    locked.sweep(name)
    with _Draft(locked.path, name) as draft:
        draft.write(edited)
        if before:
            draft.resemble(target, before[1])
        elif sys.platform != "win32" and os.geteuid() == 0:
            uid, gid = owner or _folder_owner(locked.path)
            os.fchown(draft.fd, uid, gid)
        os.fsync(draft.fd)
        _check_unchanged(target, before)
        draft.publish(target, new=before is None)
    locked.sync()
    return True


def _check_unchanged(target: str, before: tuple[FileContent, os.stat_result] | None) -> None:
    """Raise _Changed when the file is no longer the one that was read: another inode, or other bytes."""
    now = _read(target, SIZE_LIMIT)
    if (now is None) != (before is None):
        raise _Changed
    if now and before and (now[0].data != before[0].data or not os.path.samestat(now[1], before[1])):
        raise _Changed


def _hint(error: OSError, target: str) -> str | None:
    folder = os.path.dirname(target)
    return {
        errno.ENOSPC: f"make room on the disk of {folder}",
        errno.EDQUOT: f"make room: your quota on the disk of {folder} is used up",
        errno.EACCES: f"ls -ld {folder}",
        errno.EPERM: f"lsattr -d {folder} {target}",
        errno.EROFS: "use a folder on a disk that can be written, with DOCKER_CONFIG or --authfile",
        errno.EBUSY: f"{target} is a mount by itself and cannot be replaced whole: mount its folder instead",
    }.get(error.errno or 0)


# Folders


def _make_folders(folder: str, owner: tuple[int, int] | None) -> None:
    """Make a folder and its missing parents, 0700, for the same owner as a new file in it."""
    parent = os.path.dirname(folder)
    if not os.path.isdir(parent):
        _make_folders(parent, owner)
    try:
        os.mkdir(folder, FOLDER_MODE)
    except FileExistsError:
        return  # another program was faster
    if sys.platform != "win32" and os.geteuid() == 0:
        uid, gid = owner or _folder_owner(parent)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)  # never what somebody put in its place
        try:
            os.fchown(fd, uid, gid)
        finally:
            os.close(fd)


def _folder_owner(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_uid, status.st_gid


class _Folder:
    """A folder that is locked against our other writers, by a lock that leaves no file behind."""

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        self.fd = -1

    def __enter__(self) -> _Folder:
        self.fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._lock()
        except BaseException:
            os.close(self.fd)
            raise
        return self

    def _lock(self) -> None:
        import fcntl
        import time

        deadline = time.monotonic() + self.timeout
        pause, longest = LOCK_POLL
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WriteError(self.path, "locked by another shorepass") from None
                time.sleep(pause)
                pause = min(pause * 2, longest)
            else:
                return

    def sweep(self, name: str) -> None:
        """Remove what a killed save left: under the lock no temporary file is in use."""
        for entry in os.listdir(self.path):
            if entry.startswith(f".{name}{MARK}"):
                try:
                    os.unlink(os.path.join(self.path, entry))
                except OSError:
                    continue  # not ours to remove; the save itself does not need it gone

    def sync(self) -> None:
        """Bring the folder's names to the disk. Not every file system can, and the file is replaced already."""
        try:
            os.fsync(self.fd)
        except OSError:
            return

    def __exit__(self, *exception: object) -> None:
        os.close(self.fd)  # gives the lock back


class _Draft:
    """A file that does not yet have its name."""

    def __init__(self, folder: str, name: str) -> None:
        self.path = os.path.join(folder, f".{name}{MARK}{os.getpid()}-{os.urandom(8).hex()}")
        self.folder = folder
        self.named = False
        self.fd = -1

    def __enter__(self) -> _Draft:
        if sys.platform == "linux":
            try:
                self.fd = os.open(self.folder, os.O_TMPFILE | os.O_WRONLY, FILE_MODE)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                    raise
        if self.fd < 0:
            self.fd = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), FILE_MODE)
            self.named = True
        return self

    def write(self, data: bytes) -> None:
        """Write all of it."""
        left = memoryview(data)
        while left:
            left = left[os.write(self.fd, left) :]

    def resemble(self, target: str, status: os.stat_result) -> None:
        """Take over the owner, mode and extended attributes of the file that is to be replaced."""
        if sys.platform == "win32":
            return
        mode = stat.S_IMODE(status.st_mode)
        try:
            os.fchown(self.fd, status.st_uid, status.st_gid)
        except PermissionError:
            if os.fstat(self.fd).st_gid != status.st_gid:
                mode &= ~0o070  # what the old group might do is not for another group
        os.fchmod(self.fd, mode)
        if sys.platform == "linux":
            try:
                for attribute in os.listxattr(target):
                    os.setxattr(self.fd, attribute, os.getxattr(target, attribute))
            except OSError:
                return

    def publish(self, target: str, *, new: bool) -> None:
        """Give the draft its name. Raises _Changed when a new file is there already."""
        if not self.named:
            first = target if new else self.path
            try:
                os.link(f"/proc/self/fd/{self.fd}", first, src_dir_fd=self.fd, follow_symlinks=True)
            except FileExistsError:
                raise _Changed from None
            if new:
                return
            self.named = True
        os.replace(self.path, target)
        self.named = False

    def __exit__(self, *exception: object) -> None:
        os.close(self.fd)
        if self.named:
            os.unlink(self.path)
