"""Other programs that log in or out right now.

They write the same files without Shorepass's lock.

``docker login`` reads the whole config file when it starts, and writes it when the registry has answered, perhaps seconds
later. What another program wrote meanwhile is lost. So a save is not finished while such a program runs, because that
program may have read the file before the save. The save waits for its end and looks again.
"""

from __future__ import annotations

import os
import select
import sys
import time

from shorepass.contexts.proc import first_bytes_of

__all__ = ["WAIT", "wait_for_end", "writers"]

WAIT = 5.0  # seconds at most; a login needs one, but may wait for you to type a password
# All of these keep logins in docker's or containers' file.
PROGRAMS = (b"docker", b"podman", b"skopeo", b"buildah", b"nerdctl", b"oras", b"crane", b"regctl", b"helm")
VERBS = (b"login", b"logout")
ARGUMENTS_LIMIT = 4096  # bytes of a command line; the verb is at its beginning


def writers(uid: int | None) -> list[int]:
    """Return the processes of a user that are such programs.

    The answer is empty if the system does not show them.
    """
    try:
        pids = os.listdir("/proc") if sys.platform == "linux" else []
    except OSError:
        return []
    return [int(pid) for pid in pids if pid.isdecimal() and _is_writer(f"/proc/{pid}", uid)]


def _is_writer(folder: str, uid: int | None) -> bool:
    if sys.platform == "linux":
        try:
            # The owner is checked first, because another user's command line may be memory that makes its reader wait (FUSE).
            if (
                os.stat(folder).st_uid == uid
                and first_bytes_of(folder, "comm", uid, ARGUMENTS_LIMIT).strip() in PROGRAMS
            ):
                arguments = first_bytes_of(folder, "cmdline", uid, ARGUMENTS_LIMIT).split(b"\0")
                return any(verb in arguments for verb in VERBS)
        except OSError:
            return False  # it has just ended
    return False


def wait_for_end(pids: list[int], seconds: float) -> None:
    """Return when all of these processes have ended, or after ``seconds``."""
    if sys.platform == "linux":
        deadline = time.monotonic() + seconds
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except OSError:  # ended, or a kernel older than 5.3
                continue
            try:
                select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            finally:
                os.close(fd)
