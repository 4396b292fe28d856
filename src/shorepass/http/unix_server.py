"""A server on a listening unix socket: a thread for each connection, and an end for all of them.

``socketserver`` with a pool of threads was chosen by measurement (bench/agent_servers.py): an answer takes half of the time
that asyncio needs, and the code that answers may simply wait.
"""

from __future__ import annotations

import socket
import socketserver
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore, Lock

__all__ = ["UnixServer"]


class UnixServer(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Serves on a listening socket. ``handler``: the class of a connection. More ``connections`` at once are refused."""

    daemon_threads = True

    def __init__(
        self, listening: socket.socket, handler: type[socketserver.BaseRequestHandler], *, connections: int
    ) -> None:
        super().__init__(listening.getsockname(), handler)
        self.socket = listening
        self._free = BoundedSemaphore(connections)
        self._threads = ThreadPoolExecutor(connections)
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


def _end(request: socket.socket) -> None:
    with suppress(OSError):  # which the other end has closed
        request.shutdown(socket.SHUT_RDWR)
