"""The context "me": this user, on this machine, with this process's environment. The only reader of ``os.environ``."""

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

    from shorepass.contexts import FileContent, FileStatus
    from shorepass.processes import Background, Completed

    class Inside(Protocol):
        """Answers a verb of Shorepass's own helper: its exit status and output; None where the program is to be started."""

        def __call__(self, here: LocalContext, verb: str, stdin: bytes, *, hurried: bool) -> tuple[int, bytes] | None:
            """Answer. ``hurried``: no passphrase is asked for. Raises ShorepassError."""


__all__ = ["LocalContext"]

_PLATFORMS = {"win32": "windows", "cygwin": "windows"}
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # what Windows and macOS call them


class LocalContext:
    """The machine we run on, as the user of this process, with an environment that is given. See ``Context``.

    ``directory`` is where programs run; None: in this process's working directory, as those that a client starts.
    ``inside`` answers for ``docker-credential-shorepass``; None: that program is started as any other helper. ``memory`` holds
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
        """Return the user for people: ``alice(1000)``; the name of the context where the system has no user ids."""
        return self.name if self.uid is None else files.owner_of(self.uid) or str(self.uid)

    @classmethod
    def current(cls, *, inside: Inside | None = None, memory: Memory | None = None) -> LocalContext:
        """Return the context of this very process, with a copy of its environment."""
        return cls(os.environ, inside=inside, memory=memory)

    def _key(self, name: str) -> str:
        return name.upper() if self.platform == "windows" else name

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, None when unset."""
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
        """Return the home folder as Go's ``os.UserHomeDir`` finds it, else from the user database."""
        home = self.getenv("USERPROFILE" if self.platform == "windows" else "HOME")
        if not home and sys.platform != "win32" and self.uid is not None:
            import pwd

            try:
                home = pwd.getpwuid(self.uid).pw_dir
            except KeyError:
                return None
        return home or None

    def cwd(self) -> str | None:
        """Return the folder in which ``run`` starts programs, None where this process's own is gone."""
        try:
            return self._directory or os.getcwd()
        except OSError:
            return None

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file."""
        content = self.memory.read(path, lambda: files.read(path, limit))
        if content is not None and len(content.data) > limit:
            return files.read(path, limit)  # which says that it is too large
        return content

    def head(self, path: str, size: int) -> bytes | None:
        """Return at most the first ``size`` bytes of a regular file, or None when there is none."""
        return files.head(path, size)

    def status(self, path: str) -> FileStatus | None:
        """Return what stands at ``path``, symlinks followed, or None when nothing does."""
        return files.status(path)

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""
        return os.path.isdir(path)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder; empty when it is absent."""
        return files.names(folder)

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable, looked up as Go's ``exec.LookPath`` does. Without PATH: None."""
        from shorepass.contexts.lookpath import candidates  # most logins rest in a file and ask for no program

        windows = self.platform == "windows"
        suffix = ".exe" if windows and not program.lower().endswith(".exe") else ""
        folders = (self.getenv("PATH") or "").split(";" if windows else ":")
        effective = os.access in os.supports_effective_ids  # those of ``rights`` are
        for candidate in candidates(program + suffix, folders, os.path):
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK, effective_ids=effective):
                return candidate
        return None

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program with this context's environment."""
        from shorepass.processes import run

        return run(argv, stdin, env=self._environ, timeout=timeout, limit=limit, directory=self._directory)

    def run_attended(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed | None:
        """Run a program on our terminal, where it asks a person; None where there is nobody. See ``run``."""
        from shorepass.contexts import terminal
        from shorepass.processes import run

        if not terminal.is_there():
            return None
        return run(
            argv, stdin, env=self._environ, timeout=timeout, limit=limit, attended=True, directory=self._directory
        )

    def temporary_folder(self) -> str:
        """Return where what lives as long as a command is put: this user's run folder, else that of everybody."""
        runtime = self.getenv("XDG_RUNTIME_DIR")
        if runtime and sys.platform != "win32" and os.path.isabs(runtime) and os.path.isdir(runtime):
            if os.stat(runtime).st_uid == os.geteuid():
                return runtime
        if self.platform == "windows":
            return self.getenv("TEMP") or self.getenv("TMP") or self.home() or os.sep
        return self.getenv("TMPDIR") or "/tmp"  # noqa: S108  # a folder of an unguessable name, readable by its owner

    def start(self, argv: Sequence[str]) -> Background:
        """Start a program in the background, with this context's environment. Raises ProcessNotStarted."""
        from shorepass.processes import start

        return start(argv, env=self._environ)

    def update(self, path: str, edit: Callable[[FileContent | None], bytes | None]) -> bool:
        """Replace a file's bytes by ``edit(current)``, atomically; False when nothing was to change.

        What a foreign login that was already under way then undoes is done again. One that ended before it was looked
        for may have undone it too: so the file is always looked at once more.
        """
        from shorepass.contexts import foreign

        deadline = time.monotonic() + foreign.WAIT
        changed = again = self._save(path, edit)
        while again and (left := deadline - time.monotonic()) > 0:
            foreign.wait_for_end(foreign.writers(self.uid), left)
            again = self._save(path, edit)
        return changed

    def _save(self, path: str, edit: Callable[[FileContent | None], bytes | None]) -> bool:
        return files.update(path, edit, owner=self.home_owner(path))

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of what stands at ``path``."""
        owner = self.home_owner(path)
        files.set_mode(path, mode, seen=seen, owner=owner[0] if owner else None)

    def set_owner(
        self,
        path: str,
        uid: int,
        gid: int,
        *,
        seen: FileStatus | None = None,
        accept: Callable[[bytes], bool] | None = None,
    ) -> None:
        """Give what stands at ``path`` to another user."""
        files.set_owner(path, uid, gid, home=self.home(), seen=seen, accept=accept)

    def read_of_root(self, path: str, limit: int) -> FileContent | None:
        """Return the content of a file that root owns in another user's home, with root's rights; None where it is not one.

        No symlink is followed below the home, and a file with a second name is none: its owner may have put either there.
        Raises FileError.
        """
        return files.read_of_root(path, limit, home=self.home() or "")

    def names_of_root(self, folder: str, *, closed_by_folder: bool = False) -> list[str]:
        """Return the names in a folder that root owns in another user's home, with root's rights. Raises FileError.

        ``closed_by_folder``: only of what others could use if the folder let them in.
        """
        return files.names_of_root(folder, home=self.home() or "", closed_by_folder=closed_by_folder)

    def home_owner(self, path: str) -> tuple[int, int] | None:
        """Return the owner of the home that ``path`` is in: root under sudo makes files there for that user."""
        home = self.home()
        if "\0" in path:
            return None  # ``files`` says what is wrong with it
        if sys.platform != "win32" and os.geteuid() == 0 and home and os.path.isdir(home):
            home = os.path.realpath(home)
            if os.path.realpath(path).startswith(home.rstrip(os.sep) + os.sep):
                status = os.stat(home)
                return status.st_uid, status.st_gid
        return None
