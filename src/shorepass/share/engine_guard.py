"""Passes only calls that give no rights on this machine: ``--deny``.

A container that was created by way of the grant has its label, and its image does not. Other containers are not found, and not
listed: a list gets the ids of the grant's containers, and of events only theirs pass. The address of a call and the
JSON of a new container are written again from what was understood here. Only docker's own engine gets calls: podman reads some
values in another way, and would mount a folder of this machine that the path of a volume names.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from shorepass.bounded_json import loads
from shorepass.contexts.containers.engine import Engine
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError, InvalidReference
from shorepass.names import parse
from shorepass.share.engine_calls import Body, Refused, find_call
from shorepass.share.engine_create import LABEL, container_json, exec_json

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from shorepass.contexts.containers.engine import Summary
    from shorepass.share.engine_calls import Found
    from shorepass.share.request_head import RequestHead

__all__ = ["Admitted", "Guard"]

BODY_LIMIT = 1024 * 1024  # bytes of the JSON of a new container
BODY_SECONDS = 30.0
SEPARATOR = "\x1e"  # in front of an event, if the client accepts application/json-seq
NO_ID = "0" * 64  # of no container: a list by it is empty
LOOKED_UP = {"before", "since"}  # filters by a container, of which the engine tells whether it exists
BEGINNING = re.compile("[0-9a-f]{1,63}")  # of an id: the engine compares it with the ids of others, too


class Admitted(NamedTuple):
    """A request as the engine may get it. ``rest``: what follows its head. ``keeps``: whether a line of the answer may pass.

    Without ``keeps``, all of the answer passes.
    """

    head: RequestHead
    rest: bytes
    keeps: Callable[[bytes], bool] | None = None


class Guard:
    """Decides about the calls by one grant. ``socket``: the engine's. ``may_name``: whether it may push a repository."""

    def __init__(self, grant: str, socket: str, may_name: Callable[[str], bool]) -> None:
        self._grant = grant
        self._engine = Engine(Family.DOCKER, "", socket)
        self._may_name = may_name
        self._is_docker = False

    def admit(self, head: RequestHead, rest: bytes, client: socket.socket) -> Admitted:
        """Return a request as the engine may get it. ``rest``: what came behind its head. Raises Refused, OSError."""
        found = find_call(head)
        self._check_engine()
        for name in found.names:
            self._check_name(name)
        container = self._own(found.container) if found.container else ""
        if found.exec:
            self._check_exec(found.exec)
        own = self._own_ids() if found.call.own else []
        head = head.with_target(found.path_with(container), self._queries(head, found, own))
        if found.call.body in (Body.CREATE, Body.EXEC):
            body = _body(head, rest, client)
            rest = exec_json(body) if found.call.body is Body.EXEC else container_json(body, self._grant)
            head = head.without("expect", "transfer-encoding").with_field("content-length", str(len(rest)))
        if found.call.streams:  # HTTP/1.0 has no chunks, so that a line is an event
            return Admitted(head._replace(version="HTTP/1.0"), rest, partial(self._is_own_event, set(own)))
        return Admitted(head, rest)

    def _check_engine(self) -> None:
        try:
            self._is_docker = self._is_docker or self._engine.is_docker()
        except ContextError as error:
            raise Refused(error.message, "502 Bad Gateway") from None
        if not self._is_docker:
            raise Refused(f"a call to another engine than docker's: {self._engine.socket}")

    def _check_name(self, name: str) -> None:
        try:
            allowed = self._may_name(parse(name).name)
        except InvalidReference:
            allowed = False
        if not allowed:
            raise Refused("a name for an image that the grant does not let it push")

    def _own(self, container: str) -> str:
        """Return the whole id of a container of the grant. Raises Refused."""
        id_ = self._find(container)
        if not id_:
            raise Refused(f"No such container: {container}", "404 Not Found")
        return id_

    def _find(self, container: str) -> str:
        """Return the whole id of a container of the grant, "" if it is of others or does not exist. Raises Refused."""
        if BEGINNING.fullmatch(container):
            labelled = self._labelled()
            meant = [one.id for one in labelled if one.name == container]
            meant = meant or [one.id for one in labelled if one.id.startswith(container)]
            own = [id_ for id_ in meant if self._find(id_)]
            return own[0] if len(own) == 1 else ""
        try:
            found = self._engine.inspect(container)
            is_labelled = found is not None and found["Config"]["Labels"][LABEL] == self._grant
            # an image can give its label to every container, also to one of the machine's user
            if found is not None and is_labelled and LABEL not in self._engine.image_labels(str(found["Image"])):
                return str(found["Id"])
        except ContextError as error:
            raise Refused(error.message, "502 Bad Gateway") from None
        except (KeyError, TypeError):
            pass
        return ""

    def _own_ids(self) -> list[str]:
        """Return the whole ids of the containers of the grant. Raises Refused."""
        return [one.id for one in self._labelled() if self._find(one.id)]

    def _labelled(self) -> list[Summary]:
        """Return the containers with the grant's label, which some may have from their image. Raises Refused."""
        try:
            return [one for one in self._engine.containers() if one.labels.get(LABEL) == self._grant]
        except ContextError as error:
            raise Refused(error.message, "502 Bad Gateway") from None

    def _is_own_event(self, own: set[str], line: bytes) -> bool:
        """Tell whether an event is of a container of the grant. ``own``: known ids, to which new ones are added."""
        try:
            id_ = str(loads(line.decode().lstrip(SEPARATOR))["Actor"]["ID"])
            if id_ not in own and self._find(id_):
                own.add(id_)
        except (Refused, ValueError, KeyError, TypeError):
            return False
        return id_ in own

    def _check_exec(self, id_: str) -> None:
        try:
            container = self._engine.container_of(id_)
        except ContextError as error:
            raise Refused(error.message, "502 Bad Gateway") from None
        if not container:
            raise Refused(f"No such exec instance: {id_}", "404 Not Found")
        self._own(container)

    def _queries(self, head: RequestHead, found: Found, own: Sequence[str]) -> list[tuple[str, str]]:
        """Return the names and values for the address. ``own``: the ids of the grant's containers. Raises Refused."""
        kept = [(name, value) for name, value in head.queries if name in found.call.query]
        if not found.call.own:
            return kept
        filters = _filters(head.query("filters"))
        filters["label"] = [*filters.get("label", []), f"{LABEL}={self._grant}"]
        for name in LOOKED_UP & filters.keys():
            filters[name] = [self._own(container) for container in filters[name]]
        if found.call.streams:
            filters["type"] = ["container"]
        else:
            asked = tuple(filters.get("id") or [""])
            filters["id"] = [id_ for id_ in own if id_.startswith(asked)] or [NO_ID]
        shown = {name: dict.fromkeys(values, True) for name, values in filters.items()}
        return [*(pair for pair in kept if pair[0] != "filters"), ("filters", json.dumps(shown))]


def _filters(text: str) -> dict[str, list[str]]:
    """Return the values of filters, by their names. Raises Refused."""
    try:
        found: Any = loads(text) if text else {}
        return {name: [value for value in values if isinstance(value, str)] for name, values in found.items()}
    except (ValueError, TypeError, AttributeError):
        raise Refused("filters that are not JSON", "400 Bad Request") from None


def _body(head: RequestHead, rest: bytes, client: socket.socket) -> bytes:
    """Return the whole body of a request. Raises Refused, OSError."""
    length = head.field("content-length")
    if not length.isascii() or not length.isdigit() or len(length) > len(str(BODY_LIMIT)):
        raise Refused("a body without a length", "411 Length Required")
    size = int(length)
    if size > BODY_LIMIT:
        raise Refused(f"more than {BODY_LIMIT} bytes", "413 Content Too Large")
    data = bytearray(rest)
    deadline = time.monotonic() + BODY_SECONDS
    while len(data) < size:
        client.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = client.recv(size - len(data))
        if not chunk:
            raise Refused("a body that ends in the middle", "400 Bad Request")
        data += chunk
    return bytes(data[:size])
