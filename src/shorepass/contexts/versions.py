"""What programs print for ``--version``."""

from __future__ import annotations

import os
import stat
from threading import Lock
from typing import TYPE_CHECKING

from shorepass.processes import Completed, ProcessError, run

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["SystemVersions", "ask_version", "only_root_can_change"]

SECONDS = 5.0  # for a program to print it
LIMIT = 64 * 1024  # bytes of what it prints
WRITTEN_BY_OTHERS = 0o022
NOWHERE = "/nonexistent"  # docker reads its config file before it prints, and would wait for a FIFO in that place


def ask_version(context: Context, program: str) -> Completed:
    """Run ``PROGRAM --version`` in a context.

    ``program``: an absolute path. Raises ProcessError.
    """
    without_file = context.with_env(DOCKER_CONFIG=NOWHERE)
    return without_file.run([program, "--version"], b"", timeout=SECONDS, limit=LIMIT)


class SystemVersions:
    """What programs print that only root can change.

    That is the same for all users of a machine. Each program is started once, as root and with no user's environment. So no
    user can forge the release that Shorepass shows for another user.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._printed: dict[str, Completed | None] = {}

    def of(self, program: str) -> Completed | None:
        """Return what ``PROGRAM --version`` prints.

        ``program``: an absolute path without symlinks. None: other users than root can change it, or it fails for root.
        """
        if not only_root_can_change(program) or _is_of_a_users_disk(program):
            return None
        with self._lock:
            if program not in self._printed:
                self._printed[program] = _printed(program)
            return self._printed[program]


def _printed(program: str) -> Completed | None:
    environ = {"HOME": os.sep, "PATH": os.defpath}
    try:
        done = run([program, "--version"], b"", env=environ, timeout=SECONDS, limit=LIMIT, directory=os.sep)
    except ProcessError:
        return None
    return done if done.status == 0 else None


def _is_of_a_users_disk(path: str) -> bool:
    """Tell whether a user may have brought the file system of a path.

    Its files may belong to root: on a stick, or by a file system in a program (FUSE). The kernel gives no program on it other
    rights.
    """
    try:
        return bool(os.statvfs(path).f_flag & os.ST_NOSUID)
    except OSError:
        return True


def only_root_can_change(path: str) -> bool:
    """Tell whether only root can change a regular file.

    It and all folders above it belong to root, and no other user may write to them. ``path``: absolute. False where a part
    of it is a symlink. Shorepass looks into no folder of a user.
    """
    place = os.sep
    for part in ["", *path.split(os.sep)[1:]]:
        place = os.path.join(place, part)
        try:
            status = os.lstat(place)
        except OSError:
            return False
        if status.st_uid != 0 or status.st_mode & WRITTEN_BY_OTHERS or stat.S_ISLNK(status.st_mode):
            return False
    return stat.S_ISREG(status.st_mode)
