"""A Context: an operating system, a user in it, that user's environment and files, and the programs on PATH.

Everything that Shorepass learns about a place goes through this one interface, so that every verb works in
every place. Nothing outside this room reads ``os.environ``, ``~``, PATH or a client's files by itself.

One file a kind: ``local`` (me), ``user``, ``sudo``, ``container`` (docker, podman, compose), and every place that is
reached by a program with a shell behind it (ssh, wsl, lima, colima, podman-machine, kube). ``find`` opens one by its name,
``discovery`` lists those that exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from shorepass.contexts.engine_family import Family
from shorepass.errors import WriteError
from shorepass.files import SIZE_LIMIT, FileContent, FileStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shorepass.processes import Completed

__all__ = [
    "Context",
    "FileContent",
    "FileStatus",
    "Place",
    "check_unchanged",
    "is_this_machine",
    "is_untouched",
    "read_as_root",
]

# Kinds of places where nothing is ever run: looking at a container must not change what goes on in it.
_OF_THIS_MACHINE = frozenset(("me", "sudo", "sudo-login", "user", "clean", "cron", "process", "unit"))
_UNTOUCHED = frozenset((*Family, "compose", "kube"))


def is_untouched(name: str) -> bool:
    """Tell whether the context of that name is one in which no program is to be run just to look."""
    return name.partition(":")[0] in _UNTOUCHED


def is_this_machine(name: str) -> bool:
    """Tell whether the context of that name is a user of this very machine: its paths are this machine's."""
    return name.partition(":")[0] in _OF_THIS_MACHINE


class Context(Protocol):
    """One place where a client could run."""

    @property
    def name(self) -> str:
        """``me``, ``user:alice``, ``docker:web`` ...: what ``--in`` takes."""

    @property
    def platform(self) -> str:
        """``linux``, ``darwin`` or ``windows``."""

    @property
    def machine(self) -> str:
        """The processor as Linux names it: ``x86_64``, ``aarch64``, ``armv7l`` ...; empty where unknown."""

    @property
    def uid(self) -> int | None:
        """The user's number, None where there is none."""

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, None when unset. Unset and empty differ."""

    def home(self) -> str | None:
        """Return the home folder as programs there see it: ``HOME``, else the user database."""

    def cwd(self) -> str | None:
        """Return the folder in which ``run`` starts programs, None where there is none: it is gone, or nothing is run."""

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file (ENOENT, ENOTDIR).

        Raises FileError: a folder, unreadable, not a regular file; MalformedFile: more than ``limit`` bytes.
        """

    def head(self, path: str, size: int) -> bytes | None:
        """Return at most the first ``size`` bytes of a regular file, or None when there is none. Raises FileError."""

    def status(self, path: str) -> FileStatus | None:
        """Return what stands at ``path``, symlinks followed, or None when nothing does. Raises FileError."""

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder; empty when it is absent. Raises FileError when unreadable."""

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable on PATH, or None. Relative PATH entries are never used."""

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run ``argv[0]`` (an absolute path) without a shell; bounded time (seconds) and output (bytes).

        Raises ProcessTimeout, ProcessOutputTooLarge, ProcessNotStarted (``shorepass.processes``); the last also where
        nothing can be run in such a place, and says so.
        """

    def update(self, path: str, edit: Callable[[FileContent | None], bytes | None]) -> bool:
        """Replace a file's bytes by ``edit(current)``, atomically; False when ``edit`` returned None (no change).

        ``edit`` may be called more than once, also after a save: when another program wrote meanwhile it gets the newer
        content. So it returns None, or the same bytes, where its change is already made.
        A new file is 0600 in 0700 folders and belongs to the user whose home it is in. Raises WriteError, FileError,
        and what ``edit`` raises; then nothing has changed.
        """

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of what stands at ``path``. Raises WriteError.

        ``seen``: what was shown to the user beforehand; where something else is there by now, nothing changes.
        """

    def set_owner(
        self,
        path: str,
        uid: int,
        gid: int,
        *,
        seen: FileStatus | None = None,
        accept: Callable[[bytes], bool] | None = None,
    ) -> None:
        """Give what stands at ``path`` (a symlink itself, not what it leads to) to another user. Raises WriteError.

        ``seen``: as for ``set_mode``. ``accept``: is given a file's bytes, and tells whether it may be given away.
        """

    def with_env(self, **variables: str) -> Context:
        """Return this context with some variables set: how ``--authfile`` and ``--config`` are expressed."""


class Place(NamedTuple):
    """A context that exists, as discovery found it, before anybody has looked inside.

    ``name`` is what ``--in`` takes. ``inside``: the place it is in, as ``docker`` or ``lima:default``; empty for this machine
    itself. ``state``: ``running``, ``exited`` ..., empty where that makes no sense. ``trouble``: why it cannot be
    opened (``no answer within 3 s``), and ``hint`` the next step; then ``open`` is None. ``open`` raises ContextError.
    """

    name: str
    inside: str = ""
    state: str = ""
    open: Callable[[], Context] | None = None
    trouble: str | None = None
    hint: str | None = None


def check_unchanged(
    context: Context, path: str, seen: FileStatus | None, accept: Callable[[bytes], bool] | None = None
) -> None:
    """Look again at what was shown, where a context has no way to hold on to a file. Raises WriteError: it has changed.

    Between this look and the change another program may still act; ``files`` on this machine leaves no such moment.
    """
    if seen is None and accept is None:
        return
    found = context.status(path)
    if found is None:
        raise WriteError(path, "not there any more")
    if seen is not None and not seen.is_same(found):
        raise WriteError(path, "it has changed since it was shown, so it is left alone")
    if accept is not None and found.kind == "file":
        content = context.read(path, SIZE_LIMIT)
        if content is None or not accept(content.data):
            raise WriteError(path, "not a config file of that client")


def read_as_root(context: Context, path: str, limit: int) -> FileContent | None:
    """Return the content of a file that root owns in a user's home; None where it is anything else. Raises FileError.

    On this machine it is read with root's rights and by way of no symlink. Elsewhere a context has only its own rights.
    """
    read = getattr(context, "read_of_root", context.read)
    found: FileContent | None = read(path, limit)
    return found
