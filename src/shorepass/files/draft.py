"""Writes the new content of a file before it gets the file's name."""

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
    """Another program wrote the file after it was read."""


def give(fd: int, owner: tuple[int, int] | None) -> None:
    """Give what root creates to ``owner``.

    Only the caller knows the owner, because the owner of the folder may be another user.
    """
    if owner is not None and sys.platform != "win32" and os.geteuid() == 0:
        os.fchown(fd, *owner)


class Draft:
    """The new content, which does not have the file's name yet."""

    def __init__(self, target: str) -> None:
        folder, name = os.path.split(target)
        self.target = target
        self.path = os.path.join(folder, f".{name}{MARK}{os.getpid()}-{os.urandom(8).hex()}")
        self.named = False
        self.fd = -1

    def __enter__(self) -> Self:
        if sys.platform == "linux" and os.path.isdir("/proc/self/fd"):  # _link needs it to give the file its name
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
        """Write all bytes."""
        left = memoryview(data)
        while left:
            left = left[os.write(self.fd, left) :]

    def resemble(self, target: str, status: os.stat_result) -> None:
        """Copy the owner, mode and extended attributes of the file to replace.

        If the owner cannot be kept, mode and attributes are not copied either: they allow others to read that user's file,
        and the new file belongs to this user.
        """
        if sys.platform != "win32":
            mode, mine = status.st_mode & 0o777, os.fstat(self.fd)
            if status.st_nlink > 1:
                mode &= 0o700  # because another user may have given the file this name, for its mode
            if (status.st_uid, status.st_gid) != (mine.st_uid, mine.st_gid):
                try:
                    os.fchown(self.fd, status.st_uid, status.st_gid)
                except OSError:
                    if status.st_uid != mine.st_uid:
                        return
                    mode &= ~0o070  # because the rights of the old group are not for another group
            if mode != mine.st_mode & 0o777:
                os.fchmod(self.fd, mode)
        if sys.platform == "linux":
            try:
                for attribute in os.listxattr(target, follow_symlinks=False):
                    os.setxattr(self.fd, attribute, os.getxattr(target, attribute, follow_symlinks=False))
            except OSError:
                return  # no attributes here, or one that only root may set

    def create(self, target: str) -> None:
        """Become the file ``target``. Raises ChangedError if it exists now."""
        try:
            self._link(target)
        except FileExistsError:
            raise ChangedError from None
        except OSError:
            self.replace(target)  # because this file system has no links

    def replace(self, target: str) -> None:
        """Replace the file ``target``."""
        if not self.named:
            self._link(self.path)
            self.named = True
        if sys.platform == "win32":
            self._close()  # because Windows cannot rename an open file
        os.replace(self.path, target)
        self.named = False

    def _link(self, path: str) -> None:
        if self.named:
            os.link(self.path, path)
        else:  # src_dir_fd only makes Python call linkat, which can follow the link in /proc
            os.link(f"/proc/self/fd/{self.fd}", path, src_dir_fd=self.fd, follow_symlinks=True)

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __exit__(self, *exception: object) -> None:
        self._close()
        if self.named:
            os.unlink(self.path)
