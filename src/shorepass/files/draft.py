"""The new content of a file, before it has the file's name."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

__all__ = ["MARK", "ChangedError", "Draft", "give"]

FILE_MODE = 0o600
MARK = ".shorepass-"  # in the name of every temporary file


class ChangedError(Exception):
    """Another program wrote the file since it was read."""


def give(fd: int, owner: tuple[int, int] | None) -> None:
    """Let what root creates belong to ``owner``: only the caller knows whose it is to be, never the folder it is in."""
    if owner is not None and sys.platform != "win32" and os.geteuid() == 0:
        os.fchown(fd, *owner)


class Draft:
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
        """Take over the owner, mode and extended attributes of the file that is to be replaced.

        Where the owner cannot be kept, the mode and the attributes are not kept either: they say who may read another
        user's file, and this one is ours from now on.
        """
        if sys.platform != "win32":
            mode, mine = status.st_mode & 0o777, os.fstat(self.fd)
            if status.st_nlink > 1:
                mode &= 0o700  # another user may have given the file this name, for its mode
            if (status.st_uid, status.st_gid) != (mine.st_uid, mine.st_gid):
                try:
                    os.fchown(self.fd, status.st_uid, status.st_gid)
                except OSError:
                    if status.st_uid != mine.st_uid:
                        return
                    mode &= ~0o070  # what the old group might do is not for another group
            if mode != mine.st_mode & 0o777:
                os.fchmod(self.fd, mode)
        if sys.platform == "linux":
            try:
                for attribute in os.listxattr(target, follow_symlinks=False):
                    os.setxattr(self.fd, attribute, os.getxattr(target, attribute, follow_symlinks=False))
            except OSError:
                return  # none there, or one that only root may set

    def create(self, target: str) -> None:
        """Become the file ``target``. Raises ChangedError when there is one by now."""
        try:
            self._link(target)
        except FileExistsError:
            raise ChangedError from None
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
