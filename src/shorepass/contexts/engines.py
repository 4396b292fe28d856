"""Where the engines of this machine are: docker's and podman's sockets, as their own programs find them."""

from __future__ import annotations

import os
import stat

from shorepass.contexts.engine import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts.local import LocalContext

__all__ = ["engines"]

UNIX = "unix://"


def engines(here: LocalContext, family: str) -> list[Engine]:
    """Return the engines of a family, the one that its program talks with first. A socket that nobody serves is none."""
    candidates = _docker(here) if family == "docker" else _podman(here)
    found: dict[tuple[int, int], Engine] = {}
    for name, path in candidates:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISSOCK(status.st_mode):
            found.setdefault((status.st_dev, status.st_ino), Engine(family, name, path))
    return list(found.values())


def _docker(here: LocalContext) -> Iterator[tuple[str, str]]:
    """Yield name and socket in docker's own order (cli/command/cli.go ``resolveContextName``)."""
    host = here.getenv("DOCKER_HOST")
    if host and host.startswith(UNIX):
        yield "docker", host.removeprefix(UNIX)
    yield "docker", "/var/run/docker.sock"
    runtime = here.getenv("XDG_RUNTIME_DIR")
    if runtime:
        yield "docker, rootless", f"{runtime}/docker.sock"


def _podman(here: LocalContext) -> Iterator[tuple[str, str]]:
    host = here.getenv("CONTAINER_HOST")
    if host and host.startswith(UNIX):
        yield "podman", host.removeprefix(UNIX)
    yield "podman", "/run/podman/podman.sock"
    runtime = here.getenv("XDG_RUNTIME_DIR")
    if runtime:
        yield "podman, rootless", f"{runtime}/podman/podman.sock"
