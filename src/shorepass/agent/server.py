"""The agent's server: a thread for each connection, of this user only.

``socketserver`` with a pool of threads was chosen by measurement (bench/agent_servers.py): an answer takes half of the time
that asyncio needs, and the code that answers may simply wait.
"""

from __future__ import annotations

import socket
import socketserver
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client.connection import Connection, ConnectionLost, peer_of
from shorepass.agent_client.frames import BODY_LIMIT, HEADER_SIZE, Frame, FrameError, Kind, UnknownFrame
from shorepass.contexts.caller import Caller, caller_of

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


class Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Serves on a listening socket. ``answer`` sends the answer to a frame, and may raise FrameError before.

    ``uid``: the only user who may connect; None for a grant's socket, where the socket itself is the permission.
    """

    daemon_threads = True

    def __init__(
        self, listening: socket.socket, answer: Answering, *, uid: int | None, limits: Limits = OF_USER
    ) -> None:
        super().__init__(listening.getsockname(), _Handler)
        self.socket = listening
        self.answer = answer
        self.uid = uid
        self.last_request = time.monotonic()
        self.limits = limits
        self._free = BoundedSemaphore(limits.connections)
        self._threads = ThreadPoolExecutor(limits.connections)
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._is_closed = False

    def fileno(self) -> int:
        """Return the socket's descriptor, which ``serve_forever`` waits for."""
        return self.socket.fileno()

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection."""
        return self.socket.accept()

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002  # the base class's
        """Tell whether there is room for one more connection."""
        return self._free.acquire(blocking=False)

    def process_request(  # type: ignore[override]  # a stream socket
        self, request: socket.socket, client_address: object
    ) -> None:
        """Serve one connection in a thread of the pool."""
        self._threads.submit(self.process_request_thread, request, client_address)

    def process_request_thread(  # type: ignore[override]  # a stream socket
        self, request: socket.socket, client_address: object
    ) -> None:
        """Serve one connection, in its own thread."""
        with self._lock:
            self._open.add(request)
            if self._is_closed:
                _end(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def close_connections(self) -> None:
        """End all connections, also those that wait for an answer."""
        with self._lock:
            self._is_closed = True
            for request in self._open:
                _end(request)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]  # it has a socket
        """Close a connection. One that was refused was not counted as open."""
        with self._lock:
            self._open.discard(request)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing, because a traceback may have a secret; the connection ends."""


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


def _end(request: socket.socket) -> None:
    with suppress(OSError):  # which the other end has closed
        request.shutdown(socket.SHUT_RDWR)


def _declined(error: FrameError) -> Frame:
    return Frame(Kind.DECLINE, (str(error).encode(),))
