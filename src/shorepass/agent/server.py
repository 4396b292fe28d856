"""The agent's server: it answers frames, of this user only or of a grant's target."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client.connection import Connection, ConnectionLost, peer_of
from shorepass.agent_client.frames import BODY_LIMIT, Frame, FrameError, Kind, UnknownFrame
from shorepass.contexts.caller import Caller, caller_of
from shorepass.http.unix_server import UnixServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Answering = Callable[[Frame, Caller, Connection], None]

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

    Before it waits for anything, it calls ``before_waiting`` of the connection.
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
        if self.uid is None:
            self.hand_over()  # a grant's calls wait for each other, and another user can make /proc wait
        caller = caller_of(peer.pid, peer.uid)
        frames = Connection(connection, REQUEST_SECONDS, limit=self.limits.body, before_waiting=self.hand_over)
        with suppress(ConnectionLost):
            goes_on = frames.has_next(self.limits.idle) and self._answer_one(frames, caller)
            while goes_on and frames.has_next(self.limits.idle):
                self.hand_over()  # because the client may have more frames without an end
                goes_on = self._answer_one(frames, caller)

    def _answer_one(self, connection: Connection, caller: Caller) -> bool:
        """Answer one frame; False at the end. Raises ConnectionLost."""
        self.last_request = time.monotonic()
        try:
            frame = connection.receive()
            if frame is None:
                return False
            self.answer(frame, caller, connection)
        except FrameError as error:
            connection.send(_declined(error))
            return isinstance(error, UnknownFrame)
        return True


def _declined(error: FrameError) -> Frame:
    return Frame(Kind.DECLINE, (str(error).encode(),))
