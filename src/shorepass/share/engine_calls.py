"""Which calls of the engine's API pass with ``--deny``, and with which values in their address. No I/O.

It is a list of what passes: a call or a value that is not here is refused, also one that a future engine adds. Source: the
Docker Engine API 1.24 to 1.51. Before 1.24 a start had a body with the container's rights.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from shorepass.errors import ShorepassError

if TYPE_CHECKING:
    from shorepass.share.request_head import RequestHead

__all__ = ["Body", "Call", "Refused", "find_call"]

VERSION = re.compile(r"(/v1\.(?:2[4-9]|[3-9][0-9]))?(/.*)")
NETWORKS = ("", "default", "bridge", "none")
CONTAINER = r"(?P<container>[a-zA-Z0-9][a-zA-Z0-9_.-]*)"
EXEC = r"(?P<exec>[0-9a-f]{64})"
IMAGE = r"[a-zA-Z0-9][a-zA-Z0-9_.:/@-]*"
# The engine runs ps on this machine, as root, and shows the lines with the number of a process of the container. If the number
# is not in the first columns, or has another title, it shows words of other processes, also in an error.
PS_WORDS = re.compile(r"|-?aux|-?e?f|-e?o ?pid(?:,[a-z]+)*")
# For docker, a name comes before the beginning of an id. So commands for a container of others would go to this one.
NAME = re.compile(r"(?!/?[0-9a-f]{3,64}\Z).*", re.DOTALL)
ANY = re.compile(".*", re.DOTALL)
VALUES = {
    "ps_args": (PS_WORDS, "words for ps, except aux, -ef and -o pid,NAME"),
    "name": (NAME, "a name that may be the beginning of an id"),
}
# What docker's client sends for a classic build, without what gives the build the host's network, folders or groups.
BUILD = (
    "t dockerfile q nocache rm forcerm pull buildargs labels target platform cachefrom extrahosts networkmode version shmsize "
    "memory memswap cpushares cpuperiod cpuquota cpusetcpus cpusetmems ulimits buildid"
)


class Refused(ShorepassError):
    """A call that does not pass. ``status``: the line for the client."""

    def __init__(self, reason: str, status: str = "403 Forbidden") -> None:
        super().__init__(reason)
        self.status = status


class Body(Enum):
    """What follows the head of a request."""

    NONE = "none"
    COPIED = "copied as it is"
    CREATE = "the JSON of a new container"
    EXEC = "the JSON of a new exec"


class Call(NamedTuple):
    """A kind of call. ``query``: the names of the values that it may have. ``hijacks``: it may become a stream.

    ``own``: it lists containers, and gets a filter for those of the grant. ``streams``: its answer is a line for each event.
    """

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    body: Body = Body.NONE
    hijacks: bool = False
    own: bool = False
    streams: bool = False


def _call(method: str, path: str, query: str = "", body: Body = Body.NONE, *, hijacks: bool = False) -> Call:
    return Call(method, re.compile(path), frozenset(query.split()), body, hijacks)


CALLS = (
    _call("GET", "/_ping"),
    _call("HEAD", "/_ping"),
    _call("GET", "/version"),
    _call("GET", "/info"),
    _call("POST", "/auth", body=Body.COPIED),
    _call("GET", "/containers/json", "all limit size filters trunc_cmd")._replace(own=True),
    _call("GET", "/events", "since until filters")._replace(own=True, streams=True),
    _call("POST", "/containers/create", "name platform", Body.CREATE),
    _call("DELETE", f"/containers/{CONTAINER}", "v force link"),
    _call("GET", f"/containers/{CONTAINER}/(?:json|changes|export)", "size"),
    _call("GET", f"/containers/{CONTAINER}/logs", "follow stdout stderr since until timestamps tail details"),
    _call("GET", f"/containers/{CONTAINER}/top", "ps_args"),
    _call("GET", f"/containers/{CONTAINER}/stats", "stream one-shot"),
    _call("GET", f"/containers/{CONTAINER}/archive", "path"),
    _call("HEAD", f"/containers/{CONTAINER}/archive", "path"),
    _call("PUT", f"/containers/{CONTAINER}/archive", "path noOverwriteDirNonDir copyUIDGID", Body.COPIED),
    _call("POST", f"/containers/{CONTAINER}/(?:start|stop|restart|kill|pause|unpause)", "t signal detachKeys"),
    _call("POST", f"/containers/{CONTAINER}/wait", "condition"),
    _call("POST", f"/containers/{CONTAINER}/resize", "h w"),
    _call("POST", f"/containers/{CONTAINER}/attach", "stream stdin stdout stderr logs detachKeys", hijacks=True),
    _call("POST", f"/containers/{CONTAINER}/exec", body=Body.EXEC),
    _call("GET", f"/exec/{EXEC}/json"),
    _call("POST", f"/exec/{EXEC}/resize", "h w"),
    _call("POST", f"/exec/{EXEC}/start", "", Body.COPIED, hijacks=True),
    _call("GET", "/images/json", "all filters digests shared-size manifests"),
    _call("GET", f"/images/{IMAGE}/(?:json|history)", "size manifests platform"),
    _call("GET", f"/distribution/{IMAGE}/json"),
    _call("POST", "/images/create", "fromImage tag platform"),
    _call("POST", f"/images/{IMAGE}/push", "tag platform", Body.COPIED),
    _call("POST", f"/images/{IMAGE}/tag", "repo tag force"),
    _call("POST", "/build", BUILD, Body.COPIED),
)


class Found(NamedTuple):
    """A call, and what it is for. ``at``: where the path has the container. ``names``: those that it gives to an image."""

    call: Call
    version: str
    path: str
    container: str
    exec: str
    at: tuple[int, int]
    names: tuple[str, ...]

    def path_with(self, container: str) -> str:
        """Return the path with another word for the container."""
        start, end = self.at
        return f"{self.version}{self.path[:start]}{container}{self.path[end:]}"


def find_call(head: RequestHead) -> Found:
    """Return what a request asks for. Raises Refused: it does not pass."""
    version = VERSION.fullmatch(head.whole_path)
    if version is None:
        raise Refused("a call by a version of the API before 1.24")
    path = version[2]
    for call in CALLS:
        if head.method == call.method and (found := call.path.fullmatch(path)):
            break
    else:
        raise Refused(f"{head.method} {path}")
    for name, value in head.queries:
        if name not in call.query and value:
            raise Refused(f"{name} in {head.method} {path}")
        pattern, reason = VALUES.get(name, (ANY, ""))
        if not pattern.fullmatch(value):
            raise Refused(reason)
    if head.field("upgrade") and not (call.hijacks and head.field("upgrade").lower() == "tcp"):
        raise Refused(f"an upgrade of {head.method} {path}")
    if call.body is Body.NONE and (head.field("content-length") or "0", head.field("transfer-encoding")) != ("0", ""):
        raise Refused(f"a body in {head.method} {path}")
    groups = found.groupdict()
    container, exec_ = groups.get("container", ""), groups.get("exec", "")
    at = found.span("container") if container else (0, 0)
    return Found(call, version[1] or "", path, container, exec_, at, _names(head, path))


def _names(head: RequestHead, path: str) -> tuple[str, ...]:
    """Return the names that a call gives to an image. Raises Refused: a build with rights on this machine."""
    if path == "/build":
        if head.query("networkmode") not in NETWORKS:
            raise Refused("a network of this machine for a build")
        if head.query("version") not in ("", "1"):
            raise Refused("a build by BuildKit; use DOCKER_BUILDKIT=0")
        return tuple(value for name, value in head.queries if name == "t" and value)
    return (head.query("repo"),) if path.endswith("/tag") else ()
