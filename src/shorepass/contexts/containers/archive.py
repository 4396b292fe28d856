"""A container's files by the engine's archive call, running or stopped: what ``docker cp`` uses.

What it shows: the container's own layer, volumes and bind mounts. docker puts bind mounts in place anew for each call: a
single file that was replaced on the host is shown new, while the running container still has the old one. What it does
not show: with docker any tmpfs; with podman a single mounted file while the container is stopped.
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
# What Python's tarfile raises for numbers and names that are none; "r:" lets it unpack nothing: a few bytes become gigabytes.
MALFORMED = (tarfile.TarError, ValueError, OverflowError, EOFError, KeyError, IndexError, TypeError)
BLOCK = 512  # bytes: tar's unit
TIME_LIMIT = 64  # characters of a time
NAMES_LIMIT = 8 * 1024 * 1024  # bytes of a folder's tar: there is no call that lists names alone


class ArchiveRoot:
    """See ``Root``. Folders and what is not there are looked at once; ``hidden``: where a tmpfs is, which is not shown."""

    def __init__(self, engine: Engine, container: str, *, running: bool, hidden: tuple[str, ...]) -> None:
        self._engine = engine
        self._container = container
        self._running = running
        self._hidden = hidden
        self._folders: dict[str, Node | None] = {}

    def node(self, path: str) -> Node | None:
        """Return what stands at ``path``, by one HEAD call of about a millisecond."""
        if path in self._folders:
            return self._folders[path]
        if any(path.startswith(folder.rstrip("/") + "/") for folder in self._hidden):
            if self._running:
                reason = "on a tmpfs, which docker shows to nobody but root on the engine's own machine"
                raise FileError(
                    path, reason, hint=f"look yourself: docker exec {self._container[:12]} ls -l {quoted(path)}"
                )
            return None  # a tmpfs begins empty
        try:
            stat = self._engine.stat(self._container, path)
        except ContextError as error:
            is_loop = "too many links" in error.reason or "too many levels" in error.reason  # docker, podman
            raise FileError(path, "too many levels of symbolic links" if is_loop else error.reason) from None
        if stat is None:
            self._folders[path] = None
            return None
        node = Node(
            stat.kind, stat.mode, stat.size, _nanoseconds(stat.mtime), stat.target if stat.kind == "link" else ""
        )
        if stat.kind == "folder":
            self._folders[path] = node
        return node

    def owned(self, path: str, node: Node) -> Node:
        """Return the node with its owner, from the beginning of its tar: docker takes 50 milliseconds for that."""
        entry, _ = self._first(path, 0)
        owned = node._replace(uid=entry.uid, gid=entry.gid, target=entry.linkname or node.target)
        if node.kind == "folder":
            self._folders[path] = owned
        return owned

    def read(self, path: str, size: int) -> bytes:
        """Return the first bytes of a regular file."""
        entry, data = self._first(path, size)
        if not entry.isreg():  # the container has put something else there since it was looked at
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
        """Look anew at everything."""
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
            raise FileError(path, "it went away while it was looked at")
        return data


class Entry(NamedTuple):
    """What a tar is to bring: a file with ``content``, a link to ``target``, or, without either, a folder."""

    name: str
    content: bytes | None
    mode: int
    target: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.content is None and not self.target


def packed(entries: list[Entry], owner: tuple[int, int]) -> bytes:
    """Return a tar of the entries; all belong to ``owner``."""
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
    """Return the time of Go's RFC 3339 text, 0 where it is none."""
    fraction = re.search(r"\.([0-9]{1,9})", text[:TIME_LIMIT])
    try:
        seconds = int(datetime.fromisoformat(text).replace(microsecond=0).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0
    return seconds * 1_000_000_000 + (int(fraction[1].ljust(9, "0")) if fraction else 0)
