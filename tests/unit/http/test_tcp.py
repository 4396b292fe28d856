"""HTTP to a TCP port: in plain text to this machine alone, and over TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
import trustme

from shorepass.errors import Unreachable
from shorepass.http import Request, Transport, Url
from shorepass.http.tcp import TcpTransport
from unit.http.transport_contract import TransportContract


class TestTcpTransport(TransportContract):
    """The contract, over a port of this machine."""

    @pytest.fixture
    def transport(self) -> Iterator[TcpTransport]:
        transport = TcpTransport(Url("http", "127.0.0.1", 1, "/"), None)
        yield transport
        transport.close()

    @pytest.fixture
    def listen(self, transport: TcpTransport) -> Callable[[], socket.socket]:
        def make() -> socket.socket:
            """Return a listener that the transport connects to from now on."""
            listener = socket.create_server(("127.0.0.1", 0))
            transport._server = transport._server._replace(port=listener.getsockname()[1])
            return listener

        return make

    def test_closed_port(self, transport: Transport) -> None:
        """A port that no program serves is said to be that."""
        with pytest.raises(Unreachable, match="connection refused") as caught:
            transport.send(Request("GET", Url("http", "localhost", 80, "/")), limit=1, timeout=60)
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_plain_text_stays_on_this_machine() -> None:
    """A name that leads to another machine gets nothing without TLS."""
    transport = TcpTransport(Url("http", "192.0.2.9", 2375, "/"), None)
    with pytest.raises(Unreachable, match="connection refused"):
        transport.send(Request("GET", Url("http", "localhost", 80, "/")), limit=1, timeout=5)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_server_with_tls(trusted: bool) -> None:
    """The certificate is checked, and nothing is sent to a server that has none of the authority."""
    mine, theirs = trustme.CA(), trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    (mine if trusted else theirs).issue_cert("127.0.0.1").configure_cert(server)
    mine.configure_trust(client)
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        wire, _ = listener.accept()
        with wire:
            try:
                with server.wrap_socket(wire, server_side=True) as stream:
                    heard.append(stream.recv(65536))
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        transport = TcpTransport(Url("http", "127.0.0.1", listener.getsockname()[1], "/"), client)
        request = Request("GET", Url("http", "localhost", 80, "/x"))
        if trusted:
            assert transport.send(request, limit=10, timeout=20).body == b"hi"
        else:
            with pytest.raises(Unreachable, match="TLS: certificate verify failed"):
                transport.send(request, limit=10, timeout=20)
        transport.close()
        thread.join(20)
    assert bool(heard) is trusted
