"""Change what stands at a path, but for a file's bytes: owner, mode, links, folders."""

from __future__ import annotations

import errno
import os
import stat
import sys

from shorepass.errors import WriteError
from shorepass.files.destination import Destination
from shorepass.files.draft import MARK
from shorepass.files.reading import quoted, reason

__all__ = ["make_folders", "move", "remove", "set_mode", "set_owner", "symlink"]


def set_mode(path: str, mode: int) -> None:
    """Set the permission bits of what stands at ``path``. Raises WriteError."""
    try:
        os.chmod(path, mode)
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error), hint=f"sudo chmod {mode:04o} {quoted(path)}") from None


def set_owner(path: str, uid: int, gid: int, *, home: str | None = None) -> None:
    """Give what stands at ``path`` (a symlink itself, not what it leads to) to somebody. Raises WriteError.

    Below ``home``, which must be that of whoever gets it, nothing is given away that a symlink, or another name of the same
    file, has led to: or its owner could make root give them any file of this machine. (Only Linux can tell for sure.)
    """
    hint = f"sudo chown -h {uid}:{gid} {quoted(path)}"
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
        raise WriteError(path, reason(error), hint=hint) from None


def symlink(path: str, to: str, *, owner: tuple[int, int] | None = None) -> None:
    """Make ``path`` a symlink to ``to``, in the place of whatever file it is; root gives it to ``owner``. Raises WriteError."""
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
    """Move a file, or a folder with all that is in it, to where nothing is yet. Raises WriteError."""
    import shutil

    try:
        if os.path.lexists(to):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        make_folders(os.path.dirname(to), None)
        shutil.move(path, to)
    except (OSError, ValueError) as error:
        raise WriteError(to, reason(error)) from None


def remove(path: str) -> None:
    """Remove a file; one that is not there is none the worse for it. Raises WriteError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise WriteError(path, reason(error)) from None


def make_folders(folder: str, owner: tuple[int, int] | None) -> None:
    """Create a folder and its missing parents, 0700; root gives them to ``owner``. Raises OSError, WriteError."""
    if not os.path.isdir(folder):
        with Destination(os.path.join(folder, "new"), make=True, owner=owner):
            return
