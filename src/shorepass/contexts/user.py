"""``user:NAME``: another user of this machine, with the environment of a login.

It needs root. Files are read and written with the user's own rights (see ``rights``), and programs run as the user. So the
answers are the real client's, and nothing in a user's home can make root read or write another file.

The environment is that of a login before a shell runs: the user database, ``/etc/login.defs`` and ``/etc/environment``. It
does not have what a profile or a ``.bashrc`` sets. A program of cron, systemd or an IDE does not see that either, and
Shorepass would have to run the user's own scripts to know it.
"""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.contexts import (
    lookpath,  # noqa: F401  # ``which`` loads it with the user's rights, and the user may not read Shorepass's folder
)
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.once import once
from shorepass.contexts.place import Place
from shorepass.contexts.rights import acting_as
from shorepass.contexts.versions import SystemVersions
from shorepass.errors import ContextError, printable
from shorepass.files import saving  # noqa: F401  # for the same reason
from shorepass.processes import Identity, run

if TYPE_CHECKING:
    import pwd
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from shorepass.contexts import Change, FileContent, FileStatus
    from shorepass.contexts.memory import Memory
    from shorepass.processes import Completed

__all__ = ["UserContext", "discover", "find", "login_environment", "system_settings"]

SHELLS = "/etc/shells"  # shells(5): a user can log in if it lists the user's shell
SHELLS_WITHOUT_FILE = ("/bin/sh", "/bin/csh")  # getusershell(3)
NO_SHELLS = ("nologin", "false")  # some systems list them anyway
FILES = (".docker/config.json", ".config/containers/auth.json", ".dockercfg")  # below a home: a client was used there
SYSTEM_FILE_LIMIT = 1024 * 1024  # bytes of /etc/login.defs and the like
_SETTING = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w+)(?:=|[ \t]+)([^#\n]*)", re.MULTILINE)  # login.defs(5), pam_env(8)
USER_PATH = ("ENV_PATH", "/bin:/usr/bin")  # login.defs(5): the setting and its default
ROOT_PATH = ("ENV_SUPATH", "/sbin:/bin:/usr/sbin:/usr/bin")


def find(
    here: LocalContext,  # noqa: ARG001 -- this user's variables do not reach it
    kind: str,
    rest: str,
    versions: SystemVersions | None = None,
) -> UserContext:
    """Return the context of the user called ``rest``.

    ``versions``: what is known of programs already.

    Raises ContextError: no such user, or this process is not root.
    """
    name = f"{kind}:{rest}"
    if sys.platform == "win32":
        raise ContextError(name, "on Windows a user cannot read another user's files")
    import pwd

    try:
        account = pwd.getpwnam(rest)
    except (KeyError, ValueError):
        raise ContextError(printable(name), "there is no such user", hint="getent passwd lists them all") from None
    if os.geteuid() != 0:
        raise ContextError(name, "only root can read another user's files", hint=command(name, "who"))
    return UserContext(account, login_environment(account), versions=versions)


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:  # noqa: ARG001 -- nothing here can take long
    """Yield the other users if this process is root.

    They are those who can log in, and those who have a client's file.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    import pwd

    shells, versions = _shells(), SystemVersions()
    for account in pwd.getpwall():
        if account.pw_uid != here.uid and (
            (account.pw_shell or "/bin/sh") in shells
            or any(os.path.lexists(os.path.join(account.pw_dir, name)) for name in FILES)
        ):
            yield Place(f"user:{account.pw_name}", open=partial(find, here, "user", account.pw_name, versions))


def _shells() -> set[str]:
    content = files.read(SHELLS, SYSTEM_FILE_LIMIT)
    lines = content.data.decode("utf-8", "replace").splitlines() if content else SHELLS_WITHOUT_FILE
    return {line for line in map(str.strip, lines) if line and os.path.basename(line) not in NO_SHELLS}


class UserContext(LocalContext):
    """The context of another user of this machine, with that user's rights over files.

    See ``Context``. ``versions``: what the programs of the system print; users share it.
    """

    def __init__(
        self,
        account: pwd.struct_passwd,
        environ: Mapping[str, str],
        memory: Memory | None = None,
        *,
        name: str = "",
        directory: str = os.sep,
        versions: SystemVersions | None = None,
    ) -> None:
        name = name or f"user:{account.pw_name}"
        super().__init__(environ, uid=account.pw_uid, name=name, directory=directory, memory=memory)
        self._account = account
        self._versions = versions or SystemVersions()

    @once
    def _identity(self) -> Identity:
        groups = () if sys.platform == "win32" else os.getgrouplist(self._account.pw_name, self._account.pw_gid)
        return Identity(self._account.pw_uid, self._account.pw_gid, tuple(groups))

    def _as_user(self) -> AbstractContextManager[Identity]:
        return acting_as(self._identity, self.name)

    def with_env(self, **variables: str) -> UserContext:
        """Return this context with some variables set."""
        environ = {**self._environ, **variables}
        return UserContext(
            self._account,
            environ,
            self.memory,
            name=self.name,
            directory=self._directory or os.sep,
            versions=self._versions,
        )

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file."""
        with self._as_user():
            return super().read(path, limit)

    def head(self, path: str, size: int) -> bytes | None:
        """Return at most the first ``size`` bytes of a regular file.

        Return None if it does not exist.
        """
        with self._as_user():
            return super().head(path, size)

    def status(self, path: str) -> FileStatus | None:
        """Return the status of ``path``, symlinks followed, or None if nothing is there."""
        with self._as_user():
            return super().status(path)

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""
        with self._as_user():
            return super().is_folder(path)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder.

        The answer is empty when it is absent.
        """
        with self._as_user():
            return super().names(folder)

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable that the user may run.

        It is looked up as Go does.
        """
        with self._as_user():
            return super().which(program)

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program as the user, with this context's environment."""
        return run(argv, stdin, env=self._environ, timeout=timeout, limit=limit, identity=self._identity)

    def version(self, program: str) -> Completed:
        """Return what ``PROGRAM --version`` prints.

        A program that only root can change is not started as the user.
        """
        try:
            with self._as_user():
                real = os.path.realpath(program, strict=True)  # which fails in a folder that is closed to the user
        except OSError:
            real = ""
        is_of_same_name = os.path.basename(real) == os.path.basename(program)  # some programs act by their name
        said = self._versions.of(real) if is_of_same_name else None
        return said or super().version(program)

    def _save(self, path: str, edit: Change) -> bool:
        with self._as_user() as root:

            def edit_as_root(current: FileContent | None) -> bytes | None:
                with acting_as(root, self.name):  # because it may load modules that the user cannot read
                    return edit(current)

            return files.update(path, edit_as_root, owner=self._identity[:2])

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of the file or folder at ``path``."""
        with self._as_user():
            files.set_mode(path, mode, seen=seen)


def login_environment(account: pwd.struct_passwd) -> dict[str, str]:
    """Return the variables that a login of this user sets before its shell starts.

    See login(1), pam_env(8), pam_systemd(8). Raises FileError if a system file cannot be read.
    """
    name, default = ROOT_PATH if account.pw_uid == 0 else USER_PATH
    path = system_settings("/etc/login.defs").get(name, default)
    environ = {
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": account.pw_shell or "/bin/sh",
        "PATH": path.removeprefix("PATH="),
    }
    runtime = f"/run/user/{account.pw_uid}"
    if os.path.isdir(runtime):
        environ["XDG_RUNTIME_DIR"] = runtime
    if os.path.exists(f"{runtime}/bus"):
        environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime}/bus"
    return environ | system_settings("/etc/environment")


def system_settings(path: str) -> dict[str, str]:
    """Return the names and values of a system file.

    Comments, and quotes around values, are left out.
    """
    content = files.read(path, SYSTEM_FILE_LIMIT)
    lines = content.data.decode("utf-8", "surrogateescape") if content else ""
    found = {}
    for name, text in _SETTING.findall(lines):
        value = text.strip()
        found[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
    return found
