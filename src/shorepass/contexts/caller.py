"""Which program is at the other end of a socket, and in which container it runs."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from shorepass.contexts.proc import first_bytes_of, has_ended

__all__ = ["Caller", "caller_of"]

CGROUP_LIMIT = 8192  # bytes
# The full id of a container, as docker, podman, containerd and CRI-O name its group: docker-ID.scope, /docker/ID, libpod-ID.
CONTAINER = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)", re.MULTILINE)


class Caller(NamedTuple):
    """A process, as the kernel describes it.

    ``program`` and ``container`` are "" where it has ended or is not in one. ``has_ended``: so no one knows where it was.
    """

    pid: int
    uid: int
    program: str = ""
    container: str = ""
    has_ended: bool = False


def caller_of(pid: int, uid: int) -> Caller:
    """Return a process's program and its container's id, as ``/proc`` shows them.

    The id comes from its control group.
    """
    folder = f"/proc/{pid}"
    try:
        program = os.readlink(f"{folder}/exe")
    except OSError:
        program = ""
    try:
        groups = first_bytes_of(folder, "cgroup", uid, CGROUP_LIMIT).decode("utf-8", "replace")
    except OSError:
        groups = ""
    containers = CONTAINER.findall(groups)
    if containers:
        return Caller(pid, uid, program, containers[0])
    return Caller(pid, uid, program, has_ended=has_ended(pid))  # a dead process may be in the group of the system
