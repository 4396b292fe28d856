"""Reads files with a size limit, and their status, without waiting for a FIFO."""

import itertools
import os
import stat
import sys
from typing import NamedTuple, NoReturn, Self

from shorepass.errors import FileError, MalformedFile
from shorepass.foreign_text import quoted

__all__ = [
    "SIZE_LIMIT",
    "FileContent",
    "FileStatus",
    "head",
    "leads_to",
    "listed",
    "names",
    "open_regular",
    "owner_of",
    "read",
    "read_with_status",
    "reason",
    "status",
    "status_of",
]

SIZE_LIMIT = 16 * 1024 * 1024  # bytes of a file that is to be edited
NAMES_LIMIT = 100_000  # in one folder, because another user may have created any number
READ_SIZE = 64 * 1024  # bytes at a time of a file whose size is unknown, as in /proc


KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}


class FileContent(NamedTuple):
    """The bytes of a regular file, symlinks followed.

    ``owner`` is ``name(uid)``, ``mode`` is ``0600``; None where unknown.
    """

    path: str
    data: bytes
    owner: str | None = None
    mode: str | None = None

    def __repr__(self) -> str:  # without the bytes, because a client's file has secrets
        return f"FileContent({self.path!r}, {len(self.data)} bytes)"


class FileStatus(NamedTuple):
    """The status of a path, symlinks followed.

    ``kind``: ``file``, ``folder`` or ``other``. ``mode``: the permission bits. ``owner`` is ``name(uid)``. ``identity``: equal
    for two paths that lead to one file, also through different mounts. ``link``: the path itself is a symlink, False if
    unknown. ``changed``: the last change of its content, owner or mode (ctime), in nanoseconds since 1970. None: unknown.
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
    changed: int | None = None

    def is_same(self, other: Self | None) -> bool:
        """Tell whether ``other`` is a status of the same file, which has not changed."""
        mine = (self.identity, self.uid, self.mode, self.changed)
        return other is not None and mine == (other.identity, other.uid, other.mode, other.changed)


def read(path: str, limit: int) -> FileContent | None:
    """Return a regular file's content, or None if it does not exist (ENOENT, ENOTDIR). The null device is an empty file.

    Raises FileError: a folder, unreadable, not a regular file (a FIFO never hangs); MalformedFile: more than ``limit``
    bytes.
    """
    try:
        found = read_with_status(path, limit)
    except FileError:
        if _is_null(path):
            return FileContent(path, b"")
        raise
    return found[0] if found else None


def _is_null(path: str) -> bool:
    try:
        return os.path.samefile(path, os.devnull)
    except (OSError, ValueError):
        return False


def head(path: str, size: int) -> bytes | None:
    """Return the first ``size`` bytes of a regular file, or None if it does not exist.

    Raises FileError.
    """
    found = read_with_status(path, size, cut=True)
    return found[0].data if found else None


def leads_to(path: str, other: str) -> bool:
    """Tell whether two paths are the same behind all symlinks. Neither has to exist."""
    # The inodes rule out most pairs by two system calls; realpath needs one for each folder.
    return path == other or (_inode(path) == _inode(other) and os.path.realpath(path) == os.path.realpath(other))


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def status(path: str) -> FileStatus | None:
    """Return the status of ``path``, symlinks followed, or None if nothing is there.

    Raises FileError.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        _refuse(path, error)
    return status_of(path, found)


def status_of(path: str, found: os.stat_result) -> FileStatus:
    """Return a FileStatus for ``path`` from the system's answer."""
    kind = KINDS.get(stat.S_IFMT(found.st_mode), "other")
    identity = f"{found.st_dev}:{found.st_ino}" if found.st_ino else None
    owner, mode = owner_of(found.st_uid), stat.S_IMODE(found.st_mode)
    return FileStatus(
        path,
        kind,
        mode,
        found.st_uid,
        found.st_gid,
        found.st_size,
        owner,
        identity,
        os.path.islink(path),
        found.st_ctime_ns,
    )


def names(folder: str) -> list[str]:
    """Return the sorted names in a folder; empty if it does not exist.

    Raises FileError: it cannot be read.
    """
    try:
        return listed(folder, folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        _refuse(folder, error)


def listed(folder: str | int, shown: str) -> list[str]:
    """Return the sorted names in a folder, by its path or its descriptor.

    Raises OSError; FileError: there are too many.
    """
    with os.scandir(folder) as entries:
        found = [entry.name for entry in itertools.islice(entries, NAMES_LIMIT + 1)]
    if len(found) > NAMES_LIMIT:
        raise FileError(shown, f"it has more than {NAMES_LIMIT} files")
    return sorted(found)


def read_with_status(
    path: str, limit: int, *, cut: bool = False, shown: str = "", follow: bool = True
) -> tuple[FileContent, os.stat_result] | None:
    """Return a file's content and the system's status, None if it does not exist.

    ``cut``: return the first ``limit`` bytes of a larger file. ``shown``: the path for errors, if it is another. ``follow``:
    the last name may be a symlink.
    """
    shown = shown or path
    try:
        fd = open_regular(path, follow=follow)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        _refuse(shown, error)
    try:
        status = os.fstat(fd)
        owner, mode = owner_of(status.st_uid), f"{stat.S_IMODE(status.st_mode):04o}"
        if not stat.S_ISREG(status.st_mode):
            what = "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise FileError(shown, what, owner=owner, mode=mode)
        data = b""
        most = limit if cut else limit + 1
        while len(data) < most and (chunk := os.read(fd, min(most - len(data), max(status.st_size + 1, READ_SIZE)))):
            data += chunk
    except OSError as error:
        _refuse(shown, error)
    finally:
        os.close(fd)
    if len(data) > limit:
        raise MalformedFile(shown, f"larger than {limit} bytes", owner=owner, mode=mode)
    return FileContent(shown, data, owner, mode), status


def open_regular(path: str, *, follow: bool = True, dir_fd: int | None = None) -> int:
    """Return a descriptor to read a regular file.

    Opening a device could start it, so a descriptor for anything else than a regular file cannot be read. Without ``O_PATH``
    in the system, it is one that does not wait. Raises OSError, ValueError.
    """
    last = 0 if follow else getattr(os, "O_NOFOLLOW", 0)
    reading = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    if sys.platform != "linux" or not os.path.isdir("/proc/self/fd"):
        return os.open(path, reading | last, dir_fd=dir_fd)
    looked = os.open(path, os.O_PATH | last, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(looked).st_mode):
            return os.dup(looked)
        return os.open(f"/proc/self/fd/{looked}", reading)
    finally:
        os.close(looked)


def owner_of(uid: int) -> str | None:
    """Return ``name(uid)``, or the number if the user database does not have it.

    None: this is Windows.
    """
    owner = None
    if sys.platform != "win32":
        if uid == 0:
            return "root(0)"  # also if the user database does not have it, as in many images
        import pwd

        try:
            owner = f"{pwd.getpwuid(uid).pw_name}({uid})"
        except KeyError:
            owner = str(uid)
    return owner


def _refuse(path: str, error: OSError | ValueError) -> NoReturn:
    """Raise FileError with the system's reason, and with owner and mode if known."""
    owner = mode = hint = None
    try:
        status = os.stat(path)
        owner, mode = owner_of(status.st_uid), f"{stat.S_IMODE(status.st_mode):04o}"
    except (OSError, ValueError):
        pass  # because the reason below is better
    if isinstance(error, PermissionError) and owner:
        mine = sys.platform != "win32" and status.st_uid == os.geteuid() and not status.st_mode & stat.S_IRUSR
        hint = (
            f"chmod u+r {quoted(path)}"
            if mine
            else f"if it is meant to be yours: sudo chown $(id -u):$(id -g) {quoted(path)}"
        )
    raise FileError(path, reason(error), owner=owner, mode=mode, hint=hint) from None


def reason(error: OSError | ValueError) -> str:
    """Return the system's reason, in lower case."""
    return (getattr(error, "strerror", None) or str(error)).lower()
