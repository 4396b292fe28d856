"""A container's mounts: which of its files are the host's.

It also says which of those are outdated.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from shorepass.contexts.containers.inspected import Mount
from shorepass.contexts.containers.procroot import ProcRoot
from shorepass.contexts.containers.rootfs import Walker
from shorepass.errors import FileError

if TYPE_CHECKING:
    from shorepass.contexts.containers.rootfs import Node, Root

__all__ = ["Mounts"]


class Mounts:
    """The mounts of one container.

    ``root``: its files. ``is_docker``: the engine is docker's, not podman's.
    """

    def __init__(self, mounts: tuple[Mount, ...], root: Root, *, is_docker: bool, is_running: bool) -> None:
        self._mounts = mounts
        self._root = root
        self._is_docker = is_docker
        self._is_running = is_running

    def of(self, path: str) -> Mount | None:
        """Return the mount of a path without links, None if the container owns it."""
        fitting = [m for m in self._mounts if path == m.target or path.startswith(m.target.rstrip("/") + "/")]
        return max(fitting, key=lambda mount: len(mount.target), default=None)

    def lent(self, path: str) -> Mount | None:
        """Return the mount that shares a file with the container.

        Return None if it is its own.
        """
        try:
            mount = self.of(Walker(self._root, None).find(path).path)
        except FileError:
            return None
        return mount if mount and mount.source else None

    def is_stale(self, mount: Mount) -> bool | None:
        """Tell whether the container has the old version of a mounted file.

        This happens if the file was mounted alone, and was replaced on this machine since. None: unknown, because the
        container does not run (the next start mounts again), or because the file is not on this machine, or because there is
        only docker's archive call, which mounts again each time.
        """
        if mount.kind != "bind" or not self._is_running:
            return None
        sees_mounts = isinstance(self._root, ProcRoot) or not self._is_docker
        try:
            there = os.stat(mount.source)
            node = self._root.node(mount.target) if sees_mounts else None
        except (OSError, FileError):
            return None
        if node is None or not stat.S_ISREG(there.st_mode) or node.kind != "file":
            return None
        if node.identity:
            return node.identity != f"{there.st_dev}:{there.st_ino}"
        return (node.size, node.mtime) != (there.st_size, there.st_mtime_ns)

    def identity(self, path: str, node: Node) -> str | None:
        """Return the identity of this machine's file that is mounted at a path.

        None: it is not mounted, or the file of this machine has another size or time.
        """
        mount = self.of(path)
        if mount is None or not mount.source.startswith("/"):
            return None
        try:
            there = os.stat(mount.source + path[len(mount.target) :])
        except OSError:
            return None
        same = (there.st_size, there.st_mtime_ns) == (node.size, node.mtime)
        return f"{there.st_dev}:{there.st_ino}" if same else None
