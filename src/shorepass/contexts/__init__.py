"""A Context: an operating system and a user, with what that user's programs see.

That is the environment, the files and the programs on PATH.

Shorepass learns about a context only through this interface, so that every verb works in every context. Nothing
outside this room reads ``os.environ``, ``~``, PATH or a client's files by itself.

Each kind has one module: ``local`` (me), ``user``, ``sudo``, ``containers`` (docker, podman, compose), and ``shells`` for
what another program reaches (ssh, wsl, lima, colima, podman-machine, kube). ``find`` opens a context by its name, and
``discovery`` lists those that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from shorepass.contexts.engine_family import Family
from shorepass.errors import WriteError
from shorepass.files import SIZE_LIMIT, FileContent, FileStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.processes import Completed

__all__ = [
    "Change",
    "Context",
    "FileContent",
    "FileStatus",
    "check_unchanged",
    "is_this_machine",
    "is_untouched",
    "read_as_root",
]

# Returns the new content of a file, given the present one; None for no change.
Change: TypeAlias = Callable[[FileContent | None], bytes | None]

_OF_THIS_MACHINE = frozenset(("me", "sudo", "sudo-login", "user", "clean", "cron", "process", "unit"))
# Shorepass runs nothing in these kinds, because an examination must not change what happens in a container.
_UNTOUCHED = frozenset((*Family, "compose", "kube"))


def is_untouched(name: str) -> bool:
    """Tell whether no program may run in the context of that name just to look at it."""
    return name.partition(":")[0] in _UNTOUCHED


def is_this_machine(name: str) -> bool:
    """Tell whether the context of that name has the paths of this machine."""
    return name.partition(":")[0] in _OF_THIS_MACHINE


class Context(Protocol):
    """An environment in which a client could run."""

    @property
    def name(self) -> str:
        """``me``, ``user:alice``, ``docker:web`` ...: the word for ``--in``."""

    @property
    def platform(self) -> str:
        """``linux``, ``darwin`` or ``windows``."""

    @property
    def machine(self) -> str:
        """The processor as Linux names it: ``x86_64``, ``aarch64``, ``armv7l`` ...

        It is empty where unknown.
        """

    @property
    def uid(self) -> int | None:
        """The user's number, None if it has no number."""

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, None if it is not set.

        An empty one is set.
        """

    def home(self) -> str | None:
        """Return the home folder as programs there see it.

        It is ``HOME``, or else that of the user database.
        """

    def cwd(self) -> str | None:
        """Return the folder in which ``run`` starts programs.

        None: the folder was removed, or no program runs in this context.
        """

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content.

        Return None if there is no such file (ENOENT, ENOTDIR).

        Raises FileError: a folder, unreadable, not a regular file; MalformedFile: more than ``limit`` bytes.
        """

    def head(self, path: str, size: int) -> bytes | None:
        """Return at most the first ``size`` bytes of a regular file.

        Return None if it does not exist. Raises FileError.
        """

    def status(self, path: str) -> FileStatus | None:
        """Return the status of ``path``, symlinks followed, or None if nothing is there.

        Raises FileError.
        """

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder.

        The answer is empty when it is absent. Raises FileError when unreadable.
        """

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable on PATH, or None.

        Relative PATH entries are never used.
        """

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run ``argv[0]``, an absolute path, without a shell.

        ``timeout``: in seconds. ``limit``: of the output, in bytes.

        Raises ProcessTimeout, ProcessOutputTooLarge, ProcessNotStarted (``shorepass.processes``); the last also in a context
        in which no program can run.
        """

    def version(self, program: str) -> Completed:
        """Return what ``PROGRAM --version`` prints.

        ``program``: an absolute path. It may be an earlier answer of this run. Raises ProcessError.
        """

    def update(self, path: str, edit: Change) -> bool:
        """Replace a file's bytes by ``edit(current)``, atomically.

        Return False if ``edit`` returned None, for no change.

        ``edit`` may be called more than once, also after a save: if another program wrote meanwhile, ``edit`` gets the newer
        content. So it returns None, or the same bytes, if its change is already made.
        A new file has mode 0600 in folders of mode 0700, and belongs to the owner of the home that it is in. Raises
        WriteError, FileError, and what ``edit`` raises; then nothing has changed.
        """

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of the file or folder at ``path``.

        Raises WriteError.

        ``seen``: the status that the user saw first. If something else is there now, nothing changes.
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
        """Give the file, folder or symlink (not its target) at ``path`` to another user.

        Raises WriteError.

        ``seen``: as for ``set_mode``. ``accept``: gets a file's bytes, and tells whether its owner may change.
        """

    def with_env(self, **variables: str) -> Context:
        """Return this context with some variables set.

        ``--authfile`` and ``--config`` are such variables.
        """


def check_unchanged(
    context: Context, path: str, seen: FileStatus | None, accept: Callable[[bytes], bool] | None = None
) -> None:
    """Look again at what was shown, in a context that cannot keep a file open.

    Raises WriteError: it has changed.

    Another program may still act between this look and the change. On this machine, ``files`` prevents that.
    """
    if seen is None and accept is None:
        return
    found = context.status(path)
    if found is None:
        raise WriteError(path, "it no longer exists")
    if seen is not None and not seen.is_same(found):
        raise WriteError(path, "it has changed since it was shown; nothing was changed")
    if accept is not None and found.kind == "file":
        content = context.read(path, SIZE_LIMIT)
        if content is None or not accept(content.data):
            raise WriteError(path, "not a config file of that client")


def read_as_root(context: Context, path: str, limit: int) -> FileContent | None:
    """Return the content of a file that root owns in a user's home.

    Return None if it is anything else. Raises FileError.

    On this machine, Shorepass reads it with root's rights and follows no symlink. Other contexts have only their own rights.
    """
    read = getattr(context, "read_of_root", context.read)
    found: FileContent | None = read(path, limit)
    return found
