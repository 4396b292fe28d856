"""What an engine's inspect call says of a container, docker's and podman's alike. Pure."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from shorepass.numbers import whole

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Inspected", "Mount"]

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what both engines set where an image sets none
ENGINE_SOCKETS = ("docker.sock", "podman.sock")
_OVERRIDING = (
    "ALL",
    "DAC_OVERRIDE",
    "CAP_DAC_OVERRIDE",
)  # without it, root is stopped by permission bits as everybody is


class Mount(NamedTuple):
    """What is mounted at ``target`` in a container. ``kind``: ``bind``, ``volume``, ``tmpfs`` ...

    ``source`` is a path of the engine's machine, empty where there is none.
    """

    target: str
    source: str
    kind: str
    read_only: bool

    @property
    def is_engine_socket(self) -> bool:
        """Whether an engine can be commanded through it."""
        return any(posixpath.basename(path) in ENGINE_SOCKETS for path in (self.source, self.target))


class Inspected:
    """One container, as it was made, and its state at that moment.

    ``user``: as an image's USER says it. ``pid``: of its first process on the engine's machine, 0 where there is none.
    ``folder``: the working directory. ``environ``: what the engine gives to its programs, but for HOME where nobody has set it.
    ``mounts``: as they were asked for at its making. ``root_is_mighty``: permission bits do not stop its root.

    Raises AttributeError, KeyError, TypeError or ValueError on what no engine says.
    """

    def __init__(self, said: dict[str, Any]) -> None:
        config, state, host = said.get("Config") or {}, said.get("State") or {}, said.get("HostConfig") or {}
        self.id = str(said["Id"])
        self.name = str(said.get("Name", "")).removeprefix("/") or self.id[:12]
        self.platform = str(said.get("Platform") or "linux")
        self.image = str(said.get("Image", ""))
        self.user = str(config.get("User") or "")
        self.folder = str(config.get("WorkingDir") or "/")
        self.state = str(state.get("Status", ""))
        self.is_running = bool(state.get("Running"))
        self.pid = whole(str(state.get("Pid"))) or 0
        self.has_read_only_root = bool(host.get("ReadonlyRootfs"))
        pairs = [str(item).partition("=") for item in config.get("Env") or ()]
        self.environ = {"PATH": PATH, **{name: value for name, _, value in pairs}}
        self.mounts = _mounts(host.get("Tmpfs") or {}, said.get("Mounts") or [])
        self.root_is_mighty = _is_mighty(host)


def _mounts(tmpfs: dict[str, Any], mounts: list[dict[str, Any]]) -> tuple[Mount, ...]:
    found = {target: Mount(target, "", "tmpfs", read_only=False) for target in tmpfs}
    for mount in mounts:
        target, source = str(mount.get("Destination", "")), str(mount.get("Source", ""))
        found[target] = Mount(target, source, str(mount.get("Type", "")), not mount.get("RW", True))
    return tuple(sorted(found.values()))


def _is_mighty(host: dict[str, Any]) -> bool:
    """Tell whether root has kept the capability DAC_OVERRIDE."""
    dropped, added = list(host.get("CapDrop") or ()), list(host.get("CapAdd") or ())
    kept = any(cap in _OVERRIDING for cap in added) or not any(cap in _OVERRIDING for cap in dropped)
    return kept or bool(host.get("Privileged"))
