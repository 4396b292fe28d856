"""Makes the memory of this process hard to read for other processes, and for what is written when it crashes."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["forbid_core_dumps", "harden"]

PR_SET_DUMPABLE = 4  # prctl(2)
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # mlock(2)


def forbid_core_dumps() -> None:
    """Let a crash write nothing, also of a program that this process starts."""
    if sys.platform != "win32":
        import resource  # not on every system

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def harden() -> list[str]:
    """Forbid core dumps and reading by other processes of this user; lock memory where the limits allow it.

    Return what this system does not allow.
    """
    if sys.platform == "win32":
        return ["Windows: the memory is not protected"]
    import resource  # not on every system

    missing = []
    forbid_core_dumps()
    if sys.platform != "linux":
        return ["memory is not locked, and other processes of this user may read it"]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        missing.append(f"PR_SET_DUMPABLE: {os.strerror(ctypes.get_errno())}")
    # With a limit, a later allocation would fail, and with it a request.
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY and os.geteuid() != 0:
        missing.append("memory may be swapped out: RLIMIT_MEMLOCK has a limit")
    elif libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
        missing.append(f"memory may be swapped out: {os.strerror(ctypes.get_errno())}")
    return missing
