"""Reads a container's files by the engine's archive call, as ``docker cp`` does.

It works for running and stopped containers, and shows the container's own layer, volumes and bind mounts. docker mounts again
for each call: it shows the new content of a single file that was replaced on the host, but the running container still has the
old one. docker's call shows no tmpfs. podman's shows a single mounted file only while the container runs.
"""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
import time
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.containers.rootfs import Node
from shorepass.errors import ContextError, FileError
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.contexts.containers.engine import Engine

__all__ = ["ArchiveRoot", "Entry", "packed"]

HEADER_LIMIT = 16 * 1024  # bytes: a tar's first entry, with extended attributes before it
# What Python's tarfile raises for malformed numbers and names. Mode "r:" decompresses nothing, because a few bytes could become
# gigabytes.
MALFORMED = (tarfile.TarError, ValueError, OverflowError, EOFError, KeyError, IndexError, TypeError)
BLOCK = 512  # bytes: tar's unit
TIME_LIMIT = 64  # characters of a time
NAMES_LIMIT = 8 * 1024 * 1024  # bytes of a folder's tar, because no call lists names alone


class ArchiveRoot:
    """A ``Root`` that asks the engine, once for each folder and each absent path.

    ``hidden``: the paths of each tmpfs, which the call does not show.
    """

    def __init__(self, engine: Engine, container: str, *, running: bool, hidden: tuple[str, ...]) -> None:
        self._engine = engine
        self._container = container
        self._running = running
        self._hidden = hidden
        self._folders: dict[str, Node | None] = {}

    def node(self, path: str) -> Node | None:
        """Return the node at ``path``, by one HEAD call of about a millisecond."""
        if path in self._folders:
            return self._folders[path]
        if any(path.startswith(folder.rstrip("/") + "/") for folder in self._hidden):
            if self._running:
                reason = "on a tmpfs, which docker shows only to root on the engine's own machine"
                raise FileError(path, reason, hint=f"docker exec {self._container[:12]} ls -l {quoted(path)}")
            return None  # because a tmpfs is empty at the start
        try:
            stat = self._engine.stat(self._container, path)
        except ContextError as error:
            is_loop = "too many links" in error.reason or "too many levels" in error.reason  # docker, podman
            reason = "too many levels of symbolic links" if is_loop else error.reason
            raise FileError(path, reason) from None
        if stat is None:
            self._folders[path] = None
            return None
        target = stat.target if stat.kind == "link" else ""
        node = Node(stat.kind, stat.mode, stat.size, _nanoseconds(stat.mtime), target)
        if stat.kind == "folder":
            self._folders[path] = node
        return node

    def owned(self, path: str, node: Node) -> Node:
        """Return the node with its owner, from its tar.

        The tar of a folder is fetched once: docker needs 50 ms for it, podman 400 ms for a stopped container's.
        """
        if node.uid is not None:
            return node
        entry, _ = self._first(path, 0)
        owned = node._replace(uid=entry.uid, gid=entry.gid, target=entry.linkname or node.target)
        if node.kind == "folder":
            self._folders[path] = owned
        return owned

    def read(self, path: str, size: int) -> bytes:
        """Return the first bytes of a regular file."""
        entry, data = self._first(path, size)
        if not entry.isreg():  # the container has replaced the file since the last look
            raise FileError(path, "not a regular file")
        return data

    def names(self, path: str) -> list[str]:
        """Return the names in a small folder."""
        data = self._fetch(path, NAMES_LIMIT)
        found = set()
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
                for entry in tar:
                    parts = posixpath.normpath(entry.name).split("/")
                    found.update(parts[1:2])
        except MALFORMED:
            raise FileError(path, f"larger than {NAMES_LIMIT} bytes in all: its names cannot be listed") from None
        return sorted(found)

    def forget(self) -> None:
        """Look at everything again."""
        self._folders.clear()

    def _first(self, path: str, size: int) -> tuple[tarfile.TarInfo, bytes]:
        data = io.BytesIO(self._fetch(path, HEADER_LIMIT + size))
        try:
            with tarfile.open(fileobj=data, mode="r:") as tar:
                entry = tar.next()
        except MALFORMED:
            entry = None
        if entry is None:
            raise FileError(path, "the engine's archive of it is malformed")
        data.seek(entry.offset_data)
        return entry, data.read(min(size, entry.size))

    def _fetch(self, path: str, limit: int) -> bytes:
        try:
            data = self._engine.fetch(self._container, path, limit)
        except ContextError as error:
            raise FileError(path, error.reason) from None
        if data is None:
            raise FileError(path, "it was removed while Shorepass read it")
        return data


class Entry(NamedTuple):
    """A file with ``content``, a link to ``target``, or without either a folder."""

    name: str
    content: bytes | None
    mode: int
    target: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.content is None and not self.target


def packed(entries: list[Entry], owner: tuple[int, int]) -> bytes:
    """Return a tar of the entries, which all belong to ``owner``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            kind = tarfile.DIRTYPE if entry.is_folder else tarfile.REGTYPE
            info.type = tarfile.SYMTYPE if entry.target else kind
            info.mode, info.mtime, info.linkname = entry.mode, int(time.time()), entry.target
            info.uid, info.gid = owner
            info.size = len(entry.content or b"")
            tar.addfile(info, io.BytesIO(entry.content or b""))
    return buffer.getvalue()


def _nanoseconds(text: str) -> int:
    """Return the time of Go's RFC 3339 text, 0 if it is malformed."""
    fraction = re.search(r"\.([0-9]{1,9})", text[:TIME_LIMIT])
    try:
        seconds = int(datetime.fromisoformat(text).replace(microsecond=0).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0
    return seconds * 1_000_000_000 + (int(fraction[1].ljust(9, "0")) if fraction else 0)
