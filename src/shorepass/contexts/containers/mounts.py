"""What of a container lies on mounts: the files that somebody outside lends to it, and whether it sees them as they are now."""

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
    """The mounts of one container. ``root``: its files. ``is_docker``: of docker's engine, not podman's."""

    def __init__(self, mounts: tuple[Mount, ...], root: Root, *, is_docker: bool, is_running: bool) -> None:
        self._mounts = mounts
        self._root = root
        self._is_docker = is_docker
        self._is_running = is_running

    def of(self, path: str) -> Mount | None:
        """Return the mount that a path without links lies in, None when it is the container's own."""
        fitting = [m for m in self._mounts if path == m.target or path.startswith(m.target.rstrip("/") + "/")]
        return max(fitting, key=lambda mount: len(mount.target), default=None)

    def lent(self, path: str) -> Mount | None:
        """Return the mount by which somebody outside lends a file to the container; None when it is its own."""
        try:
            mount = self.of(Walker(self._root, None).find(path).path)
        except FileError:
            return None
        return mount if mount and mount.source else None

    def is_stale(self, mount: Mount) -> bool | None:
        """Tell whether a file of this machine was replaced since it was mounted by itself: the container has the old one.

        None where that cannot be known: the container does not run (the next start mounts anew), the file is not here, or
        only docker's archive call can be asked, which mounts anew for each look.
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
        """Return the identity of the file of this machine that a path is a mount of; None unless it looks the same."""
        mount = self.of(path)
        if mount is None or not mount.source.startswith("/"):
            return None
        try:
            there = os.stat(mount.source + path[len(mount.target) :])
        except OSError:
            return None
        same = (there.st_size, there.st_mtime_ns) == (node.size, node.mtime)
        return f"{there.st_dev}:{there.st_ino}" if same else None
