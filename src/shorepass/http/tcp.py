"""Plain HTTP/1.1 to an engine's TCP port: over TLS, and without it only on this machine."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from shorepass.errors import Unreachable
from shorepass.http.dial import dial
from shorepass.http.tls import words
from shorepass.http.unix import StreamTransport

if TYPE_CHECKING:
    from shorepass.http import Url

__all__ = ["TcpTransport"]


class TcpTransport(StreamTransport):
    """Sends every request to one server. ``tls``: its settings; None: plain text, and only to an address of this machine."""

    def __init__(self, server: Url, tls: ssl.SSLContext | None) -> None:
        super().__init__(self._connected)
        self._server = server
        self._tls = tls

    def _connected(self, deadline: float) -> socket.socket:
        server = self._server
        wire = dial(server.host, server.port, deadline, only_loopback=self._tls is None)
        if self._tls is None:
            return wire
        try:
            wire.settimeout(max(0.001, deadline - time.monotonic()))
            return self._tls.wrap_socket(wire, server_hostname=server.host)
        except TimeoutError:
            wire.close()
            raise
        except OSError as error:
            wire.close()
            raise Unreachable(server.authority, f"TLS: {words(error)}") from error
