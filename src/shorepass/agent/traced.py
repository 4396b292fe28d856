"""A context that records what an answer depends on: variables, files, the working directory.

An answer may be given again as long as all of that is the same. So the agent needs no list of the files and variables that
matter: every read goes through the context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from shorepass.contexts import Change, FileContent, FileStatus
    from shorepass.contexts.local import Inside
    from shorepass.contexts.memory import Memory
    from shorepass.processes import Completed

__all__ = ["Trace", "TracedContext"]


class Trace:
    """What one answer depends on. ``is_whole``: nothing else counts, such as a program that ran or a keyring."""

    def __init__(self) -> None:
        self.variables: dict[str, str | None] = {}
        self.paths: dict[str, Hashable] = {}
        self.directory: str | None = None
        self.is_whole = True

    def holds(self, getenv: Callable[[str], str | None], directory: str) -> bool:
        """Tell whether an answer is still right for a caller with these variables and this working directory."""
        if self.directory is not None and self.directory != directory:
            return False
        if any(getenv(name) != value for name, value in self.variables.items()):
            return False
        return all(stamp(path) == seen for path, seen in self.paths.items())


class TracedContext(LocalContext):
    """The context of a caller: its variables and its working directory, with the agent's memory of files."""

    def __init__(self, environ: Mapping[str, str], *, directory: str, memory: Memory | None = None) -> None:
        self.trace = Trace()
        super().__init__(environ, directory=directory, memory=memory)

    def _copied(self, environ: Mapping[str, str], inside: Inside | None) -> LocalContext:
        self.trace.is_whole = False  # because the copy's variables are not the caller's
        return super()._copied(environ, inside)

    def getenv(self, name: str) -> str | None:
        """Return a variable, and record it."""
        value = super().getenv(name)
        self.trace.variables[name] = value
        return value

    def environment(self) -> dict[str, str]:
        """Return all variables. No list of them is recorded, so this answer is not given again."""
        self.trace.is_whole = False
        return super().environment()

    def cwd(self) -> str | None:
        """Return the caller's working directory, and record it."""
        self.trace.directory = super().cwd()
        return self.trace.directory

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a file's content, and record the file's state before."""
        self._see(path)
        return super().read(path, limit)

    def head(self, path: str, size: int) -> bytes | None:
        """Return the first bytes of a file, and record the file's state before."""
        self._see(path)
        return super().head(path, size)

    def status(self, path: str) -> FileStatus | None:
        """Return a file's status, and record it."""
        self._see(path)
        return super().status(path)

    def is_folder(self, path: str) -> bool:
        """Tell whether there is such a folder, and record its state."""
        self._see(path)
        return super().is_folder(path)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, and record its state before."""
        self._see(folder)
        return super().names(folder)

    def which(self, program: str) -> str | None:
        """Return a program's path. The folders on PATH are not recorded, so this answer is not given again."""
        self.trace.is_whole = False
        return super().which(program)

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program. What it depends on is not known, so this answer is not given again."""
        self.trace.is_whole = False
        return super().run(argv, stdin, timeout=timeout, limit=limit)

    def update(self, path: str, edit: Change) -> bool:
        """Change a file. An answer that changes something is not given again."""
        self.trace.is_whole = False
        return super().update(path, edit)

    def _see(self, path: str) -> None:
        if path not in self.trace.paths:
            self.trace.paths[path] = stamp(path)
