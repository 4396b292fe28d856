"""``process:PID``: a program that runs on this machine.

The context has its user, environment and working folder.

Source: proc(5). The environment is the one that the program was started with; what it has changed since then is not seen.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import numbers
from shorepass.contexts.command import as_root
from shorepass.contexts.proc import first_bytes_of
from shorepass.contexts.surroundings import in_surroundings
from shorepass.errors import ContextError, UsageError, printable

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["find"]

PID_LIMIT = 2**22  # PID_MAX_LIMIT of Linux
STATUS_LIMIT = 64 * 1024  # bytes of /proc/PID/status, which has some 1,500
ENVIRONMENT_LIMIT = 8 * 1024 * 1024  # bytes; Linux allows a quarter of the stack, 2 MiB by default


def find(here: LocalContext, kind: str, rest: str) -> LocalContext:
    """Return the context of a process.

    Raises UsageError: no number; ContextError: not there, or not to be looked into.
    """
    name = printable(f"{kind}:{rest}")
    pid = numbers.whole(rest, PID_LIMIT)
    if not pid:
        raise UsageError(f"{name}: not the number of a process", hint="pgrep -a docker lists some")
    if sys.platform != "linux":
        raise ContextError(name, "only Linux shows the environment of a running program")
    try:
        folder = os.open(
            f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY
        )  # stays this process's if the number is used again
    except OSError:
        raise ContextError(name, "no process has that number", hint="pgrep -a docker lists some") from None
    try:
        return _opened(here, name, folder)
    except PermissionError:
        if os.geteuid() == 0:
            raise ContextError(name, "the system lets no one look into it") from None
        raise ContextError(
            name, "it is another user's: only root may look into it", hint=as_root("who", "--in", name)
        ) from None
    except OSError:
        raise ContextError(name, "the process has ended") from None
    finally:
        os.close(folder)


def _opened(here: LocalContext, name: str, folder: int) -> LocalContext:
    uid = _user_of(name, first_bytes_of(folder, "status", here.uid, STATUS_LIMIT).decode("ascii", "replace"))
    root, ours = os.stat("root", dir_fd=folder), os.stat(os.sep)
    if (root.st_dev, root.st_ino) != (ours.st_dev, ours.st_ino):
        hint = "--in docker:NAME or --in podman:NAME names a container"
        raise ContextError(name, "it runs in a container, or below another root folder", hint=hint)
    found = first_bytes_of(folder, "environ", uid, ENVIRONMENT_LIMIT).decode("utf-8", "surrogateescape")
    pairs = (assignment.partition("=") for assignment in found.split("\0"))
    environ = {variable: value for variable, equals, value in pairs if equals}
    return in_surroundings(here, name, uid, environ, os.readlink("cwd", dir_fd=folder))


def _user_of(name: str, status: str) -> int:
    """Return the user of a process.

    Raises ContextError: it has the rights of two users, as ``passwd`` and ``su`` have.
    """
    line = next((line for line in status.splitlines() if line.startswith("Uid:")), "")
    users = set(line.split()[1:])
    if len(users) != 1:
        raise ContextError(name, "it runs with the rights of two users at once")
    uid = numbers.whole(users.pop())
    assert uid is not None  # noqa: S101  # the kernel writes it
    return uid
