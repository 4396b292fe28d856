"""Changes owners and modes, and creates, moves and removes links and folders."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from shorepass.errors import FileError, WriteError
from shorepass.files.destination import Destination
from shorepass.files.draft import MARK
from shorepass.files.reading import SIZE_LIMIT, listed, owner_of, read_with_status, reason, status_of
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shorepass.files.reading import FileContent, FileStatus

__all__ = [
    "make_folders",
    "move",
    "names_of_root",
    "read_of_root",
    "remove",
    "remove_folder",
    "set_mode",
    "set_owner",
    "symlink",
]


def set_mode(path: str, mode: int, *, seen: FileStatus | None = None, owner: int | None = None) -> None:
    """Set the permission bits of the file or folder at ``path``.

    ``seen``: the status that the user saw first; if it is different now, nothing changes. ``owner``: the user for whom root
    works in that user's home; files of other users there are not changed. Raises WriteError.
    """
    try:
        with _opened(path) as (fd, by_link):
            _check_unchanged(path, fd, seen)
            if owner is not None and os.fstat(fd).st_uid not in (0, owner):
                raise WriteError(path, f"it belongs to {owner_of(os.fstat(fd).st_uid)}", hint=f"ls -l {quoted(path)}")
            os.chmod(by_link, mode)
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error), hint=f"sudo chmod {mode:04o} {quoted(path)}") from None


def set_owner(
    path: str,
    uid: int,
    gid: int,
    *,
    home: str | None = None,
    seen: FileStatus | None = None,
    accept: Callable[[bytes], bool] | None = None,
) -> None:
    """Give the file, folder or symlink (not its target) at ``path`` to another user.

    ``home``: the new owner's home. A file below it is not given away if a symlink led to it, or if it has another name:
    otherwise that user could make root give them any file of this machine. (Only Linux can check this reliably.) ``seen``: as
    for ``set_mode``. ``accept``: gets a regular file's first bytes, and tells whether its owner may change. Raises WriteError.
    """
    hint = f"sudo chown -h {uid}:{gid} {quoted(path)}"
    if sys.platform == "win32":
        raise WriteError(path, "files on Windows have no such owner")
    try:
        with _opened(path, follow=False) as (fd, by_link):
            found = os.fstat(fd)
            if home is not None:
                _check_way(path, fd, home)
            if accept is not None and stat.S_ISREG(found.st_mode) and not accept(_content(by_link)):
                raise WriteError(path, "not a config file of that client", hint=f"sudo less {quoted(path)}")
            _check_unchanged(path, fd, seen)
            os.chown(by_link, uid, gid, follow_symlinks=by_link != path)
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error), hint=hint) from None


def read_of_root(path: str, limit: int, *, home: str) -> FileContent | None:
    """Return the content of root's own file below another user's ``home``.

    None: it is not such a file. Shorepass follows no symlink and reads no file with a second name, because the owner of the
    home may have put either there. Raises FileError: it cannot be read; MalformedFile: more than ``limit`` bytes.
    """
    try:
        with _opened(path, follow=False) as (fd, by_link):
            found = os.fstat(fd)
            _check_way(path, fd, home)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != 0:
                return None
            content = read_with_status(by_link, limit, shown=path)
            return content[0] if content else None
    except (OSError, ValueError, WriteError):
        return None


def names_of_root(folder: str, *, home: str, closed_by_folder: bool = False) -> list[str]:
    """Return the sorted names in root's own folder below another user's ``home``.

    ``closed_by_folder``: only those that others could use if they could open the folder. Raises FileError: it is not a folder
    of root's.
    """
    try:
        with _opened(folder, follow=False) as (fd, by_link):
            found = os.fstat(fd)
            _check_way(folder, fd, home)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
                raise FileError(folder, "not a folder of root's")
            names = listed(by_link, folder)
            if not closed_by_folder:
                return names
            entries = {name: os.lstat(os.path.join(by_link, name)) for name in names}
            return [name for name, one in entries.items() if one.st_mode & 0o077 and not stat.S_ISLNK(one.st_mode)]
    except (OSError, ValueError) as error:
        raise FileError(folder, reason(error)) from None
    except WriteError as error:
        raise FileError(folder, error.reason, hint=error.hint) from None


def _check_way(path: str, fd: int, home: str) -> None:
    """Raise WriteError if a symlink led to the open file, or if it has two names.

    This applies only to files below ``home``.
    """
    if sys.platform != "linux" or not path.startswith(home.rstrip("/") + "/"):
        return
    found = os.fstat(fd)
    if os.readlink(f"/proc/self/fd/{fd}") != os.path.realpath(home) + path[len(home.rstrip("/")) :]:
        raise WriteError(path, "a symlink leads there", hint=f"namei -lx {quoted(path)}")
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
        raise WriteError(path, "the file also has another name", hint=f"sudo find / -xdev -inum {found.st_ino}")


@contextmanager
def _opened(path: str, *, follow: bool = True) -> Iterator[tuple[int, str]]:
    """Open a file without reading it; yield its descriptor, and a path to it.

    Without ``/proc`` the path is ``path`` itself.
    """
    with Destination(path, follow=follow) as there:
        name = there.at
        if stat.S_ISLNK(os.lstat(name).st_mode) and follow:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))  # because it has just become a symlink
        if not hasattr(os, "O_PATH"):
            fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        else:
            fd = os.open(name, os.O_PATH | os.O_NOFOLLOW)
    try:
        by_link = f"/proc/self/fd/{fd}"
        yield fd, by_link if os.path.exists(by_link) else path
    finally:
        os.close(fd)


def _check_unchanged(path: str, fd: int, seen: FileStatus | None) -> None:
    """Raise WriteError if an open file is not the one that the user saw."""
    if seen is not None and not seen.is_same(status_of(path, os.fstat(fd))):
        raise WriteError(path, "it has changed since it was shown; nothing was changed")


def _content(by_link: str) -> bytes:
    found = read_with_status(by_link, SIZE_LIMIT, cut=True)
    return found[0].data if found else b""


def symlink(path: str, to: str, *, owner: tuple[int, int] | None = None) -> None:
    """Create a symlink from ``path`` to ``to``, and replace the file at ``path``.

    Root gives it to ``owner``. Raises WriteError.
    """
    draft = f"{path}{MARK}{os.getpid()}-{os.urandom(8).hex()}"
    try:
        make_folders(os.path.dirname(path), owner)
        os.symlink(to, draft)
        try:
            if owner is not None and sys.platform != "win32" and os.geteuid() == 0:
                os.chown(draft, *owner, follow_symlinks=False)
            os.replace(draft, path)
        except OSError:
            os.unlink(draft)
            raise
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error)) from None


def move(path: str, to: str) -> None:
    """Move a file, or a folder with its content, to a new path. Raises WriteError."""
    try:
        if os.path.lexists(to):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        make_folders(os.path.dirname(to), None)
        shutil.move(path, to)
    except (OSError, ValueError) as error:
        raise WriteError(to, reason(error)) from None


def remove(path: str) -> None:
    """Remove a file, if it exists. Raises WriteError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error)) from None


def remove_folder(path: str) -> None:
    """Remove a folder if it is empty, and leave everything else."""
    with suppress(OSError, ValueError):
        os.rmdir(path)


def make_folders(folder: str, owner: tuple[int, int] | None) -> None:
    """Create a folder and its missing parents with mode 0700.

    Root gives them to ``owner``. Raises OSError, WriteError.
    """
    if not os.path.isdir(folder):
        with Destination(os.path.join(folder, "new"), make=True, owner=owner):
            return
