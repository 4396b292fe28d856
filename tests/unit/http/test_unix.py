"""HTTP over a unix socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shorepass.errors import Unreachable
from shorepass.http import Request, Transport, Url
from shorepass.http.unix import UnixTransport
from unit.http.transport_contract import TransportContract

URL = Url("http", "localhost", 80, "/there?a=b")


class TestUnixTransport(TransportContract):
    """The contract, over a unix socket."""

    @pytest.fixture
    def listen(self, tmp_path: Path) -> Callable[[], socket.socket]:
        def make() -> socket.socket:
            """Return a listener behind the one path; an older one can no longer be reached."""
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(tmp_path / "new"))
            listener.listen()
            (tmp_path / "new").rename(tmp_path / "s")
            return listener

        return make

    @pytest.fixture
    def transport(self, tmp_path: Path) -> Iterator[Transport]:
        transport = UnixTransport(str(tmp_path / "s"))
        yield transport
        transport.close()

    def test_closed_port(self, transport: Transport, listen: Callable[[], socket.socket]) -> None:
        """A socket that no program serves is said to be that."""
        listen().close()
        with pytest.raises(Unreachable, match="connection refused") as caught:
            transport.send(Request("GET", URL), limit=1, timeout=60)
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@contextlib.contextmanager
def served(path: Path, talk: Callable[[socket.socket], None]) -> Iterator[list[int]]:
    """Serve a socket, each connection by ``talk`` in a thread; yields a list with an item for each connection."""
    connections: list[int] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            talk(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(1)
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=accept, daemon=True).start()
        yield connections
        listener.shutdown(socket.SHUT_RDWR)


def answer(connection: socket.socket) -> None:
    """Answer each request with its first line."""
    while data := connection.recv(10_000):
        line = data.partition(b"\r\n")[0]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(line), line))


def test_request_and_kept_connection(tmp_path: Path) -> None:
    """The answer arrives; a second request takes the same connection."""
    transport = UnixTransport(str(tmp_path / "s"))
    with served(tmp_path / "s", answer) as connections:
        for _ in range(2):
            assert transport.send(Request("GET", URL), limit=100, timeout=60).body == b"GET /there?a=b HTTP/1.1"
        assert connections == [1]
        transport.close()


def test_threads_share_it(tmp_path: Path) -> None:
    """Many threads at a time get each its own answer, over as many connections as are needed at once and no more."""
    transport = UnixTransport(str(tmp_path / "s"))
    wrong: list[str] = []

    def ask(number: int) -> None:
        for turn in range(50):
            target = f"/{number}/{turn}"
            response = transport.send(Request("GET", URL._replace(target=target)), limit=100, timeout=60)
            if response.body != f"GET {target} HTTP/1.1".encode():
                wrong.append(target)

    with served(tmp_path / "s", answer) as connections:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(connections) <= 8
        transport.close()


@pytest.mark.parametrize("reads", [True, False])
def test_converse(tmp_path: Path, reads: bool) -> None:
    """After the head both sides are a program's: much goes in and out at once, and what is not read harms nothing."""
    data = b"x" * 1_000_000

    def talk(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while reads and (chunk := connection.recv(65536)):
            connection.sendall(chunk)
        connection.sendall(b"end")

    transport = UnixTransport(str(tmp_path / "s"))
    with served(tmp_path / "s", talk):
        response = transport.converse(Request("POST", URL), data, limit=2_000_000, timeout=60)
    assert response.body == (data if reads else b"") + b"end"


def test_converse_is_bounded(tmp_path: Path) -> None:
    """What never ends is cut at the limit, and what never comes ends with the time."""

    def talk(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 100)
        connection.recv(10)
        connection.recv(10)

    transport = UnixTransport(str(tmp_path / "s"))
    with served(tmp_path / "s", talk):
        response = transport.converse(Request("POST", URL), b"", limit=50, timeout=60)
        assert (response.body, response.truncated) == (b"y" * 50, True)
        with pytest.raises(Unreachable, match="no answer within"):
            transport.send(Request("GET", URL), limit=1000, timeout=0.2)


def test_nobody_there(tmp_path: Path) -> None:
    """No socket, and a socket that nobody serves any more, are errors of ours."""
    with pytest.raises(Unreachable, match=r"(?i)no such file"):
        UnixTransport(str(tmp_path / "s")).send(Request("GET", URL), limit=1, timeout=1)
    with served(tmp_path / "s", answer):
        pass
    with pytest.raises(Unreachable, match="refused"):
        UnixTransport(str(tmp_path / "s")).send(Request("GET", URL), limit=1, timeout=1)
