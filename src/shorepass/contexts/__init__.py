"""A Context: an operating system, a user in it, that user's environment and files, and the programs on PATH.

Everything that Shorepass learns about a place goes through this one interface, so that every verb works in
every place. Nothing outside this room reads ``os.environ``, ``~``, PATH or a client's files by itself.
"""

from __future__ import annotations

from shorepass.files import FileContent
from shorepass.shapes import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shorepass.processes import Completed

__all__ = ["Context", "FileContent"]


class Context(Protocol):
    """One place where a client could run."""

    @property
    def name(self) -> str:
        """``me``, ``user:alice``, ``docker:web`` ..."""

    @property
    def platform(self) -> str:
        """``linux``, ``darwin`` or ``windows``."""

    @property
    def uid(self) -> int | None:
        """The user's number, None where there is none."""

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, None when unset. Unset and empty differ."""

    def home(self) -> str | None:
        """Return the home folder as programs there see it: ``HOME``, else the user database."""

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file (ENOENT, ENOTDIR).

        Raises FileError: a folder, unreadable, not a regular file; MalformedFile: more than ``limit`` bytes.
        """

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder; empty when it is absent. Raises FileError when unreadable."""

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable on PATH, or None. Relative PATH entries are never used."""

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run ``argv[0]`` (an absolute path) without a shell; bounded time (seconds) and output (bytes).

        Raises ProcessTimeout, ProcessOutputTooLarge, ProcessNotStarted (``shorepass.processes``).
        """

    def update(self, path: str, edit: Callable[[FileContent | None], bytes | None]) -> bool:
        """Replace a file's bytes by ``edit(current)``, atomically; False when ``edit`` returned None (no change).

        ``edit`` may be called more than once: when another program wrote meanwhile it gets the newer content.
        A new file is 0600 in 0700 folders and belongs to the user whose home it is in. Raises WriteError, FileError,
        and what ``edit`` raises; then nothing has changed.
        """

    def with_env(self, **variables: str) -> Context:
        """Return this context with some variables set: how ``--authfile`` and ``--config`` are expressed."""
