"""The context "me": this user, on this machine, with this process's environment.

The only reader of ``os.environ``.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.contexts.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from shorepass.contexts import Change, FileContent, FileStatus
    from shorepass.processes import Background, Completed, Streaming

    class Inside(Protocol):
        """Answers a verb of Shorepass's own helper in this process."""

        def __call__(
            self, here: LocalContext, program: str, verb: str, stdin: bytes, *, hurried: bool
        ) -> tuple[int, bytes] | None:
            """Return exit status and output.

            None: start ``program``, the helper that PATH leads to. ``hurried``: ask for no passphrase.

            Raises ShorepassError.
            """


__all__ = ["LocalContext"]

_PLATFORMS = {"win32": "windows", "cygwin": "windows"}
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # what Windows and macOS call them


class LocalContext:
    """The context of this machine and this process's user, with a given environment.

    See ``Context``.

    ``directory``: the folder in which programs run; None: this process's working directory, as for a client's programs.
    ``inside`` answers for ``docker-credential-shorepass``; None: that program is started as any other helper. ``memory`` has
    what was read already.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        platform: str | None = None,
        uid: int | None = None,
        name: str = "me",
        directory: str | None = None,
        inside: Inside | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.name = name
        self.platform = platform or _PLATFORMS.get(sys.platform, sys.platform)
        if sys.platform != "win32" and uid is None:
            uid = os.getuid()
        self.uid = uid
        self.inside = inside
        self.memory = memory or Memory()
        self._directory = directory
        self._environ = dict(environ)
        if self.platform == "windows":
            self._environ = {self._key(name): value for name, value in environ.items()}

    @property
    def machine(self) -> str:
        """The processor as Linux names it."""
        import platform

        name = platform.machine().lower()
        return _MACHINES.get(name, name)

    @staticmethod
    def host_name() -> str:
        """Return the name of this machine, for titles of reports."""
        import platform

        return platform.node() or "this machine"

    def user_name(self) -> str:
        """Return the user as ``alice(1000)``.

        Return the name of the context if the system has no user ids.
        """
        return self.name if self.uid is None else files.owner_of(self.uid) or str(self.uid)

    @classmethod
    def current(cls, *, inside: Inside | None = None, memory: Memory | None = None) -> LocalContext:
        """Return the context of this process, with a copy of its environment."""
        return cls(os.environ, inside=inside, memory=memory)

    def _key(self, name: str) -> str:
        return name.upper() if self.platform == "windows" else name

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, None if it is not set."""
        return self._environ.get(self._key(name))

    def environment(self) -> dict[str, str]:
        """Return all variables."""
        return dict(self._environ)

    def with_env(self, **variables: str) -> LocalContext:
        """Return this context with some variables set."""
        return self._copied({**self._environ, **variables}, self.inside)

    def with_inside(self, inside: Inside) -> LocalContext:
        """Return this context with another answer for ``docker-credential-shorepass``."""
        return self._copied(self._environ, inside)

    def _copied(self, environ: Mapping[str, str], inside: Inside | None) -> LocalContext:
        return LocalContext(
            environ,
            platform=self.platform,
            uid=self.uid,
            name=self.name,
            directory=self._directory,
            inside=inside,
            memory=self.memory,
        )

    def home(self) -> str | None:
        """Return the home folder as Go's ``os.UserHomeDir`` finds it.

        If Go finds none, return that of the user database.
        """
        variable = "USERPROFILE" if self.platform == "windows" else "HOME"
        home = self.getenv(variable)
        if not home and sys.platform != "win32" and self.uid is not None:
            import pwd

            try:
                home = pwd.getpwuid(self.uid).pw_dir
            except KeyError:
                return None
        return home or None

    def cwd(self) -> str | None:
        """Return the folder in which ``run`` starts programs.

        Return None if this process's own was removed.
        """
        try:
            return self._directory or os.getcwd()
        except OSError:
            return None

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file."""
        content = self.memory.read(path, lambda: files.read(path, limit))
        if content is not None and len(content.data) > limit:
            return files.read(path, limit)  # raises that it is too large
        return content

    def head(self, path: str, size: int) -> bytes | None:
        """Return at most the first ``size`` bytes of a regular file.

        Return None if it does not exist.
        """
        return files.head(path, size)

    def status(self, path: str) -> FileStatus | None:
        """Return the status of ``path``, symlinks followed, or None if nothing is there."""
        return files.status(path)

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""
        return os.path.isdir(path)

    def can_write(self, path: str) -> bool:
        """Tell whether this process may write ``path``, or create it.

        To create it means to create the folders above it, too.
        """
        while not os.path.lexists(path) and os.path.dirname(path) != path:
            path = os.path.dirname(path) or os.curdir
        needed = os.W_OK | os.X_OK if os.path.isdir(path) else os.W_OK
        return os.access(path, needed)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder.

        The answer is empty when it is absent.
        """
        return files.names(folder)

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable.

        It is looked up as Go's ``exec.LookPath`` does. Without PATH: None.
        """
        from shorepass.contexts.lookpath import candidates  # late: most logins are stored in a file and need no program

        windows = self.platform == "windows"
        suffix = ".exe" if windows and not program.lower().endswith(".exe") else ""
        separator = ";" if windows else ":"
        folders = (self.getenv("PATH") or "").split(separator)
        effective = os.access in os.supports_effective_ids  # because ``rights`` changes the effective ids
        for candidate in candidates(program + suffix, folders, os.path):
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK, effective_ids=effective):
                return candidate
        return None

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program with this context's environment."""
        from shorepass.processes import run

        return run(argv, stdin, env=self._environ, timeout=timeout, limit=limit, directory=self._directory)

    def version(self, program: str) -> Completed:
        """Return what ``PROGRAM --version`` prints."""
        from shorepass.contexts.versions import ask_version

        return self.memory.answer((program, "--version"), lambda: ask_version(self, program))

    def run_attended(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed | None:
        """Run a program on the terminal, so that it can ask you.

        Return None if there is no terminal. See ``run``.
        """
        from shorepass.contexts import terminal
        from shorepass.processes import run

        if not terminal.is_there():
            return None
        return run(
            argv, stdin, env=self._environ, timeout=timeout, limit=limit, attended=True, directory=self._directory
        )

    def temporary_folder(self) -> str:
        """Return the folder for what a command needs only while it runs.

        It is this user's, or else the system's.
        """
        runtime = self.getenv("XDG_RUNTIME_DIR")
        if runtime and sys.platform != "win32" and os.path.isabs(runtime) and os.path.isdir(runtime):
            if os.stat(runtime).st_uid == os.geteuid():
                return runtime
        if self.platform == "windows":
            return self.getenv("TEMP") or self.getenv("TMP") or self.home() or os.sep
        return self.getenv("TMPDIR") or "/tmp"  # noqa: S108  # a folder of an unguessable name, readable by its owner

    def start(self, argv: Sequence[str]) -> Background:
        """Start a program in the background, with this context's environment.

        Raises ProcessNotStarted.
        """
        from shorepass.processes import start

        return start(argv, env=self._environ)

    def stream(self, argv: Sequence[str]) -> Streaming:
        """Start a program with pipes to it, with this context's environment.

        Raises ProcessNotStarted.
        """
        from shorepass.processes import stream

        return stream(argv, env=self._environ)

    def update(self, path: str, edit: Change) -> bool:
        """Replace a file's bytes by ``edit(current)``, atomically.

        Return False if there was nothing to change.

        Another client's login that was already running may undo the change; then it is made again. That login may also
        have ended before Shorepass looked for it, so Shorepass always looks at the file again.
        """
        from shorepass.contexts import foreign

        deadline = time.monotonic() + foreign.WAIT
        changed = again = self._save(path, edit)
        while again and (left := deadline - time.monotonic()) > 0:
            foreign.wait_for_end(foreign.writers(self.uid), left)
            again = self._save(path, edit)
        return changed

    def _save(self, path: str, edit: Change) -> bool:
        return files.update(path, edit, owner=self.home_owner(path))

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of the file or folder at ``path``."""
        owner = self.home_owner(path)
        uid = owner[0] if owner else None
        files.set_mode(path, mode, seen=seen, owner=uid)

    def set_owner(
        self,
        path: str,
        uid: int,
        gid: int,
        *,
        seen: FileStatus | None = None,
        accept: Callable[[bytes], bool] | None = None,
    ) -> None:
        """Give the file, folder or symlink at ``path`` to another user."""
        files.set_owner(path, uid, gid, home=self.home(), seen=seen, accept=accept)

    def read_of_root(self, path: str, limit: int) -> FileContent | None:
        """Return the content of a file that root owns in another user's home.

        It is read with root's rights.

        None: it is not such a file. Shorepass follows no symlink below the home and reads no file with a second name, because
        the user may have put either there. Raises FileError.
        """
        return files.read_of_root(path, limit, home=self.home() or "")

    def names_of_root(self, folder: str, *, closed_by_folder: bool = False) -> list[str]:
        """Return the names in a folder that root owns in another user's home.

        It is read with root's rights.

        ``closed_by_folder``: only those that others could use if they could open the folder. Raises FileError.
        """
        return files.names_of_root(folder, home=self.home() or "", closed_by_folder=closed_by_folder)

    def home_owner(self, path: str) -> tuple[int, int] | None:
        """Return the owner of the home that ``path`` is in.

        Root creates files there for that user.
        """
        home = self.home()
        if "\0" in path:
            return None  # ``files`` raises the error for it
        if sys.platform != "win32" and os.geteuid() == 0 and home and os.path.isdir(home):
            home = os.path.realpath(home)
            if os.path.realpath(path).startswith(home.rstrip(os.sep) + os.sep):
                status = os.stat(home)
                return status.st_uid, status.st_gid
        return None
