"""A server on a listening unix socket: one of its threads accepts a connection, serves it, and accepts the next one.

So an answer needs no second thread. Before a thread waits for anything, it hands over: another thread accepts meanwhile. So
the code that answers may simply wait, and threads do not compete for the interpreter while none of them waits.
bench/agent_servers.py compares it with ``asyncio`` and ``socketserver``.
"""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from threading import Lock, Thread, get_ident

__all__ = ["UnixServer"]

SPARE = 16  # threads that wait for their turn; each keeps some 20 KiB, and as many as the most connections would remain
PAUSE = 0.1  # seconds, if the system has no descriptor left
ENDED = (errno.EBADF, errno.EINVAL)  # of accept: the listening socket was closed, or shut down


class UnixServer:
    """Serves connections at the same time, at most so many; more are closed at once. A subclass has ``serve``."""

    def __init__(self, listening: socket.socket, *, connections: int) -> None:
        self._listening = listening
        self._limit = connections
        self._lock = Lock()
        self._turn = Lock()  # held by the thread that accepts, also while it serves
        self._accepting = 0  # that thread
        self._serving: socket.socket | None = None  # its connection
        self._seen: socket.socket | None = None  # the same, at the last look
        self._waiting = 0  # threads that wait for their turn
        self._open: set[socket.socket] = set()
        self._is_closed = False

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection, which is closed afterwards. It calls ``hand_over`` before it waits for anything."""
        raise NotImplementedError

    def start(self) -> None:
        """Serve until the listening socket is closed."""
        Thread(target=self._run, daemon=True).start()

    def hand_over(self) -> None:
        """Let another thread accept, if this one does."""
        with self._lock:
            if self._accepting == get_ident():
                self._pass_on()

    def relieve(self) -> None:
        """Let another thread accept, if the one that does serves the same connection as at the last call.

        That one may wait for a file system that does not answer. To be called every few seconds.
        """
        with self._lock:
            if self._serving is not None and self._serving is self._seen:
                self._pass_on()
            self._seen = self._serving

    def close_connections(self) -> None:
        """End all connections, also those that wait for an answer."""
        with self._lock:
            self._is_closed = True
            for connection in self._open:
                _end(connection)

    def _run(self) -> None:
        while self._takes_turn():
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                if error.errno in ENDED:
                    self._turn.release()  # so that the next thread ends, too
                    return
                time.sleep(PAUSE)
                continue
            if self._is_admitted(connection):
                with suppress(Exception):  # a traceback may have a secret; the connection ends
                    self.serve(connection)
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _takes_turn(self) -> bool:
        """Wait until no other thread accepts; False: enough threads wait."""
        if self._accepting != get_ident():
            with self._lock:
                if self._waiting >= SPARE:
                    return False
                self._waiting += 1
            self._turn.acquire()
            with self._lock:
                self._waiting -= 1
                self._accepting = get_ident()
        self._serving = None
        return True

    def _pass_on(self) -> None:
        """Give the turn to a thread that waits for it, or to a new one."""
        if self._waiting == 0:
            self.start()
        self._accepting = 0
        self._serving = None
        self._turn.release()

    def _is_admitted(self, connection: socket.socket) -> bool:
        """Count a connection; False: there are too many."""
        with self._lock:
            self._serving = connection
            if self._is_closed or len(self._open) >= self._limit:
                return False
            self._open.add(connection)
            return True


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # which the other end has closed
        connection.shutdown(socket.SHUT_RDWR)
