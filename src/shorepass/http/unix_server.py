"""A server on a listening unix socket: each of its threads accepts a connection, serves it, and accepts the next one.

So an answer needs no second thread, and the code that answers may simply wait. bench/agent_servers.py compares it with
``asyncio`` and ``socketserver``.
"""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from threading import Lock, Thread

__all__ = ["UnixServer"]

PAUSE = 0.1  # seconds, if the system has no descriptor left
ENDED = (errno.EBADF, errno.EINVAL)  # of accept: the listening socket was closed, or shut down


class UnixServer:
    """Serves connections at the same time, at most so many; more are closed at once. A subclass has ``serve``."""

    def __init__(self, listening: socket.socket, *, connections: int) -> None:
        self._listening = listening
        self._limit = connections
        self._lock = Lock()
        self._waiting = 0  # threads in accept
        self._open: set[socket.socket] = set()
        self._is_closed = False

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection, which is closed afterwards."""
        raise NotImplementedError

    def start(self) -> None:
        """Serve until the listening socket is closed."""
        self._waiting += 1
        Thread(target=self._run, daemon=True).start()

    def close_connections(self) -> None:
        """End all connections, also those that wait for an answer."""
        with self._lock:
            self._is_closed = True
            for connection in self._open:
                _end(connection)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                if error.errno in ENDED:
                    return
                time.sleep(PAUSE)
                continue
            if self._is_admitted(connection):
                with suppress(Exception):  # a traceback may have a secret; the connection ends
                    self.serve(connection)
            with self._lock:
                self._open.discard(connection)
                self._waiting += 1
            connection.close()

    def _is_admitted(self, connection: socket.socket) -> bool:
        """Count a connection, and make sure that a thread waits for the next one; False: there are too many."""
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0:
                self._waiting += 1
                Thread(target=self._run, daemon=True).start()
            if self._is_closed or len(self._open) >= self._limit:
                return False
            self._open.add(connection)
            return True


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # which the other end has closed
        connection.shutdown(socket.SHUT_RDWR)
