"""Reads a running container's files by ``/proc/PID/root``.

That is how its processes see them.

This needs root, on the engine's own machine. It shows more than the engine's calls: each tmpfs, and whether a single mounted
file is still the host's. It needs microseconds. A hostile container may change a folder into a link meanwhile. So Shorepass
opens each name separately, below the folder that is already open, and the kernel never follows a link.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.containers.rootfs import Node
from shorepass.errors import FileError
from shorepass.files.reading import listed, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ProcRoot", "proc_root"]

PROC_LIMIT = 4 * 1024 * 1024  # bytes of a file in /proc
OVERFLOW_ID = 65534  # what the kernel shows for a number that the container's user namespace does not have


class _IdMap(NamedTuple):
    """The lines of ``uid_map``: inside, outside, count.

    ``count`` numbers from ``inside`` in the container are those from ``outside`` on this machine.
    """

    ranges: tuple[tuple[int, int, int], ...]

    def inside(self, number: int) -> int:
        for inside, outside, count in self.ranges:
            if outside <= number < outside + count:
                return inside + number - outside
        return OVERFLOW_ID


def proc_root(pid: int, container: str) -> ProcRoot | None:
    """Return the files that process ``pid`` sees.

    None: the process is not on this machine, or not in that container, or Shorepass may not read them.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or pid <= 0:
        return None
    root = ProcRoot(pid, container)
    try:
        with root.opened("/"):
            return root
    except (FileError, OSError):
        return None


class ProcRoot:
    """A ``Root`` that remembers only the maps of user and group numbers."""

    def __init__(self, pid: int, container: str) -> None:
        self._pid = pid
        self._container = container
        self._maps: tuple[_IdMap, _IdMap] | None = None

    @contextmanager
    def opened(self, path: str, flags: int = getattr(os, "O_PATH", 0)) -> Iterator[int]:
        """Yield a descriptor for a path, links not followed, and close it at the end.

        Raises OSError, and FileError: the process is no longer that container's.
        """
        fd = os.open(f"/proc/{self._pid}/root", os.O_PATH | os.O_DIRECTORY)
        try:
            if self._maps is None:
                self._maps = _id_map(self._pid, "uid_map"), _id_map(self._pid, "gid_map")
            if not _is_in(self._pid, self._container):  # because another process may have the number now
                raise FileError(path, "the container has ended")
            names = [name for name in path.split("/") if name] or ["."]  # a descriptor by O_PATH lists nothing
            for index, name in enumerate(names):
                is_last = index == len(names) - 1
                how = flags if is_last else os.O_PATH | os.O_DIRECTORY
                below = os.open(name, how | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def node(self, path: str) -> Node | None:
        """Return the node at ``path``, None if nothing is there."""
        try:
            with self.opened(path) as fd:
                found = os.fstat(fd)
                target = os.readlink("", dir_fd=fd) if stat.S_ISLNK(found.st_mode) else ""
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FileError(path, (error.strerror or str(error)).lower()) from None
        kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
        assert self._maps is not None  # noqa: S101  # opened() has read them
        uids, gids = self._maps
        return Node(
            kinds.get(stat.S_IFMT(found.st_mode), "other"),
            stat.S_IMODE(found.st_mode),
            found.st_size,
            found.st_mtime_ns,
            target,
            uids.inside(found.st_uid),
            gids.inside(found.st_gid),
            f"{found.st_dev}:{found.st_ino}",
        )

    def owned(self, path: str, node: Node) -> Node:  # noqa: ARG002
        """Return the node, which has its owner already."""
        return node

    def read(self, path: str, size: int) -> bytes:
        """Return the first bytes of a regular file.

        It opens nothing else, because a container may have devices.
        """
        data = b""
        folder, name = os.path.split(path)
        try:
            with self.opened(folder) as above:
                fd = open_regular(name, follow=False, dir_fd=above)
                try:
                    if not stat.S_ISREG(os.fstat(fd).st_mode):
                        raise FileError(path, "not a regular file")
                    while len(data) < size and (chunk := os.read(fd, size - len(data))):
                        data += chunk
                finally:
                    os.close(fd)
        except OSError as error:
            raise FileError(path, (error.strerror or str(error)).lower()) from None
        return data

    def names(self, path: str) -> list[str]:
        """Return the names in a folder."""
        try:
            with self.opened(path, os.O_RDONLY | os.O_DIRECTORY) as fd:
                return listed(fd, path)
        except OSError as error:
            raise FileError(path, (error.strerror or str(error)).lower()) from None

    def forget(self) -> None:
        """Do nothing, because nothing was kept."""


def _is_in(pid: int, container: str) -> bool:
    """Tell whether a process is in the container with that id.

    Its control group or its mounts have the id in their names. It must also have its own mount namespace, because the mounts
    of the host name the container's folders, too.
    """
    try:
        if os.path.samestat(os.stat(f"/proc/{pid}/ns/mnt"), os.stat("/proc/self/ns/mnt")):
            return False
    except OSError:
        return False
    named = container.encode()
    rows = (line.split(b" ", 4) for line in _proc_file(pid, "mountinfo").splitlines())
    return named in _proc_file(pid, "cgroup") or any(named in row[3] for row in rows if len(row) > 4)


def _id_map(pid: int, name: str) -> _IdMap:
    rows = [tuple(map(int, line.split())) for line in _proc_file(pid, name).splitlines()]
    return _IdMap(tuple((row[0], row[1], row[2]) for row in rows if len(row) == 3))


def _proc_file(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read(PROC_LIMIT)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return b""
        raise
