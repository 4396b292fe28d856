"""Reads an answer with ``http.client``, with a limit of time and bytes.

``http.client`` limits a line and the number of headers. It does not limit interim answers or the time between two bytes, and a
chunk of size ``-1`` makes it read to the end of the connection.
"""

from __future__ import annotations

import time
from http.client import BadStatusLine, HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

__all__ = ["BoundedAnswer", "read_body"]

HEAD_LIMIT = 64 * 1024  # bytes of status line and headers, with interim answers: eight times what servers send
FRAMING = 8  # bytes on the wire for each byte of a body, because a chunk of one byte needs six
PIECE = 4 * 1024  # bytes that are read at once, because http.client keeps each chunk of a reading apart


class BoundedAnswer(HTTPResponse):
    """The answer on a connection.

    ``deadline``: by the monotonic clock, in seconds. ``limit``: how many bytes of the body the caller reads at most.
    Reading raises TimeoutError, HTTPException, OSError, ValueError.
    """

    def __init__(self, wire: socket.socket, method: str | None = None, *, deadline: float, limit: int) -> None:
        super().__init__(wire, method=method)
        self._arriving = _Metered(wire, self.fp.detach(), deadline)
        self.fp = BufferedReader(self._arriving)
        self._room = HEAD_LIMIT + FRAMING * limit

    def begin(self) -> None:
        """Read the head; interim answers are skipped."""
        if self.fp.peek(1)[:1] not in (b"", b"H"):  # a TLS server may wait after its alert, which has no line end
            raise BadStatusLine("the answer does not begin with HTTP")
        super().begin()
        while 101 < self.status < 200:
            self.headers = None  # type: ignore[assignment]  # so that http.client reads a head again
            super().begin()
        if self.status == 101:
            raise BadStatusLine("the server switched protocols without being asked")
        self._arriving.room = self._room


class _Metered(RawIOBase):
    """The bytes of one answer, until its time or its size limit ends."""

    def __init__(self, wire: socket.socket, arriving: RawIOBase, deadline: float) -> None:
        self._wire = wire
        self._arriving = arriving
        self._deadline = deadline
        self.room = HEAD_LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._wire.settimeout(left)
        size = self._arriving.readinto(buffer)
        self.room -= size or 0
        if self.room < 0:
            raise HTTPException("the answer is too long")
        return size

    def close(self) -> None:
        self._arriving.close()
        super().close()


def read_body(read: Callable[[int], bytes], limit: int) -> bytes:
    """Return what ``read`` returns until its end, at most ``limit`` bytes and one.

    By the additional byte the caller sees that the body is longer.
    """
    body = bytearray()
    while len(body) <= limit:
        piece = read(min(PIECE, limit + 1 - len(body)))
        if not piece:
            break
        body += piece
    return bytes(body)
