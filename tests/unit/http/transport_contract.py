"""What every transport keeps to, whatever it speaks over: one class of tests for all of them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shorepass import __version__
from shorepass.errors import Unreachable, UsageError
from shorepass.http import Request, Response, Transport, Url

LIMIT = 1000


class Peer:
    """A server that says prepared bytes: one piece for each request, a None hangs up. ``heard`` is what it was sent."""

    def __init__(
        self, pieces: list[bytes | None], *, pause: float = 0.0, listener: socket.socket | None = None
    ) -> None:
        self._pieces = pieces
        self._pause = pause
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = 5000 if listener else self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.connections = 0
        self._current: socket.socket | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        pieces = iter(self._pieces)
        while not self._done.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._current = connection
            with connection, contextlib.suppress(OSError):
                self._talk(connection, pieces)

    def _talk(self, connection: socket.socket, pieces: Iterator[bytes | None]) -> None:
        connection.settimeout(5)
        while not self._done.is_set():
            heard = _one_request(connection)
            if not heard:
                return
            self.heard.append(heard)
            piece = next(pieces, None)
            if piece is None:
                return
            if self._pause:
                for byte in piece:
                    connection.sendall(bytes([byte]))
                    if self._done.wait(self._pause):
                        return
            else:
                connection.sendall(piece)
            if b"close" in piece or (b"Content-Length" not in piece and b"chunked" not in piece):
                return

    def stop(self) -> None:
        self._done.set()
        if self._current is not None:
            with contextlib.suppress(OSError):
                self._current.shutdown(socket.SHUT_RDWR)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


def _one_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            while len(body) < int(line.partition(b":")[2]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def whole(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    """Return a well-framed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class TransportContract:
    """Subclasses say how to make a transport that reaches plain http on 127.0.0.1."""

    @pytest.fixture
    def transport(self) -> Iterator[Transport]:
        raise NotImplementedError

    @pytest.fixture
    def listen(self) -> Callable[[], socket.socket | None]:
        """Return what makes a listener that the transport reaches, None: a port of 127.0.0.1."""
        return lambda: None

    @pytest.fixture
    def peer(self, listen: Callable[[], socket.socket | None]) -> Iterator[Callable[..., Peer]]:
        peers: list[Peer] = []

        def start(*pieces: bytes | None, pause: float = 0.0) -> Peer:
            peers.append(Peer(list(pieces), pause=pause, listener=listen()))
            return peers[-1]

        yield start
        for peer in peers:
            peer.stop()

    @staticmethod
    def get(
        transport: Transport, peer: Peer, *, method: str = "GET", timeout: float = 5, body: bytes = b""
    ) -> Response:
        url = Url("http", "127.0.0.1", peer.port, "/v2/?a=b")
        return transport.send(
            Request(method, url, (("Authorization", "Basic eDp5"),), body), limit=LIMIT, timeout=timeout
        )

    def test_request_on_the_wire(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """One request with host, our name, no compression, the given headers, and nothing of the user's own."""
        server = peer(whole(b"ok"))
        assert self.get(transport, server).body == b"ok"
        (heard,) = server.heard
        lines = heard.decode().split("\r\n")
        assert lines[0] == "GET /v2/?a=b HTTP/1.1"
        assert sorted(line for line in lines[1:] if line) == sorted(
            [
                f"Host: 127.0.0.1:{server.port}",
                f"User-Agent: shorepass/{__version__}",
                "Accept: */*",
                "Accept-Encoding: identity",
                "Authorization: Basic eDp5",
            ]
        )

    def test_body_is_sent_with_its_length(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """A POST has a Content-Length, also when its body is empty."""
        server = peer(whole(), whole())
        self.get(transport, server, method="POST", body=b"grant_type=x")
        self.get(transport, server, method="POST")
        assert b"Content-Length: 12\r\n" in server.heard[0]
        assert server.heard[0].endswith(b"\r\n\r\ngrant_type=x")
        assert b"Content-Length: 0\r\n" in server.heard[1]

    def test_connection_is_kept(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """The requests of a login share a connection, also after an error's body and after HEAD."""
        server = peer(whole(b"no", "401 Unauthorized"), whole(), whole(b"yes"))
        assert self.get(transport, server).status == 401
        self.get(transport, server, method="HEAD")
        assert self.get(transport, server).body == b"yes"
        assert server.connections == 1

    def test_header_lines_stay_apart(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """Two lines of one name are two lines, in their order."""
        server = peer(whole(b"", "401 x", "WWW-Authenticate: Bearer realm=a", "www-authenticate: Basic realm=b"))
        assert self.get(transport, server).lines("WWW-Authenticate") == ["Bearer realm=a", "Basic realm=b"]

    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
                b"abcde",
            ),
            (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
            (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
            (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        ],
        ids=["chunked", "until close", "1.0", "after 100", "after 103", "204", "no reason"],
    )
    def test_framings(self, transport: Transport, peer: Callable[..., Peer], answer: bytes, body: bytes) -> None:
        """Every framing of HTTP/1.1 gives the body and nothing but the body."""
        assert self.get(transport, peer(answer)).body == body

    def test_head_has_no_body(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """The Content-Length of a HEAD's answer is not waited for."""
        server = peer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        assert self.get(transport, server, method="HEAD").body == b""

    @pytest.mark.parametrize("length", [LIMIT + 1, LIMIT * 300])
    @pytest.mark.parametrize("framing", ["length", "chunked", "close"])
    def test_body_is_cut_at_the_limit(
        self, transport: Transport, peer: Callable[..., Peer], framing: str, length: int
    ) -> None:
        """A larger body is cut, and said to be; the next request still gets its own answer."""
        body = b"x" * length
        first = {
            "length": whole(body),
            "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (length, body),
            "close": b"HTTP/1.1 200 OK\r\n\r\n" + body,
        }[framing]
        server = peer(first, whole(b"next"))
        response = self.get(transport, server)
        assert (len(response.body), response.truncated) == (LIMIT, True)
        assert self.get(transport, server).body == b"next"

    def test_body_of_exactly_the_limit_is_whole(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """The limit itself is allowed."""
        response = self.get(transport, peer(whole(b"x" * LIMIT)))
        assert (len(response.body), response.truncated) == (LIMIT, False)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, transport: Transport, peer: Callable[..., Peer], status: int) -> None:
        """A redirect is an answer like any other."""
        elsewhere = peer(whole())
        server = peer(whole(b"", f"{status} x", f"Location: http://127.0.0.1:{elsewhere.port}/"))
        assert self.get(transport, server).status == status
        assert elsewhere.heard == []

    def test_cookies_are_not_kept(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """What a server sets is not sent back."""
        server = peer(whole(b"", "200 OK", "Set-Cookie: a=b"), whole())
        self.get(transport, server)
        self.get(transport, server)
        assert b"ookie" not in server.heard[1]

    def test_compressed_body_is_not_unpacked(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """A body that claims to be compressed stays as it is: nothing can blow up in memory."""
        server = peer(whole(b"\x1f\x8bxx", "200 OK", "Content-Encoding: gzip"))
        assert self.get(transport, server).body == b"\x1f\x8bxx"

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            b"garbage without end",
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort close",
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut close",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
            b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + b"x" * LIMIT * 100,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab close",
            b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000 + b"\r\n",
            b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 2000 + b"\r\n") * 50 + b"\r\n",
        ],
        ids=[
            "nothing",
            "garbage",
            "TLS",
            "status",
            "longer",
            "cut",
            "101",
            "endless 100",
            "endless 103",
            "negative chunk size",
            "chunk size",
            "cut chunk",
            "long line",
            "many lines",
            "a long head",
        ],
    )
    def test_what_is_not_http(self, transport: Transport, peer: Callable[..., Peer], answer: bytes | None) -> None:
        """Bytes that are no answer are Unreachable, after one request."""
        server = peer(answer)
        if answer is not None and b"short" in answer:
            assert self.get(transport, server).body == b"short clos"  # what is beyond its length does not count
            return
        with pytest.raises(Unreachable) as caught:
            self.get(transport, server)
        assert caught.value.registry == f"127.0.0.1:{server.port}"
        assert caught.value.message.isprintable()
        assert len(server.heard) == 1

    def test_connection_that_is_closed_without_an_answer(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """The error says so in Shorepass's words, not in those of a library."""
        server = peer(b"")
        with pytest.raises(Unreachable, match="the connection was closed without an answer"):
            self.get(transport, server)

    @pytest.mark.parametrize("answer", [whole(b"x" * 3000), b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3000])
    def test_one_deadline_for_all(self, transport: Transport, peer: Callable[..., Peer], answer: bytes) -> None:
        """A server that sends a byte now and then does not hold us longer than one that sends none."""
        server = peer(answer, pause=0.1)
        begin = time.monotonic()
        with pytest.raises(Unreachable, match=r"no answer within 0\.5 seconds"):
            self.get(transport, server, timeout=0.5)
        assert time.monotonic() - begin < 60

    def test_closed_port(self, transport: Transport) -> None:
        """Nobody listening is said in these words, with a hint."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(Unreachable, match="connection refused") as caught:
            transport.send(Request("GET", Url("http", "127.0.0.1", port, "/")), limit=LIMIT, timeout=60)
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)
        assert caught.value.hint

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "\x00", "é"])
    def test_a_header_cannot_become_two(self, transport: Transport, peer: Callable[..., Peer], value: str) -> None:
        """A value that would end its line is refused, unsent and unshown."""
        server = peer(whole())
        request = Request("GET", Url("http", "127.0.0.1", server.port, "/"), (("Authorization", value),))
        with pytest.raises(UsageError) as caught:
            transport.send(request, limit=LIMIT, timeout=60)
        assert "Evil" not in caught.value.message
        assert server.heard == []

    def test_connection_that_the_server_closed(self, transport: Transport, peer: Callable[..., Peer]) -> None:
        """After a server hung up, the next request takes a new connection."""
        server = peer(whole(b"1", "200 OK", "Connection: close"), whole(b"2"))
        assert self.get(transport, server).body == b"1"
        assert self.get(transport, server).body == b"2"
        assert server.connections == 2
