"""Follows paths in a container's root file system.

It uses the container's own links and its users' rights.

An engine's call and ``/proc`` read as root, and would see more than the program whose login is asked for. So Shorepass checks
each folder on the way, and the file itself, as the kernel would for that program's user: path_resolution(7), capabilities(7).
It does not check access control lists and security modules.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shorepass.errors import FileError
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.contexts.containers.passwd import Account

__all__ = ["READ", "SEARCH", "WRITE", "Found", "Node", "Root", "Walker"]

READ, WRITE, SEARCH = 4, 2, 1  # permission bits
HOPS_LIMIT = 40  # links on one path, as in Linux (MAXSYMLINKS)


class Node(NamedTuple):
    """A file, folder or link at a path.

    Links are not followed.

    ``kind``: ``file``, ``folder``, ``link`` or ``other``. ``target``: where a link leads. ``uid`` and ``gid``: the container's
    numbers, None before ``Root.owned``. ``mtime``: nanoseconds since 1970. ``identity``: as in FileStatus.
    """

    kind: str
    mode: int
    size: int
    mtime: int = 0
    target: str = ""
    uid: int | None = None
    gid: int | None = None
    identity: str | None = None


class Root(Protocol):
    """A root file system that can be read.

    Paths are absolute, and their folders are not links. All methods raise FileError: it cannot be read.
    """

    def node(self, path: str) -> Node | None:
        """Return the node at ``path``, None if nothing is there."""

    def owned(self, path: str, node: Node) -> Node:
        """Return the node with its owner, which may be slow."""

    def read(self, path: str, size: int) -> bytes:
        """Return the first ``size`` bytes of a regular file."""

    def names(self, path: str) -> list[str]:
        """Return the names in a folder."""

    def forget(self) -> None:
        """Forget what was read, because it may have changed."""


class Found(NamedTuple):
    """What a path leads to.

    ``path``: without links, as far as it exists. ``node``: None if nothing is there. ``missing``: how many of the path's last
    names do not exist.
    """

    path: str
    node: Node | None
    missing: int = 0


class Walker:
    """Follows paths as one user.

    None: permission bits do not apply.
    """

    def __init__(self, root: Root, account: Account | None) -> None:
        self._root = root
        self._account = account

    def find(self, path: str, *, last: bool = True) -> Found:
        """Follow a path and its links.

        ``last``: also follow a link at the end of the path. Raises FileError: a closed folder, a loop.
        """
        todo = path.split("/")[::-1]
        here, node, hops = "/", self._root.node("/"), 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if node is None or node.kind != "folder":
                return Found(posixpath.join(here, name, *reversed(todo)), None)
            self._enter(here, node, path)
            if name == "..":
                here = posixpath.dirname(here)
                node = self._root.node(here)
                continue
            there = posixpath.join(here, name)
            found = self._root.node(there)
            if found is None:
                rest = [word for word in reversed(todo) if word not in ("", ".")]
                return Found(posixpath.join(there, *rest), None, 1 + len(rest))
            if found.kind != "link" or not (todo or last):
                here, node = there, found
                continue
            hops += 1
            if hops > HOPS_LIMIT:
                raise FileError(path, "too many levels of symbolic links")
            todo += found.target.split("/")[::-1]
            if found.target.startswith("/"):
                here, node = "/", self._root.node("/")
        return Found(here, node)

    def may(self, path: str, node: Node, bit: int) -> bool:
        """Tell whether the user may read, write or search the node at ``path``."""
        if self._account is None:
            return True
        granted = [bool(node.mode & bit << shift) for shift in (6, 3, 0)]
        if all(granted) or not any(granted):
            return granted[0]
        owned = node if node.uid is not None else self._root.owned(path, node)
        if owned.uid == self._account.uid:
            return granted[0]
        return granted[1] if owned.gid in (self._account.gid, *self._account.groups) else granted[2]

    def _enter(self, folder: str, node: Node, path: str) -> None:
        if not self.may(folder, node, SEARCH):
            hint = f"the folder {quoted(folder)} (mode {node.mode:04o}) is closed to this user"
            raise FileError(path, "permission denied", hint=hint)
