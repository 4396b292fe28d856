"""Finds the sockets of docker's and podman's engines, as their own programs do.

If podman has no socket, Shorepass starts ``podman system service`` for the time of one command. It needs 0.1 s to start, and
then answers in 1 or 2 ms, while each call of the podman program needs 50 to 100 ms. Shorepass starts it only if that podman has
containers, because the program creates its folders at its first use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
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
from shorepass.contexts.packages import how_to_install
from shorepass.errors import ContextError, FileError, SourceError, UsageError, printable
from shorepass.http import parse_url
from shorepass.http.tcp import TcpTransport
from shorepass.http.tls import of_engine
from shorepass.names import is_loopback, split_host_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shorepass.contexts.local import LocalContext

__all__ = ["Endpoint", "MissingContext", "endpoints", "missing_context", "used_endpoint"]

UNIX, TCP = "unix://", "tcp://"
PLAIN_PORT, TLS_PORT = 2375, 2376  # docker/cli opts/hosts.go
WITH_TLS = "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=DIR"
SIZE_LIMIT = 1024 * 1024  # bytes of a config file
CONTEXT = "docker context "  # before its name
CONTEXTS_LIMIT = 100  # of docker's contexts
POLL_SECONDS = 0.01


class Endpoint(NamedTuple):
    """The address of an engine.

    ``host``: ``unix://`` and a path, or another URL; empty: start podman's service. ``chosen``: the user named this engine, so
    Shorepass asks no other. ``certificates``: the folder of the files for TLS, "" for plain text.
    """

    family: Family
    name: str
    host: str
    chosen: bool = False
    certificates: str = ""

    def ask(self, here: LocalContext) -> Engine:
        """Return the engine, to ask it about registries: it may be on another machine.

        Its containers are another matter (``open``), because their processes and mounts are there. Raises ContextError.
        """
        if not self.host.startswith(TCP):
            return self.open(here)
        where = printable(self.host).rpartition("@")[2]
        try:
            server = parse_url(f"http://{self.host.removeprefix(TCP)}")
            default = TLS_PORT if self.certificates else PLAIN_PORT
            if not split_host_port(self.host.removeprefix(TCP))[1]:
                server = server._replace(port=default)
            tls = of_engine(here, self.certificates) if self.certificates else None
        except (UsageError, FileError) as error:
            raise ContextError(self.name, f"{where}: {error.message}", hint=error.hint) from None
        if tls is None and not is_loopback(server.authority):
            raise ContextError(
                self.name, f"{where}: Shorepass sends no login to another machine without TLS", hint=WITH_TLS
            )
        return Engine(self.family, self.name, where, TcpTransport(server, tls))

    def open(self, here: LocalContext, *, timeout: float = ANSWER_SECONDS) -> Engine:
        """Return the engine.

        Raises ContextError: it has no unix socket here.

        ``timeout``: seconds for podman's service to start.
        """
        if not self.host:
            return _started(here, timeout)
        path = self.host.removeprefix(UNIX)
        if path == self.host:
            where = printable(self.host).rpartition("@")[2]
            raise ContextError(self.name, f"{where}: Shorepass does not connect to it", hint=_ELSEWHERE)
        if _is_closed(path) or not _may_use(path, here):
            raise ContextError(self.name, f"{printable(path)}: permission denied", hint=as_root("who", "--all"))
        if not _is_socket(path):
            raise ContextError(
                self.name, f"{printable(path)}: there is no such socket", hint=f"is {self.family} running?"
            )
        return Engine(self.family, self.name, path)


_ELSEWHERE = "run shorepass where the engine is, or name a forwarded socket: DOCKER_HOST=unix://..."


def endpoints(here: LocalContext, family: Family) -> list[Endpoint]:
    """Return the addresses of a family's engines, first the one that its program uses.

    A default address is included only if its socket exists.
    """
    found: dict[str, Endpoint] = {}
    for endpoint in _docker(here) if family == Family.DOCKER else _podman(here):
        if not endpoint.host.startswith(UNIX):
            found.setdefault(endpoint.host, endpoint)
            continue
        path = endpoint.host.removeprefix(UNIX)
        if endpoint.chosen or _is_socket(path):
            found.setdefault(os.path.realpath(path), endpoint)
    if family == Family.PODMAN and not found and _has_containers(here) and here.which("podman"):
        return [Endpoint(Family.PODMAN, "podman", "")]
    return list(found.values())


def used_endpoint(here: LocalContext) -> Endpoint | None:
    """Return the address of the engine that the docker program talks with.

    None: the user named none, and no socket is at the default address.
    """
    endpoint = next(_docker(here))
    return endpoint if endpoint.chosen or _is_socket(endpoint.host.removeprefix(UNIX)) else None


class MissingContext(NamedTuple):
    """A context of docker that is in use and does not exist.

    ``named_by``: the variable or the file that names it.
    """

    name: str
    named_by: str
    fix: str


def missing_context(here: LocalContext) -> MissingContext | None:
    """Return docker's current context if it does not exist: then docker stops.

    None if it exists.

    Source: docker/cli cli/context/store/metadatastore.go, its folder is the digest of its name.
    """
    path = docker_config_path(here)[0]
    named = here.getenv("DOCKER_CONTEXT") or ""
    current = named or _json(here, path).get("currentContext")
    if here.getenv("DOCKER_HOST") or not isinstance(current, str) or current in ("", "default"):
        return None
    digest = hashlib.sha256(current.encode("utf-8", "surrogateescape")).hexdigest()
    try:
        status = here.status(os.path.join(os.path.dirname(path), "contexts", "meta", digest, "meta.json"))
    except SourceError:
        return None
    if status is not None:
        return None
    if named:
        return MissingContext(printable(current), "DOCKER_CONTEXT", "unset DOCKER_CONTEXT")
    return MissingContext(printable(current), path, "docker context use default")


def _docker(here: LocalContext) -> Iterator[Endpoint]:
    """Yield docker's endpoints, first DOCKER_HOST, or else the current context.

    Source: docker/cli cli/command/cli.go.
    """
    host = here.getenv("DOCKER_HOST")
    folder = os.path.dirname(docker_config_path(here)[0])
    config = _json(here, os.path.join(folder, "config.json"))
    current = here.getenv("DOCKER_CONTEXT") or str(config.get("currentContext") or "default")
    contexts = {endpoint.name: endpoint for endpoint in _docker_contexts(here, folder)}
    named = contexts.get(f"{CONTEXT}{current}")
    if host:
        yield Endpoint(Family.DOCKER, "docker", host, chosen=True, certificates=_certificates(here, folder))
    elif named:
        yield named._replace(chosen=True)
    yield Endpoint(Family.DOCKER, "docker", f"{UNIX}/var/run/docker.sock")
    runtime = here.getenv("XDG_RUNTIME_DIR")
    if runtime:
        yield Endpoint(Family.DOCKER, "docker, rootless", f"{UNIX}{runtime}/docker.sock")
    yield from contexts.values()


def _certificates(here: LocalContext, folder: str) -> str:
    """Return the folder of the files for TLS, "" if docker uses no TLS.

    Source: docker/cli cli/flags/options.go.
    """
    return (here.getenv("DOCKER_CERT_PATH") or folder) if here.getenv("DOCKER_TLS_VERIFY") else ""


def _docker_contexts(here: LocalContext, folder: str) -> Iterator[Endpoint]:
    """Yield the engines of docker's contexts.

    Source: docker/cli cli/context/store/metadatastore.go, tlsstore.go.
    """
    meta = os.path.join(folder, "contexts", "meta")
    try:
        names = here.names(meta)[:CONTEXTS_LIMIT]
    except SourceError:
        return
    for name in names:
        said = _json(here, os.path.join(meta, name, "meta.json"))
        endpoint = (said.get("Endpoints") or {}).get("docker") or {}
        if isinstance(endpoint, dict) and endpoint.get("Host") and said.get("Name"):
            tls = os.path.join(folder, "contexts", "tls", name, "docker")
            certificates = tls if here.is_folder(tls) else ""
            label = f"{CONTEXT}{printable(str(said['Name']))}"
            yield Endpoint(Family.DOCKER, label, str(endpoint["Host"]), certificates=certificates)


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


def _may_use(path: str, here: LocalContext) -> bool:
    """Tell whether the user of a context may connect to a socket.

    It matters if this process has root's rights, and would get in.

    Source: unix(7), a connection needs permission to write.
    """
    uid = here.uid
    if sys.platform == "win32" or uid in (None, 0, os.geteuid()):
        return True
    import pwd

    try:
        found, account = os.stat(path), pwd.getpwuid(uid)
    except (OSError, KeyError):
        return True
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IWUSR)
    if found.st_gid in os.getgrouplist(account.pw_name, account.pw_gid):
        return bool(found.st_mode & stat.S_IWGRP)
    return bool(found.st_mode & stat.S_IWOTH)


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _json(here: LocalContext, path: str) -> dict[str, Any]:
    """Return an object in a file of docker's.

    The answer is empty if the file is missing or broken.
    """
    try:
        content = here.read(path, SIZE_LIMIT)
        found = loads(content.data) if content else {}
    except (SourceError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_containers(here: LocalContext) -> bool:
    """Tell whether podman's storage has any container.

    They are in ``GRAPHROOT/DRIVER-containers/containers.json``.
    """
    graph_root = _graph_root(here)
    files: list[str] = []
    try:
        for store in here.names(graph_root):
            folder = os.path.join(graph_root, store)
            if store.endswith("-containers"):
                files += [os.path.join(folder, name) for name in here.names(folder)]
    except SourceError:
        return False
    return any(path.endswith("containers.json") and (here.head(path, 16) or b"[]").strip() != b"[]" for path in files)


def _graph_root(here: LocalContext) -> str:
    """Return the folder of podman's containers.

    Source: containers/storage pkg/types, ``storage.conf``.
    """
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
    """Start a server for podman's API, which ends with the engine.

    Its socket is in a folder that only this user can open.
    """
    program = here.which("podman")
    if program is None:
        raise ContextError("podman", "there is no podman on PATH", hint=how_to_install(here, Family.PODMAN))
    folder = tempfile.mkdtemp(prefix="shorepass-")
    path = os.path.join(folder, "podman.sock")
    server = here.start([program, "system", "service", "--time=0", UNIX + path])

    def end() -> None:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)

    engine = Engine(Family.PODMAN, "podman", path)
    ended = weakref.finalize(engine, end)
    deadline = time.monotonic() + timeout
    # The socket exists a moment before the server listens on it: bind(2) creates it, and listen(2) follows.
    while not engine.answers(timeout=max(POLL_SECONDS, deadline - time.monotonic())):
        if not server.is_running or time.monotonic() > deadline:
            ended()
            raise ContextError("podman", "its API cannot be started", hint="podman system service")
        time.sleep(POLL_SECONDS)
    return engine
