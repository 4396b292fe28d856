"""The agent's listening socket: made in a private folder, or handed over by systemd or launchd.

A socket that is in the way is removed only if it is this user's, no agent answers on it, and no other agent is starting.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from shorepass.agent_client.address import NAME, PATH_LIMIT, is_too_long, own_folder, trouble_with
from shorepass.agent_client.own_home import check_own_home
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.files.placing import make_folders
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shorepass.contexts.local import LocalContext

__all__ = ["Listening", "inherited", "listen", "listen_for_grant"]

BACKLOG = 1024
FIRST_FD = 3  # sd_listen_fds(3)


class Listening:
    """A listening socket. ``made``: its file was made here, and is removed at the end."""

    def __init__(self, wire: socket.socket, path: str, *, made: bool) -> None:
        self.wire = wire
        self.path = path
        self._made = os.lstat(path).st_ino if made else None

    def close_at_once(self) -> None:
        """Refuse new connections, and wake what waits for one; then close."""
        with suppress(OSError):  # macOS has no such end
            self.wire.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Close the socket, and remove its file if that is still the one that was made here."""
        self.wire.close()
        try:
            if self._made is not None and os.lstat(self.path).st_ino == self._made:
                os.unlink(self.path)
        except OSError:
            return  # which another process has removed


def inherited(environ: Mapping[str, str]) -> Listening | None:
    """Return the socket that systemd has opened for this process; None if it has not. Source: sd_listen_fds(3)."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or environ.get("LISTEN_FDS") != "1":
        return None
    wire = socket.socket(fileno=FIRST_FD)
    if wire.family != socket.AF_UNIX or wire.type != socket.SOCK_STREAM:
        raise UsageError("the socket from systemd is not a unix stream socket")
    os.set_inheritable(FIRST_FD, False)  # noqa: FBT003  # it takes no name
    return Listening(wire, wire.getsockname(), made=False)


def listen(here: LocalContext) -> Listening:
    """Make the socket of this user's agent. Raises UsageError: another agent runs, or something is in the way."""
    if sys.platform == "win32":
        raise UsageError("the agent does not run on Windows")
    check_own_home(here, "agent", "start")
    folder = own_folder(here)
    path = os.path.join(folder, NAME)
    if is_too_long(path):
        raise UsageError(
            f"{path}: longer than {PATH_LIMIT} bytes, which no socket can have",
            hint="set XDG_RUNTIME_DIR to a shorter folder of your own",
        )
    make_folders(folder, None)
    if trouble := trouble_with(folder):
        raise UsageError(f"cannot use the agent's folder: {trouble}", hint=f"chmod 700 {quoted(folder)}")
    with FolderLock(os.path.join(folder, ""), LOCK_TIMEOUT):
        _clear(path)
        before = os.umask(0o177)
        try:
            return _bound(path)
        finally:
            os.umask(before)


def listen_for_grant(path: str) -> Listening:
    """Make the socket of a grant, for every user who can open its folder. Raises UsageError, ShorepassError."""
    if sys.platform == "win32":
        raise UsageError("the agent does not run on Windows")
    _clear(path)
    listening = _bound(path)
    os.chmod(path, 0o666)  # noqa: S103  # its folder is closed to others; a umask would be that of all threads
    return listening


def _bound(path: str) -> Listening:
    """Return a new socket at a path. Raises UsageError."""
    wire = socket.socket(socket.AF_UNIX)
    try:
        wire.bind(path)
    except OSError as error:
        wire.close()
        raise UsageError(f"{path}: {error.strerror}") from None
    wire.listen(BACKLOG)
    return Listening(wire, path, made=True)


def _clear(path: str) -> None:
    """Remove the socket of an agent that has ended. Raises UsageError, ShorepassError: one that runs."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        raise UsageError(f"{printable(path)} is in the way: it is not a socket of this user")
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(1.0)
        try:
            other.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from None
    raise ShorepassError("the agent already runs", hint=command(None, "agent", "status"))
