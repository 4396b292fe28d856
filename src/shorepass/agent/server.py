"""The agent's server: it answers frames, of this user only or of a grant's target."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
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
        super().__init__(listening, connections=limits.connections)
        self.answer = answer
        self.uid = uid
        self.last_request = time.monotonic()
        self.limits = limits

    def serve(self, connection: socket.socket) -> None:
        """Answer frame after frame, until the end of the connection."""
        peer = peer_of(connection)
        if self.uid is not None and peer.uid != self.uid:
            return
        caller = caller_of(peer.pid, peer.uid)
        frames = Connection(connection, REQUEST_SECONDS, limit=self.limits.body)
        with suppress(ConnectionLost):
            while self._answer_one(frames, caller):
                pass

    def _answer_one(self, connection: Connection, caller: Caller) -> bool:
        """Answer one frame; False at the end. Raises ConnectionLost."""
        connection.wire.settimeout(self.limits.idle)
        try:
            first = connection.wire.recv(HEADER_SIZE)
        except OSError:
            return False
        if not first:
            return False
        deadline = time.monotonic() + REQUEST_SECONDS
        self.last_request = time.monotonic()
        try:
            self.answer(connection.rest_of(first, deadline), caller, connection.send)
        except FrameError as error:
            connection.send(_declined(error))
            return isinstance(error, UnknownFrame)
        return True


def _declined(error: FrameError) -> Frame:
    return Frame(Kind.DECLINE, (str(error).encode(),))
