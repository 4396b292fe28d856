"""Where the engines of containers are: docker's and podman's sockets, as their own programs find them.

A podman whose socket nobody serves gets a server of ours for the moment: ``podman system service`` takes 0.1 s to start and
then answers in 1 or 2 ms, where each call of the podman program takes 50 to 100. It is started only where that podman has
containers: the program would make its folders where it was never used.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
import tomllib
import weakref
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.config.locations import docker_config_path
from shorepass.contexts.command import as_root
from shorepass.contexts.containers.engine import ANSWER_SECONDS, Engine
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError, SourceError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shorepass.contexts.local import LocalContext

__all__ = ["Endpoint", "endpoints"]

UNIX = "unix://"
SIZE_LIMIT = 1024 * 1024  # bytes of a config file
CONTEXTS_LIMIT = 100  # of docker's contexts
POLL_SECONDS = 0.01


class Endpoint(NamedTuple):
    """Where an engine is said to be. ``chosen``: the user has said so, and means no other.

    ``host``: ``unix://`` and a path, or another URL; empty: a podman to be started.
    """

    family: Family
    name: str
    host: str
    chosen: bool = False

    def open(self, here: LocalContext, *, timeout: float = ANSWER_SECONDS) -> Engine:
        """Return the engine. Raises ContextError: it is not there, or not behind a unix socket.

        ``timeout``: seconds for a podman that is to be started.
        """
        if not self.host:
            return _started(here, timeout)
        path = self.host.removeprefix(UNIX)
        if path == self.host:
            where = printable(self.host).rpartition("@")[2]
            raise ContextError(
                self.name, f"{where}: only engines behind a unix socket are looked into", hint=_ELSEWHERE
            )
        if _is_closed(path):
            raise ContextError(self.name, f"{printable(path)}: permission denied", hint=as_root("who", "--all"))
        if not _is_socket(path):
            raise ContextError(
                self.name, f"{printable(path)}: there is no such socket", hint=f"is {self.family} running?"
            )
        return Engine(self.family, self.name, path)


_ELSEWHERE = "run shorepass where the engine is, or name a forwarded socket: DOCKER_HOST=unix://..."


def endpoints(here: LocalContext, family: Family) -> list[Endpoint]:
    """Return where engines of a family are, the one that its program talks with first. Default places only if there."""
    found: dict[str, Endpoint] = {}
    for endpoint in _docker(here) if family == Family.DOCKER else _podman(here):
        path = endpoint.host.removeprefix(UNIX)
        if endpoint.chosen or not endpoint.host.startswith(UNIX) or _is_socket(path):
            found.setdefault(os.path.realpath(path) if path != endpoint.host else endpoint.host, endpoint)
    if family == Family.PODMAN and not found and _has_containers(here) and here.which("podman"):
        return [Endpoint(Family.PODMAN, "podman", "")]
    return list(found.values())


def _docker(here: LocalContext) -> Iterator[Endpoint]:
    """Yield docker's endpoints: DOCKER_HOST, else the current context, stands first (docker/cli cli/command/cli.go)."""
    host = here.getenv("DOCKER_HOST")
    folder = os.path.dirname(docker_config_path(here)[0])
    config = _json(here, os.path.join(folder, "config.json"))
    current = here.getenv("DOCKER_CONTEXT") or str(config.get("currentContext") or "default")
    contexts = dict(_docker_contexts(here, folder))
    if host:
        yield Endpoint(Family.DOCKER, "docker", host, chosen=True)
    elif current in contexts:
        yield Endpoint(Family.DOCKER, f"docker context {current}", contexts[current], chosen=True)
    yield Endpoint(Family.DOCKER, "docker", f"{UNIX}/var/run/docker.sock")
    runtime = here.getenv("XDG_RUNTIME_DIR")
    if runtime:
        yield Endpoint(Family.DOCKER, "docker, rootless", f"{UNIX}{runtime}/docker.sock")
    for name, there in contexts.items():
        yield Endpoint(Family.DOCKER, f"docker context {name}", there)


def _docker_contexts(here: LocalContext, folder: str) -> Iterator[tuple[str, str]]:
    """Yield name and host of docker's contexts (cli/context/store/metadatastore.go)."""
    meta = os.path.join(folder, "contexts", "meta")
    try:
        names = here.names(meta)[:CONTEXTS_LIMIT]
    except SourceError:
        return
    for name in names:
        said = _json(here, os.path.join(meta, name, "meta.json"))
        endpoint = (said.get("Endpoints") or {}).get("docker") or {}
        if isinstance(endpoint, dict) and endpoint.get("Host") and said.get("Name"):
            yield printable(str(said["Name"])), str(endpoint["Host"])


def _podman(here: LocalContext) -> Iterator[Endpoint]:
    host = here.getenv("CONTAINER_HOST")
    if host:
        yield Endpoint(Family.PODMAN, "podman", host, chosen=True)
    if here.uid == 0:
        yield Endpoint(Family.PODMAN, "podman", f"{UNIX}/run/podman/podman.sock")
    runtime = here.getenv("XDG_RUNTIME_DIR")
    if runtime:
        yield Endpoint(Family.PODMAN, "podman, rootless", f"{UNIX}{runtime}/podman/podman.sock")
    if here.uid != 0:
        yield Endpoint(Family.PODMAN, "podman of root", f"{UNIX}/run/podman/podman.sock")


def _is_closed(path: str) -> bool:
    """Tell whether this user may not enter a folder on the way to a socket."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):
        pass
    return False


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _json(here: LocalContext, path: str) -> dict[str, Any]:
    """Return an object in a file of docker's; empty when it is not there or broken, which docker itself will say."""
    try:
        content = here.read(path, SIZE_LIMIT)
        found = loads(content.data) if content else {}
    except (SourceError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_containers(here: LocalContext) -> bool:
    """Tell whether podman's storage has any container: ``GRAPHROOT/DRIVER-containers/containers.json``."""
    folder = _graph_root(here)
    try:
        stores = [name for name in here.names(folder) if name.endswith("-containers")]
        files = [
            os.path.join(folder, store, name) for store in stores for name in here.names(os.path.join(folder, store))
        ]
    except SourceError:
        return False
    return any(path.endswith("containers.json") and (here.head(path, 16) or b"[]").strip() != b"[]" for path in files)


def _graph_root(here: LocalContext) -> str:
    """Return where podman keeps its containers (containers/storage pkg types ``storage.conf``)."""
    home = here.home() or ""
    user = os.path.join(home, ".config/containers/storage.conf")
    for path in (here.getenv("CONTAINERS_STORAGE_CONF"), user if here.uid else "/etc/containers/storage.conf"):
        try:
            content = here.read(path, SIZE_LIMIT) if path else None
            said = tomllib.loads(content.data.decode()) if content else {}
        except (SourceError, ValueError):
            continue
        root = said.get("storage", {}).get("graphroot")
        if isinstance(root, str) and root:
            return root
    data = here.getenv("XDG_DATA_HOME") or os.path.join(home, ".local/share")
    return os.path.join(data, "containers/storage") if here.uid else "/var/lib/containers/storage"


def _started(here: LocalContext, timeout: float) -> Engine:
    """Start a server for podman's API on a socket in a folder that only we can enter; it ends with the engine."""
    program = here.which("podman")
    if program is None:
        raise ContextError("podman", "there is no podman on PATH")
    folder = tempfile.mkdtemp(prefix="shorepass-")
    path = os.path.join(folder, "podman.sock")
    server = here.start([program, "system", "service", "--time=0", UNIX + path])

    def end() -> None:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)

    engine = Engine(Family.PODMAN, "podman", path)
    ended = weakref.finalize(engine, end)
    deadline = time.monotonic() + timeout
    # The socket stands there a moment before anybody listens on it: bind(2) makes it, listen(2) comes next.
    while not engine.answers(timeout=max(POLL_SECONDS, deadline - time.monotonic())):
        if not server.is_running or time.monotonic() > deadline:
            ended()
            raise ContextError("podman", "its API cannot be started", hint="try it by hand: podman system service")
        time.sleep(POLL_SECONDS)
    return engine
