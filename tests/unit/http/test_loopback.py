"""Plain http to this very machine: no proxy, and no other machine, whatever the environment and the hosts file say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.errors import Unreachable
from shorepass.http import Request, Url
from shorepass.http.pooled import PooledTransport
from shorepass.registry.certs_d import Certificates
from unit.http.transport_contract import Peer, whole


@pytest.fixture
def here() -> Iterator[Peer]:
    peer = Peer([whole(b"here")])
    yield peer
    peer.stop()


@pytest.mark.parametrize(
    "environ", [{}, {"HTTP_PROXY": "http://127.0.0.1:1"}, {"HTTP_PROXY": "x", "REQUEST_METHOD": "GET"}]
)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_by_name_and_without_a_proxy(here: Peer, host: str, environ: dict[str, str]) -> None:
    """``localhost`` reaches a server that listens on 127.0.0.1 only; no variable sends it elsewhere."""
    transport = PooledTransport(LocalContext(environ), Certificates())
    try:
        url = Url("http", host, here.port, "/")
        assert transport.send(Request("GET", url), limit=10, timeout=60).body == b"here"
        assert f"Host: {host}:{here.port}".encode() in here.heard[0]
    finally:
        transport.close()


def test_a_hosts_file_that_points_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """``localhost`` at an address of another machine gets nothing without TLS."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        listener.settimeout(0.2)
        elsewhere = ("0.0.0.0", listener.getsockname()[1])  # reaches this machine, but is no loopback address
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", elsewhere)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        transport = PooledTransport(LocalContext({}), Certificates())
        with pytest.raises(Unreachable, match="refused"):
            transport.send(Request("GET", Url("http", "localhost", elsewhere[1], "/")), limit=10, timeout=60)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_tls_server_that_waits_after_its_alert() -> None:
    """What does not begin as HTTP is refused at its first byte: https can be tried in the time that is left."""
    over = threading.Event()

    def serve() -> None:
        connection = listener.accept()[0]
        connection.recv(10_000)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")
        over.wait(60)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        transport = PooledTransport(LocalContext({}), Certificates())
        try:
            url = Url("http", "127.0.0.1", listener.getsockname()[1], "/")
            with pytest.raises(Unreachable, match="not HTTP"):
                transport.send(Request("GET", url), limit=10, timeout=50)
        finally:
            over.set()
            thread.join()
            transport.close()
