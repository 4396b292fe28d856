"""A context made of dicts: a place that exists in a test alone."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from shorepass.contexts import FileContent, FileStatus
from shorepass.contexts.containers.archive import ArchiveRoot
from shorepass.contexts.containers.inspected import Mount
from shorepass.contexts.containers.mounts import Mounts
from shorepass.contexts.local import LocalContext
from shorepass.contexts.place import Place
from shorepass.errors import FileError
from shorepass.processes import Completed

__all__ = ["DictContainer", "DictContext"]


class DictContext(LocalContext):
    """Files by path, each a text or the error that reading it raises; programs by path, each its answer to anything."""

    def __init__(
        self,
        name: str,
        files: Mapping[str, str | FileError],
        *,
        uid: int = 1000,
        home: str = "/home/you",
        programs: Mapping[str, str] | None = None,
        identities: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__({"HOME": home, "PATH": "/bin"}, platform="linux", uid=uid)
        self.name = name
        self._files = files
        self._programs = dict(programs or {})
        self._identities = dict(identities or {})

    @property
    def place(self) -> Place:
        return Place(self.name, open=lambda: self)

    def within(self, inside: str, state: str = "") -> Place:
        return Place(self.name, inside, state, open=lambda: self)

    def read(self, path: str, limit: int) -> FileContent | None:  # noqa: ARG002
        found = self._files.get(path)
        if isinstance(found, FileError):
            raise found
        return None if found is None else FileContent(path, found.encode())

    def head(self, path: str, size: int) -> bytes | None:
        found = self.read(path, size)
        return found.data[:size] if found else None

    def status(self, path: str) -> FileStatus | None:
        if path not in self._files and path not in self._programs:
            return None
        identity = self._identities.get(path, f"{self.name}:{path}")
        return FileStatus(path, "file", 0o600, self.uid or 0, 0, 1, identity=identity)

    def is_folder(self, path: str) -> bool:
        return any(posixpath.dirname(name) == path for name in self._files)

    def names(self, folder: str) -> list[str]:
        return sorted(posixpath.basename(name) for name in self._files if posixpath.dirname(name) == folder)

    def which(self, program: str) -> str | None:
        return f"/bin/{program}" if f"/bin/{program}" in self._programs else None

    def run(self, argv: Any, stdin: bytes, *, timeout: float, limit: int) -> Completed:  # noqa: ARG002
        return Completed(0, self._programs[argv[0]].encode(), b"")

    def version(self, program: str) -> Completed:
        return self.run([program, "--version"], b"", timeout=1, limit=1)


class DictContainer(DictContext):
    """The same with mounts."""

    def __init__(self, *args: Any, mounts: tuple[Mount, ...], **more: Any) -> None:
        super().__init__(*args, **more)
        self.mounts = mounts
        self.mounted = Mounts(mounts, ArchiveRoot(None, "", running=False, hidden=()), is_docker=True, is_running=False)
