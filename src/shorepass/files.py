"""The only module that writes files: whole or not at all, one writer at a time, owner and mode kept.

A save takes a lock, reads the file, lets the caller edit what it read, writes the result into a nameless file in the
same folder, brings that to the disk, looks whether the file is still the one that was read (other programs know nothing
of our lock; if not, the edit runs again on the newer content), and renames.

What holds when the process is killed or the machine stops at any moment: the file is the old one or the new one,
whole. Where nameless files exist (Linux, on most of its file systems) nothing else is left behind either, but for one
moment of a replacement: between ``linkat`` and ``rename``. Elsewhere that moment begins with the first write. What is
left then is named ``.NAME.shorepass-...`` and no more readable than the file; the next save of that file removes it.

A file of our own may have generations: what it was before its last saves stays beside it as ``NAME.1`` (the youngest),
``NAME.2`` ... At every moment of a save each of them is whole or not there.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from shorepass.errors import FileError, MalformedFile, WriteError
from shorepass.lock import LOCK_TIMEOUT, FolderLock
from shorepass.shapes import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, Self

__all__ = [
    "FileContent",
    "FileStatus",
    "Sole",
    "generation",
    "head",
    "names",
    "owner_of",
    "read",
    "remove",
    "set_mode",
    "set_owner",
    "status",
    "sweep",
    "symlink",
    "update",
]

FILE_MODE = 0o600
FOLDER_MODE = 0o700
SIZE_LIMIT = 16 * 1024 * 1024  # bytes of a file that is to be edited
READ_SIZE = 64 * 1024  # bytes at a time of a file that does not tell its size, as in /proc
RETRIES = 100  # edits anew because another program wrote in the very milliseconds of our save
MARK = ".shorepass-"  # in the name of every temporary file
STALE_AFTER = 3600  # seconds after which a temporary file is nobody's, where the folder cannot be locked


class FileContent(NamedTuple):
    """The bytes of a regular file, symlinks followed.

    ``owner`` is ``name(uid)``, ``mode`` is ``0600``; None where unknown.
    """

    path: str
    data: bytes
    owner: str | None = None
    mode: str | None = None

    def __repr__(self) -> str:  # a client's file holds secrets
        return f"FileContent({self.path!r}, {len(self.data)} bytes)"


class Sole(NamedTuple):
    """What an edit returns where nothing of what was before may stay: ``data`` replaces all generations, too."""

    data: bytes

    def __repr__(self) -> str:
        return f"Sole({len(self.data)} bytes)"


class FileStatus(NamedTuple):
    """What stands at a path, symlinks followed.

    ``kind``: ``file``, ``folder`` or ``other``. ``mode``: the permission bits. ``owner`` is ``name(uid)``, None where
    unknown. ``identity``: equal for two paths that lead to one file, in whatever mounts; None where unknown. ``link``: the
    path itself is a symlink, as far as that is known.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    owner: str | None = None
    identity: str | None = None
    link: bool = False


class _ChangedError(Exception):
    """Another program wrote the file since it was read."""


# Reading


def read(path: str, limit: int) -> FileContent | None:
    """Return a regular file's content, or None when there is no such file (ENOENT, ENOTDIR).

    Raises FileError: a folder, unreadable, not a regular file (a FIFO never hangs); MalformedFile: more than ``limit``
    bytes.
    """
    found = _read(path, limit)
    return found[0] if found else None


def head(path: str, size: int) -> bytes | None:
    """Return at most the first ``size`` bytes of a regular file, or None when there is none. Raises FileError."""
    found = _read(path, size, cut=True)
    return found[0].data if found else None


def status(path: str) -> FileStatus | None:
    """Return what stands at ``path``, symlinks followed, or None when nothing does. Raises FileError."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        _refuse(path, error)
    kind = "file" if stat.S_ISREG(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "other"
    identity = f"{found.st_dev}:{found.st_ino}" if found.st_ino else None
    owner, mode = owner_of(found.st_uid), stat.S_IMODE(found.st_mode)
    return FileStatus(
        path, kind, mode, found.st_uid, found.st_gid, found.st_size, owner, identity, os.path.islink(path)
    )


def names(folder: str) -> list[str]:
    """Return the sorted names in a folder; empty when it is absent. Raises FileError when it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _refuse(folder, error)


def _read(path: str, limit: int, *, cut: bool = False) -> tuple[FileContent, os.stat_result] | None:
    """Read a file; ``cut`` takes the first ``limit`` bytes of a larger one."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        _refuse(path, error)
    try:
        status = os.fstat(fd)
        owner, mode = owner_of(status.st_uid), f"{stat.S_IMODE(status.st_mode):04o}"
        if not stat.S_ISREG(status.st_mode):
            what = "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise FileError(path, what, owner=owner, mode=mode)
        data = b""
        most = limit if cut else limit + 1
        while len(data) < most and (chunk := os.read(fd, min(most - len(data), max(status.st_size + 1, READ_SIZE)))):
            data += chunk
    except OSError as error:
        _refuse(path, error)
    finally:
        os.close(fd)
    if len(data) > limit:
        raise MalformedFile(path, f"larger than {limit} bytes", owner=owner, mode=mode)
    return FileContent(path, data, owner, mode), status


def owner_of(uid: int) -> str | None:
    """Return ``name(uid)``, or the bare number when the user database does not know it; None on Windows."""
    owner = None
    if sys.platform != "win32":
        if uid == 0:
            return "root(0)"  # the most frequent; to open the user database takes half a millisecond
        import pwd

        try:
            owner = f"{pwd.getpwuid(uid).pw_name}({uid})"
        except KeyError:
            owner = str(uid)
    return owner


def _refuse(path: str, error: OSError | ValueError) -> NoReturn:
    """Raise FileError for what the system said, with owner and mode if they can be had."""
    owner = mode = hint = None
    try:
        status = os.stat(path)
        owner, mode = owner_of(status.st_uid), f"{stat.S_IMODE(status.st_mode):04o}"
    except (OSError, ValueError):
        pass  # the reason below is the better one
    if isinstance(error, PermissionError) and owner:
        hint = f"if it is meant to be yours: sudo chown $(id -u):$(id -g) {_quote(path)}"
    raise FileError(path, _reason(error), owner=owner, mode=mode, hint=hint) from None


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _quote(path: str) -> str:
    import shlex  # only where something failed: 1 ms

    return shlex.quote(path)


# Writing


def generation(path: str, number: int) -> str:
    """Return where a file's content of ``number`` saves ago is kept, if it is."""
    return f"{os.path.realpath(path)}.{number}"


def update(
    path: str,
    edit: Callable[[FileContent | None], bytes | Sole | None],
    *,
    owner: tuple[int, int] | None = None,
    timeout: float = LOCK_TIMEOUT,
    generations: int = 0,
) -> bool:
    """Replace a file's bytes by ``edit(current)``; False when nothing was to change (None, or the same bytes).

    Symlinks are followed, dangling ones too; missing folders are made, 0700; a new file is 0600. ``edit`` may run more
    than once. ``owner`` (uid, gid): to whom root gives a new file and new folders, by default the owner of the nearest
    folder that exists. ``timeout``: seconds to wait for our other writers. ``generations``: how many are kept.

    Raises WriteError, FileError, MalformedFile, and what ``edit`` raises; then the file is as it was.
    """
    try:
        target = os.path.realpath(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise WriteError(path, _reason(error)) from None
    folder = os.path.dirname(target)
    try:
        if not os.path.isdir(folder):
            if edit(None) is None:
                return False
            _make_folders(folder, owner)
        with FolderLock(target, timeout) as lock:
            for _ in range(RETRIES):
                try:
                    return _replace(lock, target, path, edit, owner, generations)
                except _ChangedError:
                    continue
    except OSError as error:
        raise WriteError(path, _reason(error), hint=_hint(error, target)) from None
    raise WriteError(path, "another program keeps writing it", hint="stop that program, then try again")


def set_mode(path: str, mode: int) -> None:
    """Set the permission bits of what stands at ``path``. Raises WriteError."""
    try:
        os.chmod(path, mode)
    except (OSError, ValueError) as error:
        raise WriteError(path, _reason(error), hint=f"sudo chmod {mode:04o} {_quote(path)}") from None


def set_owner(path: str, uid: int, gid: int, *, home: str | None = None) -> None:
    """Give what stands at ``path`` (a symlink itself, not what it leads to) to somebody. Raises WriteError.

    Below ``home``, which must be that of whoever gets it, nothing is given away that a symlink, or another name of the same
    file, has led to: or its owner could make root give them any file of this machine. (Only Linux can tell for sure.)
    """
    hint = f"sudo chown -h {uid}:{gid} {_quote(path)}"
    if sys.platform == "win32":
        raise WriteError(path, "Windows files have no owner of that kind")
    try:
        if sys.platform != "linux" or home is None or not path.startswith(home.rstrip("/") + "/"):
            os.chown(path, uid, gid, follow_symlinks=False)
            return
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        try:
            found, me = os.fstat(fd), f"/proc/self/fd/{fd}"
            if os.readlink(me) != os.path.realpath(home) + path[len(home.rstrip("/")) :]:
                raise WriteError(path, "a symlink leads there", hint="look with ls -l at each folder on the way")
            if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
                raise WriteError(path, "the file has another name, too", hint=f"find / -xdev -inum {found.st_ino}")
            os.chown(me, uid, gid)  # by way of this link: the very file that was looked at
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        raise WriteError(path, _reason(error), hint=hint) from None


def symlink(path: str, to: str) -> None:
    """Make ``path`` a symlink to ``to``, in the place of whatever file it is. Raises WriteError."""
    draft = f"{path}{MARK}{os.getpid()}-{os.urandom(8).hex()}"
    try:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            _make_folders(folder, None)
        os.symlink(to, draft)
        try:
            if sys.platform != "win32" and os.geteuid() == 0:
                status = os.stat(folder)
                os.chown(draft, status.st_uid, status.st_gid, follow_symlinks=False)
            os.replace(draft, path)
        except OSError:
            os.unlink(draft)
            raise
    except (OSError, ValueError) as error:
        raise WriteError(path, _reason(error)) from None


def remove(path: str) -> None:
    """Remove a file; one that is not there is none the worse for it. Raises WriteError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise WriteError(path, _reason(error)) from None


def sweep(folder: str) -> None:
    """Remove what killed saves of any file have left in a folder of our own. Raises WriteError."""
    try:
        with FolderLock(os.path.join(folder, ""), LOCK_TIMEOUT) as lock:
            _sweep(lock, folder, "")
    except FileNotFoundError:
        return
    except OSError as error:
        raise WriteError(folder, _reason(error)) from None


def _replace(
    lock: FolderLock,
    target: str,
    path: str,
    edit: Callable[[FileContent | None], bytes | Sole | None],
    owner: tuple[int, int] | None,
    generations: int,
) -> bool:
    _sweep(lock, *os.path.split(target))
    before = _read(target, SIZE_LIMIT)
    current = before[0]._replace(path=path) if before else None
    edited = edit(current)
    data = edited.data if isinstance(edited, Sole) else edited
    if data is None or (current is not None and data == current.data):
        return False
    with _Draft(target) as draft:
        _fill(draft, data, before and before[1], owner)
        _check_unchanged(target, before)
        if isinstance(edited, Sole):
            _forget(lock, target, data, before and before[1], owner, generations)
        elif before and generations:
            _rotate(target, before, generations)
        if before:
            draft.replace(target)
        else:
            draft.create(target)
    _sync(lock)
    return True


def _fill(draft: _Draft, data: bytes, like: os.stat_result | None, owner: tuple[int, int] | None) -> None:
    """Bring content to the disk, as like the file it will replace as may be; ``owner`` is for a new one."""
    draft.write(data)
    if like:
        draft.resemble(draft.target, like)
    else:
        _give(draft.fd, owner, os.path.dirname(draft.target))
    os.fsync(draft.fd)


def _rotate(target: str, before: tuple[FileContent, os.stat_result], generations: int) -> None:
    """Let the file that is to be replaced have the name of the youngest generation as well, and the others step back."""
    for number in range(generations - 1, 0, -1):
        try:
            os.replace(f"{target}.{number}", f"{target}.{number + 1}")
        except FileNotFoundError:
            continue
    remove(f"{target}.1")  # two names of one file, as a killed save leaves them, do not replace each other
    try:
        os.link(target, f"{target}.1")
    except OSError:  # a file system without links
        with _Draft(f"{target}.1") as draft:
            _fill(draft, before[0].data, before[1], None)
            draft.replace(draft.target)


def _forget(
    lock: FolderLock,
    target: str,
    data: bytes,
    like: os.stat_result | None,
    owner: tuple[int, int] | None,
    generations: int,
) -> None:
    """Replace the youngest generation by ``data``, and remove the others."""
    for number in range(1, generations + 1):
        path = f"{target}.{number}"
        _sweep(lock, *os.path.split(path))
        if number == 1:
            with _Draft(path) as draft:
                _fill(draft, data, like if os.path.exists(path) else None, owner)
                draft.replace(path)
        else:
            remove(path)


def _check_unchanged(target: str, before: tuple[FileContent, os.stat_result] | None) -> None:
    """Raise _ChangedError when the file is no longer the one that was read: another inode, or other bytes."""
    now = _read(target, SIZE_LIMIT)
    if now is None or before is None:
        same = now is before
    else:
        same = os.path.samestat(now[1], before[1]) and now[0].data == before[0].data
    if not same:
        raise _ChangedError


def _sweep(lock: FolderLock, folder: str, name: str) -> None:
    """Remove what killed saves of a file left (``name`` empty: of any). The lock tells that none is in use, else its age."""
    import time

    begin = f".{name}{MARK}" if name else "."
    try:
        for found in [os.path.join(folder, n) for n in os.listdir(folder) if n.startswith(begin) and MARK in n]:
            if lock.on_folder or os.lstat(found).st_mtime < time.time() - STALE_AFTER:
                os.unlink(found)
    except OSError:
        return  # not ours to remove; the save does not need it gone


def _sync(lock: FolderLock) -> None:
    """Bring the folder's names to the disk."""
    if lock.on_folder:
        try:
            os.fsync(lock.fd)
        except OSError:
            return  # not every file system can, and the file has been replaced


def _hint(error: OSError, target: str) -> str | None:
    """Return the command or deed that mends a failed save."""
    folder = _quote(os.path.dirname(target))
    return {
        errno.ENOSPC: f"make room on the disk: df -h {folder}",
        errno.EDQUOT: f"make room, your quota is used up: du -sh {folder}",
        errno.EACCES: f"look who may write there: ls -ld {folder}",
        errno.EPERM: f"look whether it is immutable: lsattr -d {folder} {_quote(target)}",
        errno.EROFS: "name a folder that can be written: --config DIR for docker, --authfile FILE for podman",
        errno.EBUSY: "it is mounted by itself and cannot be replaced whole: mount its folder instead",
    }.get(error.errno or 0)


def _make_folders(folder: str, owner: tuple[int, int] | None) -> None:
    """Make a folder and its missing parents, 0700, for the owner of a new file in it."""
    parent = os.path.dirname(folder)
    if not os.path.isdir(parent):
        _make_folders(parent, owner)
    try:
        os.mkdir(folder, FOLDER_MODE)
    except FileExistsError:
        return  # another program was faster
    if sys.platform != "win32":
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)  # never what somebody put in its place
        try:
            _give(fd, owner, parent)
        finally:
            os.close(fd)


def _give(fd: int, owner: tuple[int, int] | None, parent: str) -> None:
    """Let what root makes belong to ``owner``, or to the owner of the folder it is in."""
    if sys.platform != "win32" and os.geteuid() == 0:
        if owner is None:
            status = os.stat(parent)
            owner = status.st_uid, status.st_gid
        os.fchown(fd, *owner)


class _Draft:
    """The new content, before it has the file's name."""

    def __init__(self, target: str) -> None:
        folder, name = os.path.split(target)
        self.target = target
        self.path = os.path.join(folder, f".{name}{MARK}{os.getpid()}-{os.urandom(8).hex()}")
        self.named = False
        self.fd = -1

    def __enter__(self) -> Self:
        if sys.platform == "linux" and os.path.isdir("/proc/self/fd"):  # by way of it the file gets its name
            try:
                self.fd = os.open(os.path.dirname(self.path), os.O_TMPFILE | os.O_WRONLY, FILE_MODE)
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
        if sys.platform != "win32":
            mode, mine = status.st_mode & 0o777, os.fstat(self.fd)
            if (status.st_uid, status.st_gid) != (mine.st_uid, mine.st_gid):
                try:
                    os.fchown(self.fd, status.st_uid, status.st_gid)
                except OSError:
                    if status.st_gid != mine.st_gid:
                        mode &= ~0o070  # what the old group might do is not for another group
            if mode != mine.st_mode & 0o777:
                os.fchmod(self.fd, mode)
        if sys.platform == "linux":
            try:
                for attribute in os.listxattr(target):
                    os.setxattr(self.fd, attribute, os.getxattr(target, attribute))
            except OSError:
                return  # none there, or one that only root may set

    def create(self, target: str) -> None:
        """Become the file ``target``. Raises _ChangedError when there is one by now."""
        try:
            self._link(target)
        except FileExistsError:
            raise _ChangedError from None
        except OSError:
            self.replace(target)  # a file system without links

    def replace(self, target: str) -> None:
        """Take the place of the file ``target``."""
        if not self.named:
            self._link(self.path)
            self.named = True
        if sys.platform == "win32":
            self._close()  # an open file cannot be renamed there
        os.replace(self.path, target)
        self.named = False

    def _link(self, path: str) -> None:
        if self.named:
            os.link(self.path, path)
        else:  # src_dir_fd has no meaning here but that Python then calls linkat, which can follow the link in /proc
            os.link(f"/proc/self/fd/{self.fd}", path, src_dir_fd=self.fd, follow_symlinks=True)

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __exit__(self, *exception: object) -> None:
        self._close()
        if self.named:
            os.unlink(self.path)
