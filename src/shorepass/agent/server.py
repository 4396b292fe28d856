"""The agent's server: it answers frames, of this user only or of a grant's target."""

from __future__ import annotations

import socket
import socketserver
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client.connection import Connection, ConnectionLost, peer_of
from shorepass.agent_client.frames import BODY_LIMIT, HEADER_SIZE, Frame, FrameError, Kind, UnknownFrame
from shorepass.contexts.caller import Caller, caller_of
from shorepass.http.unix_server import UnixServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[Frame], None]
    Answering = Callable[[Frame, Caller, Send], None]

__all__ = ["Limits", "Server"]

REQUEST_SECONDS = 10.0  # for the whole request


class Limits(NamedTuple):
    """What the other end may need. ``idle``: seconds for the first byte of a request. ``body``: bytes of a request."""

    connections: int = 2000
    idle: float = 600.0
    body: int = BODY_LIMIT


OF_USER = Limits()


class Server(UnixServer):
    """Serves on a listening socket. ``answer`` sends the answer to a frame, and may raise FrameError before.

    ``uid``: the only user who may connect; None for a grant's socket, where the socket itself is the permission.
    """

    def __init__(
        self, listening: socket.socket, answer: Answering, *, uid: int | None, limits: Limits = OF_USER
    ) -> None:
        super().__init__(listening, _Handler, connections=limits.connections)
        self.answer = answer
        self.uid = uid
        self.last_request = time.monotonic()
        self.limits = limits


class _Handler(socketserver.BaseRequestHandler):
    """One connection: frame after frame, until its end."""

    request: socket.socket
    server: Server

    def handle(self) -> None:
        peer = peer_of(self.request)
        if self.server.uid is not None and peer.uid != self.server.uid:
            return
        caller = caller_of(peer.pid, peer.uid)
        connection = Connection(self.request, REQUEST_SECONDS, limit=self.server.limits.body)
        try:
            while self._serve(connection, caller):
                pass
        except ConnectionLost:
            return

    def _serve(self, connection: Connection, caller: Caller) -> bool:
        """Answer one frame; False at the end. Raises ConnectionLost."""
        self.request.settimeout(self.server.limits.idle)
        try:
            first = self.request.recv(HEADER_SIZE)
        except OSError:
            return False
        if not first:
            return False
        deadline = time.monotonic() + REQUEST_SECONDS
        self.server.last_request = time.monotonic()
        try:
            self.server.answer(connection.rest_of(first, deadline), caller, connection.send)
        except FrameError as error:
            connection.send(_declined(error))
            return isinstance(error, UnknownFrame)
        return True


def _declined(error: FrameError) -> Frame:
    return Frame(Kind.DECLINE, (str(error).encode(),))
