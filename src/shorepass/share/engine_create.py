"""The JSON with which a container or an exec is created: read strictly, and written again without rights on the host. No I/O.

The engine is written in Go, whose reader of JSON finds a member in any case of letters, and lets a second member override the
first. So members are written again from what was understood here, in the engine's own spelling. A member that is not in the
list passes only without a value, and is left out. Source: the Docker Engine API 1.51, ContainerCreate and ContainerExec.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shorepass.bounded_json import has_too_many_values
from shorepass.share.engine_calls import NETWORKS, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Members = dict[str, Any]
    Check = Callable[[Any], Any]  # returns what is written; raises Refused

__all__ = ["LABEL", "container_json", "exec_json"]

LABEL = "shorepass.grant"  # of each container that is created by way of a grant
NO_NEW_PRIVILEGES = ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")


def container_json(data: bytes, grant: str) -> bytes:
    """Return the JSON of a new container, with the label of the grant. Raises Refused."""
    made = _members(_object(data), CONFIG)
    made["Labels"] = {**(made.get("Labels") or {}), LABEL: grant}
    return json.dumps(made).encode()


def exec_json(data: bytes) -> bytes:
    """Return the JSON of a new exec. Raises Refused."""
    return json.dumps(_members(_object(data), RUN)).encode()


def _object(data: bytes) -> Any:
    if has_too_many_values(data):
        raise Refused("a body with too many values")
    try:
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("a body that is not JSON with each member once", "400 Bad Request") from None


def _unique(pairs: list[tuple[str, Any]]) -> Members:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(text: str) -> None:
    raise ValueError(text)


def _members(found: Any, known: Mapping[str, Check]) -> Members:
    """Return the members that are known, as their checks return them. Raises Refused."""
    if not isinstance(found, dict):
        raise Refused("a value where the engine expects an object", "400 Bad Request")
    spelled = {name.lower(): name for name in known}
    made: Members = {}
    for name, value in found.items():
        ours = spelled.get(name.lower()) if name.isascii() else None
        if ours in made:
            raise Refused(f"{ours} twice")
        if ours is not None:
            made[ours] = known[ours](value)
        elif not _is_empty(value):
            raise Refused(f"the member {name[:40]!a}")
    return made


def _is_empty(value: Any) -> bool:
    """Tell whether a value says nothing: false, zero, or an object with only such values."""
    if isinstance(value, dict):
        return all(map(_is_empty, value.values()))
    return not value


def _any(value: Any) -> Any:
    return value


def _one_of(name: str, *values: str) -> Check:
    def check(value: Any) -> Any:
        if value not in (None, *values):
            raise Refused(f"{name} {ascii(value)[:40]}")
        return value

    return check


def _object_of(known: Mapping[str, Check]) -> Check:
    def check(value: Any) -> Members | None:
        return None if value is None else _members(value, known)

    return check


def _list_of(check: Check) -> Check:
    def checked(value: Any) -> list[Any] | None:
        if value is not None and not isinstance(value, list):
            raise Refused("a value where the engine expects a list", "400 Bad Request")
        return None if value is None else [check(one) for one in value]

    return checked


def _labels(value: Any) -> Members:
    if value is not None and not isinstance(value, dict):
        raise Refused("labels that are not an object", "400 Bad Request")
    return value or {}


def _volumes(value: Any) -> Members:
    """Allow volumes without a name: ``{"/data": {}}``."""
    if any(not path.startswith("/") or ":" in path for path in _labels(value)):
        raise Refused("a volume that is not only a path in the container")
    return {path: {} for path in value or {}}


def _networking(value: Any) -> Members:
    """Allow the usual networks, without settings."""
    names = _members(value or {}, {"EndpointsConfig": _labels}).get("EndpointsConfig", {})
    if any(name not in NETWORKS or not _is_empty(settings) for name, settings in names.items()):
        raise Refused("a network, or an address in one")
    return {}


def _all(*names: str) -> dict[str, Check]:
    return dict.fromkeys(names, _any)


VOLUME = _object_of({**_all("NoCopy"), "Labels": _labels})  # DriverConfig mounts what it likes
MOUNT = _object_of(
    {
        "Type": _one_of("a mount of type", "volume", "tmpfs"),
        **_all("Target", "ReadOnly", "Consistency", "TmpfsOptions"),  # and no Source: it is a volume of others
        "VolumeOptions": VOLUME,
    }
)
HOST = {
    **_all("AutoRemove", "CapDrop", "ConsoleSize", "ContainerIDFile", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts"),
    **_all("Init", "ReadonlyRootfs", "ShmSize", "Tmpfs", "Ulimits", "PidsLimit"),
    **_all("Memory", "MemoryReservation", "MemorySwap", "MemorySwappiness", "NanoCpus"),
    **_all("CpuCount", "CpuPercent", "CpuPeriod", "CpuQuota", "CpuShares", "CpusetCpus", "CpusetMems"),
    "NetworkMode": _one_of("the network", *NETWORKS),
    "IpcMode": _one_of("IpcMode", "", "none", "private", "shareable"),
    "CgroupnsMode": _one_of("CgroupnsMode", "", "private"),
    "Isolation": _one_of("Isolation", "", "default"),
    "SecurityOpt": _list_of(_one_of("SecurityOpt", *NO_NEW_PRIVILEGES)),
    "LogConfig": _object_of({"Type": _one_of("the log driver", "", "json-file", "local", "none")}),
    "RestartPolicy": _object_of(
        {"Name": _one_of("the restart policy", "", "no", "on-failure"), **_all("MaximumRetryCount")}
    ),
    "Mounts": _list_of(MOUNT),
}
CONFIG = {
    **_all("Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin"),
    **_all("StdinOnce", "Env", "Cmd", "Healthcheck", "ArgsEscaped", "Image", "WorkingDir", "Entrypoint"),
    **_all("NetworkDisabled", "OnBuild", "StopSignal", "StopTimeout", "Shell", "ExposedPorts"),
    "Labels": _labels,
    "Volumes": _volumes,
    "HostConfig": _object_of(HOST),
    "NetworkingConfig": _networking,
}
# Old clients name the container in an exec; the address says which one it is.
RUN: dict[str, Check] = {"Container": lambda _: None}
RUN |= _all("User", "Tty", "ConsoleSize", "AttachStdin", "AttachStdout", "AttachStderr", "Detach", "DetachKeys", "Env")
RUN |= _all("WorkingDir", "Cmd")
