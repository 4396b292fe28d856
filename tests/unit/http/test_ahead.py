"""Work in another thread, and the first connection that is made that way."""

from __future__ import annotations

import socket
import threading
from functools import partial

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.http import Request, Url
from shorepass.http.ahead import Ahead
from shorepass.http.pooled import PooledTransport
from shorepass.registry.certs_d import Certificates
from shorepass.testing import Registry

SECONDS = 60


def test_the_result_or_the_error() -> None:
    """What the work returns is returned, and what it raises is raised."""
    assert Ahead(lambda: 7).result() == 7
    with pytest.raises(ValueError, match="nine"):
        Ahead(partial(int, "nine")).result()


def test_no_longer_than_asked() -> None:
    """A result that is not there in time is an error, and may be there later."""
    go = threading.Event()
    work = Ahead(partial(go.wait, SECONDS))
    with pytest.raises(TimeoutError):
        work.result(0)
    go.set()
    assert work.result(SECONDS)


def test_a_connection_made_ahead_is_used_first() -> None:
    """The first request goes over it, and a later one over a new connection if it is closed."""
    with Registry() as registry:
        wire = Ahead(partial(socket.create_connection, ("127.0.0.1", registry.port)))
        transport = PooledTransport(LocalContext({}), Certificates(), wire=wire)
        request = Request("GET", Url("http", "127.0.0.1", registry.port, "/v2/"))
        assert transport.send(request, limit=1000, timeout=SECONDS).status == 200
        assert len(registry.requests) == 1
        transport.close()
        assert wire.result().fileno() == -1  # it was the transport's
        assert transport.send(request, limit=1000, timeout=SECONDS).status == 200
        transport.close()


def test_an_unused_connection_is_closed() -> None:
    """A transport that is closed before its first request leaves no connection open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Ahead(partial(socket.create_connection, listener.getsockname()))
        PooledTransport(LocalContext({}), Certificates(), wire=wire).close()
        there, _ = listener.accept()
        with there:
            there.settimeout(SECONDS)
            assert there.recv(1) == b""
