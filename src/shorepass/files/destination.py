"""Opens the folder of a save, without following another user's symlinks.

``realpath`` asks readlink(2). So the kernel's own rule for symlinks in shared folders (``protected_symlinks``, proc(5)) does
not apply to it, and its answer may be another folder a moment later. Here, each folder on the way is opened below the former
one, a symlink is followed only if this user may trust its owner, and the save works below the open folder.

The rule: a symlink may belong to the acting user, or to root. In a folder that is not shared (sticky and writable by all) it
may also belong to the owner of that folder. Root follows such a symlink only into a folder of the same user, so that a user
can lead root only into that user's own folders.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from shorepass.errors import WriteError
from shorepass.files.reading import owner_of
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Destination", "acting_uid", "is_shared"]

LINKS_LIMIT = 40  # symlinks on one path, as in the kernel (path_resolution(7))
FOLDER_MODE = 0o700
PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY)  # an open folder that need not be readable
BELOW = PATH_ONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def acting_uid() -> int:
    """Return the user whose rights over files this thread has.

    It is not root while root acts as another user.
    """
    uid = os.geteuid() if sys.platform != "win32" else 0
    if uid == 0 and sys.platform == "linux":
        try:
            with open("/proc/thread-self/status", "rb") as status:
                line = next(line for line in status if line.startswith(b"Uid:"))
            return int(line.split()[4])  # real, effective, saved, and that for files (proc(5))
        except (OSError, StopIteration, IndexError, ValueError):
            return uid
    return uid


def is_shared(folder: os.stat_result) -> bool:
    """Tell whether a folder is like /tmp: all create files, only owners remove them."""
    return bool(folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH)


class Destination:
    """An open folder and a name in it, closed at the end of its ``with`` block.

    ``path``: the real path, for messages. ``at``: a path of the same file that no one can redirect meanwhile. ``folder``: the
    status of the folder; None on Windows.
    """

    def __init__(
        self, path: str, *, make: bool = False, owner: tuple[int, int] | None = None, follow: bool = True
    ) -> None:
        """Open the folder of ``path``.

        ``make``: create missing folders (0700), which root gives to ``owner``, if there is one. ``follow``: also follow a
        symlink at the end of the path.

        Raises OSError: a folder on the way is missing or closed; WriteError: a symlink on the way may not be followed.
        """
        self._asked, self._make, self._owner, self._follow = path, make, owner, follow
        self._fd = -1
        self._leaders: set[int] = set()  # owners whose symlinks root follows only into their own folders
        self.path = self.at = path
        self.name = ""
        self.folder: os.stat_result | None = None
        if sys.platform == "win32":
            self.path = self.at = os.path.realpath(path)
            self.name = os.path.basename(self.path)
            return
        try:
            self._walk()
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _walk(self) -> None:
        me, links = acting_uid(), 0
        start = os.sep if os.path.isabs(self._asked) else os.curdir
        self._fd = os.open(start, BELOW)
        real = [] if os.path.isabs(self._asked) else os.getcwd().split(os.sep)[1:]
        names = [name for name in self._asked.split(os.sep) if name not in ("", os.curdir)]
        while names:
            name = names.pop(0)
            found, target = self._look_at(name)
            if found is not None and stat.S_ISLNK(found.st_mode) and (names or self._follow):
                links += 1
                if links > LINKS_LIMIT:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                self._may_lead(name, found, me)
                if os.path.isabs(target):
                    self._enter(os.sep)
                    real = []
                names[:0] = [part for part in target.split(os.sep) if part not in ("", os.curdir)]
                if not names:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            elif names:
                self._enter_or_make(name, missing=found is None)
                real = real[:-1] if name == os.pardir else [*real, name]
            else:
                self.name = name
        if self.name in ("", os.pardir):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        self.folder = os.fstat(self._fd)
        if me == 0 and not self._leaders <= {self.folder.st_uid}:
            raise WriteError(self._asked, "a symlink of another user leads there", hint=self._look())
        self.path = os.path.join(os.sep, *real, self.name)
        self.at = self.path
        if os.path.isdir("/proc/self/fd"):
            self.at = f"/proc/self/fd/{self._fd}/{self.name}"

    def _look_at(self, name: str) -> tuple[os.stat_result | None, str]:
        """Return a name's status, and its target if it is a symlink.

        The symlink is kept open, so that both answers are for the same one.
        """
        try:
            if not hasattr(os, "O_PATH"):
                found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
                return found, os.readlink(name, dir_fd=self._fd) if stat.S_ISLNK(found.st_mode) else ""
            held = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self._fd)
        except FileNotFoundError:
            return None, ""
        try:
            found = os.fstat(held)
            return found, os.readlink("", dir_fd=held) if stat.S_ISLNK(found.st_mode) else ""
        finally:
            os.close(held)

    def _may_lead(self, name: str, link: os.stat_result, me: int) -> None:
        """Raise WriteError if a symlink may not be followed: see the rule above."""
        folder = os.fstat(self._fd)
        if link.st_uid in (me, 0):
            return
        if is_shared(folder) or link.st_uid != folder.st_uid:
            whose = owner_of(link.st_uid) or link.st_uid
            raise WriteError(self._asked, f"the symlink {name!r} on the way belongs to {whose}", hint=self._look())
        self._leaders.add(link.st_uid)

    def _look(self) -> str:
        return f"name a file in a folder of your own; namei -lx {quoted(self._asked)} shows every symlink and its owner"

    def _enter_or_make(self, name: str, *, missing: bool) -> None:
        if missing and self._make:
            try:
                os.mkdir(name, FOLDER_MODE, dir_fd=self._fd)
            except FileExistsError:
                pass  # because another program has just created it
            else:
                self._enter(name)
                self._give_away()
                return
        self._enter(name)

    def _give_away(self) -> None:
        """Give a folder that root has just created to its owner.

        Another folder may have replaced it: root gives away only an empty one.
        """
        if self._owner is not None and sys.platform != "win32" and os.geteuid() == 0 == os.fstat(self._fd).st_uid:
            by_link = f"/proc/self/fd/{self._fd}"
            found = by_link if os.path.exists(by_link) else self._fd
            if not os.listdir(found):  # because a folder with content is another one of root's, moved here
                os.chown(found, *self._owner)

    def _enter(self, name: str) -> None:
        below = os.open(name, BELOW, dir_fd=self._fd)
        os.close(self._fd)
        self._fd = below
