"""Gives one thread of a root process another user's rights over files, for a time.

Linux has, for each thread, separate ids that decide about files (setfsuid(2), credentials(7)). While they are another
user's, root has no power over files. What that user may not read or write fails for root too, also behind a symlink of that
user. Everything else remains root's, so that the user can neither signal nor trace this process. A file system of that user
(FUSE) is closed to root, and cannot make Shorepass wait.

The C library's own ``seteuid`` and ``setgroups`` would change every thread of the process.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.errors import ContextError
from shorepass.foreign_text import quoted
from shorepass.processes import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ctypes import PyDLL

__all__ = ["acting_as"]

# The number of setgroups (with 32-bit ids) in each processor's table of system calls.
_SETGROUPS = dict.fromkeys(("armv7l", "i686", "s390x"), 206) | {
    "x86_64": 116,
    "aarch64": 159,
    "riscv64": 159,
    "ppc64le": 81,
}
_ASK = -1  # is not an id: setfsuid and setfsgid then change nothing, and return the current id


@contextmanager
def acting_as(identity: Identity, name: str) -> Iterator[Identity]:
    """Have the rights of ``identity`` over files inside ``with``.

    Only this thread has them. Yields the former identity.

    May be nested. ``name``: the context's name, for errors. Raises ContextError if the system does not allow it; then nothing
    has changed.
    """
    before = _current(name)
    try:
        _become(identity, name)
        yield before
    finally:
        _become(before, name)


def _current(name: str) -> Identity:
    if sys.platform != "linux" or platform.machine() not in _SETGROUPS:
        hint = f"sudo -iu {quoted(name.partition(':')[2])} {command(None, 'who')}"
        raise ContextError(name, "only Linux lets one program act for several users", hint=hint)
    library = _library()
    return Identity(library.setfsuid(_ASK), library.setfsgid(_ASK), tuple(os.getgroups()))


@cache
def _library() -> PyDLL:
    """Return the C library.

    Also load what ``files`` and ``lock`` load late, because a user may not read root's Python.
    """
    import ctypes
    import fcntl  # noqa: F401
    import pwd  # noqa: F401

    return ctypes.PyDLL(None)  # these calls never wait, so other threads need not run meanwhile


def _become(identity: Identity, name: str) -> None:
    import ctypes

    library = _library()
    groups = (ctypes.c_uint32 * len(identity.groups))(*identity.groups)
    failed = library.syscall(_SETGROUPS[platform.machine()], len(groups), groups)
    library.setfsgid(identity.gid)
    library.setfsuid(identity.uid)  # neither call returns whether it worked
    if failed or (library.setfsuid(_ASK), library.setfsgid(_ASK)) != (identity.uid, identity.gid):
        raise ContextError(name, "this root may not act for other users (it lacks CAP_SETUID or CAP_SETGID)")
