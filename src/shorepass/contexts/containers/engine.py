"""The API of a container engine: docker's, and podman's compatible one.

Every answer has a limit of bytes and time. Only ``execute`` starts a program in a container. Source: the Engine API's
documentation, version 1.41, which podman 4 follows. Comments name the differences.
"""

from __future__ import annotations

import binascii
import json
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.contexts.command import as_root
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError, RegistryError, printable
from shorepass.http import Request, Url, percent_encode
from shorepass.http.unix import UnixTransport
from shorepass.processes import Completed, ProcessError, ProcessNotStarted, ProcessOutputTooLarge, ProcessTimeout
from shorepass.waiting import Wait

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

    from shorepass.http import Response
    from shorepass.http.unix import StreamTransport

__all__ = ["Engine", "PathStat", "Summary"]

ANSWER_SECONDS = 15.0  # for one answer; an engine that removes a large container at the same time is slow
JSON_LIMIT = 16 * 1024 * 1024  # bytes: a list of 10,000 containers
VALUES_LIMIT = 1_000_000  # JSON values in such a list
END_SECONDS = 2.0  # for the engine to know the exit status of a program whose output has ended
POLL_SECONDS = 0.01
STAT_HEADER = "X-Docker-Container-Path-Stat"
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")  # the names that both engines allow
GONE = b"no such container"  # in an answer with status 500: podman found the container, and then no longer

# Go's os.FileMode, which the header gives as a number.
_KINDS = ((0x7 << 24 | 1 << 19, "other"), (1 << 31, "folder"), (1 << 27, "link"))
_MODE_BITS = ((1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000))
_LOST = b"unixpacket @->/proc/self/fd/"  # a part of the error that podman adds to the program's standard error
_FRAME = 8  # bytes before each piece of output: the stream's number, three zeros, the length


class Summary(NamedTuple):
    """One container of a list.

    ``labels``: its own and those of its image.
    """

    id: str
    name: str
    state: str
    labels: dict[str, str]


class PathStat(NamedTuple):
    """The status of a path.

    ``kind``: ``file``, ``folder``, ``link`` or ``other``. ``mtime``: the API's text. ``target``: for a link, the absolute path
    that it leads to.
    """

    kind: str
    mode: int
    size: int
    mtime: str
    target: str


class Engine:
    """One engine behind a unix socket, or at ``transport``.

    With ``transport``, ``socket`` is the engine's address.

    ``name``: how it differs from others of its family.
    """

    def __init__(self, family: Family, name: str, socket: str, transport: StreamTransport | None = None) -> None:
        self.family = family
        self.name = name
        self.socket = socket
        self._transport = transport or UnixTransport(socket)

    def answers(self, *, timeout: float) -> bool:
        """Tell whether the engine answers."""
        try:
            self._send(Request("GET", _url("/_ping")), JSON_LIMIT, timeout)
        except ContextError:
            return False
        return True

    def info(self, *, timeout: float) -> dict[str, Any]:
        """Return the engine's description of itself.

        Raises ContextError.
        """
        found = self._json(Request("GET", _url("/info")), timeout)
        if not isinstance(found, dict):
            raise ContextError(self.name, "its description of itself is malformed")
        return found

    def is_docker(self) -> bool:
        """Tell whether it is docker's own engine, and not another one with docker's API.

        Raises ContextError.
        """
        found = self._json(Request("GET", _url("/version")), ANSWER_SECONDS)
        try:
            return any(part["Name"] == "Engine" for part in found["Components"])
        except (KeyError, TypeError):
            return False

    def ask_registry(self, image: str, auth: str, *, timeout: float) -> Response:
        """Have the engine look for an image at its registry, as before a pull.

        Raises ContextError.

        ``auth``: the value of the X-Registry-Auth header.
        """
        url = _url(f"/distribution/{image}/json")
        return self._send(Request("GET", url, (("X-Registry-Auth", auth),)), JSON_LIMIT, timeout)

    def check_login(self, login: Mapping[str, str], *, timeout: float) -> Response:
        """Have the engine check a login, as ``docker login`` does.

        Raises ContextError.
        """
        return self._send(_post("/auth", login), JSON_LIMIT, timeout)

    def listed(self, what: str, *, timeout: float) -> list[dict[str, Any]]:
        """Return the ``services`` or ``tasks`` of a swarm.

        Raises ContextError: this engine does not manage one.
        """
        found = self._json(Request("GET", _url(f"/{what}")), timeout)
        if not isinstance(found, list):
            raise ContextError(self.name, f"its list of {what} is malformed")
        return [item for item in found if isinstance(item, dict)]

    def containers(self, *, timeout: float = ANSWER_SECONDS) -> list[Summary]:
        """Return all containers, running or not.

        Raises ContextError.
        """
        found = self._json(Request("GET", _url("/containers/json", all="1")), timeout)
        if found is None:
            raise ContextError(self.name, "a container was removed while the engine listed them")
        try:
            return [_summary(item) for item in found]
        except (AttributeError, TypeError, RecursionError):
            raise ContextError(self.name, "its list of containers is malformed") from None

    def inspect(self, container: str) -> dict[str, Any] | None:
        """Return the description of a container, None if it does not exist.

        ``container``: its name or the beginning of its id. Raises ContextError.
        """
        if not NAME.fullmatch(container):
            return None
        found = self._json(Request("GET", _url(f"/containers/{container}/json")), ANSWER_SECONDS)
        if found is not None and not isinstance(found, dict):
            raise ContextError(self.name, "its description of a container is malformed")
        return found

    def container_of(self, id_: str) -> str:
        """Return the id of the container of an exec, empty if the exec does not exist.

        Raises ContextError.
        """
        found = self._json(Request("GET", _url(f"/exec/{id_}/json")), ANSWER_SECONDS)
        return str(found.get("ContainerID", "")) if isinstance(found, dict) else ""

    def architecture(self, image: str) -> str:
        """Return an image's GOARCH, empty if the image was removed.

        Raises ContextError.
        """
        found = self._json(Request("GET", _url(f"/images/{percent_encode(image)}/json")), ANSWER_SECONDS)
        return str(found.get("Architecture", "")) if isinstance(found, dict) else ""

    def image_labels(self, image: str) -> dict[str, Any]:
        """Return an image's labels, none if it was removed.

        Raises ContextError.
        """
        found = self._json(Request("GET", _url(f"/images/{percent_encode(image)}/json")), ANSWER_SECONDS)
        try:
            return dict(found["Config"]["Labels"] or {})
        except (KeyError, TypeError, ValueError):
            return {}

    def create(self, image: str) -> str:
        """Create a container of an image, which must not be started, and return its id.

        The id is empty if the image is not here. Raises ContextError.
        """
        made = self._json(_post("/containers/create", {"Image": image, "Cmd": ["/none"]}), ANSWER_SECONDS)
        if made is None:
            return ""
        if not isinstance(made, dict) or not NAME.fullmatch(str(made.get("Id", ""))):
            raise ContextError(self.name, "its answer about a new container is malformed")
        return str(made["Id"])

    def remove(self, container: str) -> None:
        """Remove a container.

        Raises ContextError.
        """
        response = self._send(Request("DELETE", _url(f"/containers/{container}", force="1")), JSON_LIMIT)
        if response.status not in (200, 204, 404):
            self._refused(response)

    def stat(self, container: str, path: str) -> PathStat | None:
        """Return the status of ``path``, links not followed, None if nothing is there.

        Raises ContextError.
        """
        url = _archive(container, path)
        response = self._send(Request("HEAD", url), 0)
        text = response.header(STAT_HEADER)
        if text:  # checked first, because podman also answers 404 for a link to nothing
            return self._path_stat(text)
        if response.status == 404:
            return None
        return self._refused(self._send(Request("GET", url), JSON_LIMIT))  # because the answer to HEAD has no reason

    def fetch(self, container: str, path: str, limit: int) -> bytes | None:
        """Return the first ``limit`` bytes of a tar of ``path``, None if nothing is there.

        podman follows a link. A folder's tar begins with the folder. Raises ContextError.
        """
        response = self._send(Request("GET", _archive(container, path)), limit)
        if response.status == 404:
            return None
        return response.body if response.status == 200 else self._refused(response)

    def put(self, container: str, folder: str, tar: bytes) -> None:
        """Unpack a tar in a folder.

        Raises ContextError with the engine's reason.
        """
        url = _archive(container, folder, noOverwriteDirNonDir="1")
        headers = (("Content-Type", "application/x-tar"),)
        response = self._send(Request("PUT", url, headers, tar), JSON_LIMIT)
        if response.status != 200:
            self._refused(response)

    def execute(
        self, container: str, argv: Sequence[str], env: Mapping[str, str], stdin: bytes, *, timeout: float, limit: int
    ) -> Completed:
        """Run a program in a running container as its user, without a terminal.

        ``env``: added to its environment. A program that does not end in time continues, because the API cannot end it. Raises
        ProcessError.
        """
        deadline = time.monotonic() + timeout
        wanted = {"Cmd": list(argv), "Env": [f"{name}={value}" for name, value in env.items()]}
        try:
            status, *output = self._run(container, wanted, stdin, deadline, limit)
            if self.family == Family.PODMAN and _LOST in output[1]:
                # Run again without input, because podman (4.3) loses the output of a program that did not read all its input.
                status, *output = self._run(container, wanted, None, deadline, limit)
        except ContextError as error:
            raise ProcessNotStarted(error.reason) from None
        except RegistryError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise ProcessTimeout(f"no end within {timeout:g} s") from None
            raise ProcessError(error.reason) from None
        said = output[0] + output[1]
        if (status in (126, 127) and b"exec failed" in said) or said.startswith(f"exec {argv[0]}: ".encode()):
            raise ProcessNotStarted(printable(said.decode("utf-8", "replace")))  # the message of the runtime
        if max(map(len, output)) > limit:
            raise ProcessOutputTooLarge(f"more than {limit} bytes of output")
        return Completed(status, *output)

    def _run(
        self, container: str, wanted: Mapping[str, object], stdin: bytes | None, deadline: float, limit: int
    ) -> tuple[int, bytes, bytes]:
        """Create an exec and start it, and return exit status and both outputs.

        Raises ContextError, Unreachable.
        """
        id_ = self._created(container, {"AttachStdin": stdin is not None, **wanted})
        output = self._converse(f"/exec/{id_}/start", stdin or b"", deadline, limit)
        return self._exit_status(f"/exec/{id_}/json"), *output

    def _created(self, container: str, wanted: Mapping[str, object]) -> str:
        """Return the id of a new exec.

        Raises ContextError.
        """
        attach = {"AttachStdout": True, "AttachStderr": True, "Tty": False}
        made = self._json(_post(f"/containers/{container}/exec", {**attach, **wanted}), ANSWER_SECONDS)
        if not isinstance(made, dict) or not NAME.fullmatch(str(made.get("Id", ""))):
            raise ContextError(self.name, "the container was removed")
        return str(made["Id"])

    def attach(self, container: str, argv: Sequence[str]) -> socket.socket:
        """Start a program in a running container as root, and return its standard streams.

        What is sent is its input. What arrives is its output, in pieces with the stream's number and the length before each.
        Raises ContextError.
        """
        id_ = self._created(container, {"AttachStdin": True, "Cmd": list(argv), "User": "0"})
        request = _post(f"/exec/{id_}/start", {"Detach": False, "Tty": False})
        try:
            response, wire = self._transport.hijack(request, limit=JSON_LIMIT, timeout=ANSWER_SECONDS)
        except RegistryError as error:
            raise ContextError(self.name, f"{self.socket}: {error.reason.lower()}") from None
        return wire or self._refused(response)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _converse(self, path: str, stdin: bytes, deadline: float, limit: int) -> tuple[bytes, bytes]:
        request = _post(path, {"Detach": False, "Tty": False})
        left = max(0.001, deadline - time.monotonic())
        response = self._transport.converse(request, stdin, limit=3 * limit + JSON_LIMIT, timeout=left)
        if response.status != 200:
            self._refused(response)
        if response.truncated:
            raise ProcessOutputTooLarge(f"more than {limit} bytes of output")
        return _demultiplexed(response.body)

    def _exit_status(self, path: str) -> int:
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            found = self._json(Request("GET", _url(path)), ANSWER_SECONDS)
            status = found.get("ExitCode") if isinstance(found, dict) else None
            if isinstance(status, int) and not found.get("Running"):
                return status
            time.sleep(POLL_SECONDS)
        raise ProcessError("the engine does not report its exit status")

    def _json(self, request: Request, timeout: float) -> Any:
        """Return the JSON value of an answer, None for what does not exist.

        It may have been removed while podman looked at it.

        Raises ContextError.
        """
        response = self._send(request, JSON_LIMIT, timeout)
        if response.status == 404 or (response.status == 500 and GONE in response.body):
            return None
        if response.status not in (200, 201):
            self._refused(response)
        try:
            return loads(response.body, VALUES_LIMIT)
        except ValueError:
            raise ContextError(self.name, "its answer is not JSON, or too large") from None

    def _send(self, request: Request, limit: int, timeout: float = ANSWER_SECONDS) -> Response:
        try:
            with Wait(self.name):
                return self._transport.send(request, limit=limit, timeout=timeout)
        except RegistryError as error:
            hint = as_root("who", "--all") if isinstance(error.__cause__, PermissionError) else None
            raise ContextError(self.name, f"{self.socket}: {error.reason.lower()}", hint=hint) from None

    def _refused(self, response: Response) -> NoReturn:
        """Raise ContextError with the reason that the engine gives."""
        try:
            said = loads(response.body)["message"]
        except (ValueError, KeyError, TypeError):
            said = response.body.decode("utf-8", "replace")
        words = said if isinstance(said, str) else ""
        raise ContextError(self.name, printable(words or f"status {response.status}"))

    def _path_stat(self, text: str) -> PathStat:
        try:
            said = loads(binascii.a2b_base64(text))
            mode, size, mtime, target = said["mode"], said["size"], said["mtime"], said["linkTarget"]
            kind = next((kind for flags, kind in _KINDS if mode & flags), "file")
            bits = mode & 0o777 | sum(bit for flag, bit in _MODE_BITS if mode & flag)
            return PathStat(kind, bits, int(size), str(mtime), str(target))
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ContextError(self.name, f"its {STAT_HEADER} header is malformed") from None


def _url(target: str, **query: str) -> Url:
    words = "&".join(f"{name}={percent_encode(value)}" for name, value in query.items())
    if words:
        target += f"?{words}"
    return Url("http", "localhost", 80, target)


def _archive(container: str, path: str, **query: str) -> Url:
    return _url(f"/containers/{container}/archive", path=path, **query)


def _post(path: str, value: object) -> Request:
    return Request("POST", _url(path), (("Content-Type", "application/json"),), json.dumps(value).encode())


def _summary(item: dict[str, Any]) -> Summary:
    names = [str(name).removeprefix("/") for name in item.get("Names") or ()]
    own = next((name for name in names if "/" not in name), "")  # the others are links from other containers
    labels = {str(key): str(value) for key, value in (item.get("Labels") or {}).items()}
    return Summary(str(item.get("Id", "")), own or str(item.get("Id", ""))[:12], str(item.get("State", "")), labels)


def _demultiplexed(body: bytes) -> tuple[bytes, bytes]:
    """Return standard output and standard error from the frames of an attached stream."""
    streams = {1: bytearray(), 2: bytearray()}
    at = 0
    while at + _FRAME <= len(body):
        end = at + _FRAME + int.from_bytes(body[at + 4 : at + _FRAME], "big")
        streams.get(body[at], streams[1]).extend(body[at + _FRAME : end])
        at = end
    return bytes(streams[1]), bytes(streams[2])
