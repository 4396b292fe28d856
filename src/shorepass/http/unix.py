"""Plain HTTP/1.1 over a unix socket: how the engines of containers are talked to."""

from __future__ import annotations

import _socket as socket
import sys
import time
from typing import TYPE_CHECKING

from shorepass.errors import Unreachable
from shorepass.http.loopback import SocketTransport

if TYPE_CHECKING:
    from shorepass.http import Request, Response, Url

__all__ = ["UnixTransport"]


class UnixTransport(SocketTransport):
    """Sends every request to the server behind one socket; a request's host is only a name in its header."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def __del__(self) -> None:
        self.close()  # whoever looks into a container has no end to wait for

    def converse(self, request: Request, stdin: bytes, *, limit: int, timeout: float) -> Response:
        """Send a request, and when it has been granted with 200 what is to follow; return all that comes then.

        So ``exec`` works: from the answer's head on, both sides of the connection are the program's. Raises Unreachable.
        """
        return self._exchange(request, limit, timeout, then=stdin)

    def _connect(self, url: Url, deadline: float) -> socket.socket:
        if sys.platform == "win32":
            raise Unreachable(url.authority, "Windows has no sockets of this kind")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            connection.connect(self._path)
        except BaseException:
            connection.close()
            raise
        return connection
