"""Reads the answer of docker's or podman's inspect call for a container."""

from __future__ import annotations

import posixpath
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from shorepass.numbers import whole

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Inspected", "Mount"]

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what both engines set if an image does not
ENGINE_SOCKETS = ("docker.sock", "podman.sock")
# Without this capability, permission bits apply to root as to other users.
_OVERRIDING = ("ALL", "DAC_OVERRIDE", "CAP_DAC_OVERRIDE")


class Mount(NamedTuple):
    """A mount at ``target`` in a container.

    ``kind``: ``bind``, ``volume``, ``tmpfs`` ... ``source``: a path of the engine's machine, empty if the mount has no path.
    """

    target: str
    source: str
    kind: str
    read_only: bool

    @property
    def is_engine_socket(self) -> bool:
        """Whether it gives the container command over an engine."""
        return any(posixpath.basename(path) in ENGINE_SOCKETS for path in (self.source, self.target))


class Inspected:
    """One container, as it was created, and its state at the time of the call.

    ``image_name``: what its creator called the image. ``user``: in the form of an image's USER. ``pid``: its first process on
    the engine's machine, 0 if it does not run. ``started``: its last start, in seconds since 1970, 0 if it is not known.
    ``folder``: the working directory. ``environ``: what the engine gives to its programs; the engine adds HOME if it is not
    set. ``mounts``: as requested when it was created. ``root_is_mighty``: permission bits do not apply to its root.

    Raises AttributeError, KeyError, TypeError or ValueError: the answer is malformed.
    """

    def __init__(self, said: dict[str, Any]) -> None:
        config, state, host = said.get("Config") or {}, said.get("State") or {}, said.get("HostConfig") or {}
        self.id = str(said["Id"])
        self.name = str(said.get("Name", "")).removeprefix("/") or self.id[:12]
        self.platform = str(said.get("Platform") or "linux")
        self.image = str(said.get("Image", ""))
        self.image_name = str(said.get("ImageName") or config.get("Image") or "")
        self.user = str(config.get("User") or "")
        self.folder = str(config.get("WorkingDir") or "/")
        self.state = str(state.get("Status", ""))
        self.is_running = bool(state.get("Running"))
        self.started = _seconds(str(state.get("StartedAt") or ""))
        self.pid = whole(str(state.get("Pid"))) or 0
        self.has_read_only_root = bool(host.get("ReadonlyRootfs"))
        pairs = [str(item).partition("=") for item in config.get("Env") or ()]
        self.environ = {"PATH": PATH, **{name: value for name, _, value in pairs}}
        self.mounts = _mounts(host.get("Tmpfs") or {}, said.get("Mounts") or [])
        self.root_is_mighty = _is_mighty(host)


def _seconds(text: str) -> float:
    """Return a time of RFC 3339 in seconds since 1970, 0 if the text is not one."""
    try:
        return max(0.0, datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return 0.0


def _mounts(tmpfs: dict[str, Any], mounts: list[dict[str, Any]]) -> tuple[Mount, ...]:
    found = {target: Mount(target, "", "tmpfs", read_only=False) for target in tmpfs}
    for mount in mounts:
        target, source = str(mount.get("Destination", "")), str(mount.get("Source", ""))
        found[target] = Mount(target, source, str(mount.get("Type", "")), not mount.get("RW", True))
    return tuple(sorted(found.values()))


def _is_mighty(host: dict[str, Any]) -> bool:
    """Tell whether root still has the capability DAC_OVERRIDE."""
    dropped, added = list(host.get("CapDrop") or ()), list(host.get("CapAdd") or ())
    kept = any(cap in _OVERRIDING for cap in added) or not any(cap in _OVERRIDING for cap in dropped)
    return kept or bool(host.get("Privileged"))
