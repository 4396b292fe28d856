"""Programs that are another client under a client's name: a table, and how one is recognised without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.client_table import program_of
from shorepass.errors import FileError

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["emulator_of"]

# https://github.com/containers/podman: docker/docker.in, which the package podman-docker installs as docker
EMULATORS = {"docker": "podman"}
HEAD_SIZE = 4096  # bytes; that script has 200


def emulator_of(context: Context, client: str) -> str:
    """Return the program that runs under a client's name, "" if it is the client itself: a script, or a link to it."""
    program = program_of(client)
    other = EMULATORS.get(program, "")
    path, real = context.which(program), context.which(other) if other else None
    if path is None or real is None:
        return ""
    try:
        head = context.head(path, HEAD_SIZE) or b""
        here, there = context.status(path), context.status(real)
    except FileError:
        return ""
    starts_other = any(f"exec {name}".encode() in head for name in (real, other, f"/usr/bin/{other}"))
    is_script = head.startswith(b"#!") and starts_other
    is_same = here is not None and there is not None and here.identity is not None and here.identity == there.identity
    return other if is_script or is_same else ""
