"""The lean transport for plain http on this very machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shorepass.http import Request, Transport, Url, parse_url
from shorepass.http.loopback import LoopbackTransport
from unit.http.transport_contract import Peer, TransportContract, whole


class TestLoopbackTransport(TransportContract):
    """The contract, over the lean transport."""

    @pytest.fixture
    def transport(self) -> Iterator[Transport]:
        transport = LoopbackTransport()
        yield transport
        transport.close()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "http://example.com/", "http://127.0.0.1.example.com/", "http://10.0.0.1/"]
)
def test_only_loopback_is_served(url: str) -> None:
    """Another host, or TLS, is a mistake of the program and never sent."""
    with pytest.raises(ValueError, match="loopback"):
        LoopbackTransport().send(Request("GET", parse_url(url)), limit=1, timeout=1)


def test_localhost_by_name() -> None:
    """``localhost`` reaches a server that listens on 127.0.0.1 only."""
    peer = Peer([whole(b"here")])
    transport = LoopbackTransport()
    try:
        url = Url("http", "localhost", peer.port, "/")
        assert transport.send(Request("GET", url), limit=10, timeout=60).body == b"here"
        assert f"Host: localhost:{peer.port}".encode() in peer.heard[0]
    finally:
        transport.close()
        peer.stop()
