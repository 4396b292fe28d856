"""Plain HTTP/1.1 to this very machine, on bare sockets.

A registry on loopback is what people try first and what tests use; http.client, ssl and urllib3 cost more time to
import than such a login takes. Only ``localhost`` and loopback addresses are served, never through a proxy.
Source: RFC 9112 for the framing.
"""

from __future__ import annotations

import _socket as socket  # what socket itself wraps; its enums and selectors are 2 ms that nothing here needs
import select
import time
from typing import TYPE_CHECKING

from shorepass.errors import NoAnswer, Unreachable
from shorepass.http import Request, Response, header_lines
from shorepass.names import is_loopback

if TYPE_CHECKING:
    from shorepass.http import Url

__all__ = ["LoopbackTransport", "SocketTransport"]

HEAD_LIMIT = 64 * 1024  # bytes of status line and headers, interim answers included: eight times what servers send
PARTS_LIMIT = 1000  # pieces of a body that are kept apart
LINE_LIMIT = 1024  # bytes of a chunk size line: 16 hex digits and extensions nobody sends
READ_SIZE = 16 * 1024


class _MalformedError(Exception):
    """The bytes are not HTTP; the text says why."""


class SocketTransport:
    """One HTTP client on bare sockets; a subclass says where to connect. Threads may share it.

    Connections are kept between requests, as long as the server does: as many as threads had at the same time.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[socket.socket]] = {}

    def _connect(self, url: Url, deadline: float) -> socket.socket:
        raise NotImplementedError

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:
        """Return the answer. Raises Unreachable, UsageError."""
        return self._exchange(request, limit, timeout)

    def _exchange(self, request: Request, limit: int, timeout: float, then: bytes | None = None) -> Response:
        """Send a request; ``then`` is what follows when the server has answered: from there on it is no longer HTTP."""
        url = request.url
        head = _head(request)
        deadline = time.monotonic() + timeout
        connection: socket.socket | None = None
        try:
            connection = self._take(url) or self._connect(url, deadline)
            _set_timeout(connection, deadline)
            connection.sendall(head + request.body)
            response, keep = _read(connection, request, limit, deadline, then)
        except TimeoutError as error:
            _close(connection)
            raise NoAnswer(url.authority, timeout) from error
        except ConnectionRefusedError as error:
            _close(connection)
            hint = "is the registry running, and on this port?"
            raise Unreachable(url.authority, "connection refused", hint=hint) from error
        except _MalformedError as error:
            _close(connection)
            raise Unreachable(url.authority, f"the answer is not HTTP: {error}") from error
        except OSError as error:
            _close(connection)
            raise Unreachable(url.authority, error.strerror or str(error)) from error
        except BaseException:
            _close(connection)
            raise
        if keep:
            self._kept.setdefault((url.host, url.port), []).append(connection)
        else:
            connection.close()
        return response

    def _take(self, url: Url) -> socket.socket | None:
        """Return a kept connection that the server has not closed: a request is never sent twice."""
        kept = self._kept.get((url.host, url.port), [])
        while kept:
            try:
                connection = kept.pop()
            except IndexError:  # another thread was faster
                break
            if not select.select([connection], [], [], 0)[0]:
                return connection
            connection.close()  # closed, or it says something nobody asked for
        return None

    def close(self) -> None:
        """Close the kept connections."""
        while self._kept:
            for connection in self._kept.popitem()[1]:
                connection.close()


class LoopbackTransport(SocketTransport):
    """Plain http to ``localhost`` and loopback addresses."""

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:
        """Send to a loopback host. Raises Unreachable, UsageError."""
        url = request.url
        if url.scheme != "http" or not is_loopback(url.authority):
            raise ValueError(f"not plain http on loopback: {url.scheme}://{url.authority}")
        return self._exchange(request, limit, timeout)

    def _connect(self, url: Url, deadline: float) -> socket.socket:
        return _connect(url.host, url.port, deadline)


def _head(request: Request) -> bytes:
    lines = [f"{request.method} {request.url.target} HTTP/1.1", f"Host: {request.url.authority}"]
    lines += [f"{name}: {value}" for name, value in header_lines(request)]
    if request.body or request.method not in ("GET", "HEAD", "DELETE"):
        lines.append(f"Content-Length: {len(request.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    refused: OSError = ConnectionRefusedError("no loopback address")
    # Bytes, because getaddrinfo loads the IDNA tables (4 ms) for text.
    for family, kind, protocol, _, address in socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM):
        if not (str(address[0]).startswith("127.") or address[0] == "::1"):
            continue  # a hosts file that points localhost elsewhere does not get a password without TLS
        connection = socket.socket(family, kind, protocol)
        try:
            _set_timeout(connection, deadline)
            connection.connect(address)
        except OSError as error:
            connection.close()
            refused = error
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    raise refused


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()


def _set_timeout(connection: socket.socket, deadline: float) -> None:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    connection.settimeout(remaining)


class _Reader:
    """Bytes from a socket, with one deadline for all of them."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = b""

    def some(self, limit: int) -> bytes:
        """Return 1 to ``limit`` bytes, or ``b""`` at the end."""
        if not self._buffer:
            _set_timeout(self._connection, self._deadline)
            self._buffer = self._connection.recv(READ_SIZE)
        data, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return data

    def line(self, limit: int) -> bytes:
        """Return the next line without its ending."""
        while True:
            end = self._buffer.find(b"\n")
            if end > limit or (end < 0 and len(self._buffer) > limit):
                raise _MalformedError(f"a line or the head is longer than {limit} bytes")
            if end >= 0:
                line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
                return line.removesuffix(b"\r")
            _set_timeout(self._connection, self._deadline)
            data = self._connection.recv(READ_SIZE)
            if not data:
                begun = bool(self._buffer)
                raise _MalformedError("the connection was closed " + ("in its midst" if begun else "without an answer"))
            self._buffer += data

    @property
    def is_empty(self) -> bool:
        return not self._buffer

    def starts_like_http(self) -> None:
        """Raise at once when the first bytes are something else: a TLS server may never send a line ending."""
        if self.is_empty:
            _set_timeout(self._connection, self._deadline)
            self._buffer = self._connection.recv(READ_SIZE)
        if self._buffer[:2] == b"\x15\x03":  # a TLS alert record
            raise _MalformedError("the server speaks TLS")
        if self._buffer and not b"HTTP/1.".startswith(self._buffer[:7]):
            raise _MalformedError("it does not begin with HTTP/1")


def _read(
    connection: socket.socket, request: Request, limit: int, deadline: float, then: bytes | None = None
) -> tuple[Response, bool]:
    """Return the answer, and whether the connection can be used again."""
    reader = _Reader(connection, deadline)
    room = HEAD_LIMIT
    while True:
        reader.starts_like_http()
        version, status, room = _status_line(reader, room)
        headers, room = _headers(reader, room)
        if status >= 200:
            break
        if status == 101:
            raise _MalformedError("the server switched protocols without being asked")
    response = Response(status, headers, b"", request.url)
    if then is not None and status == 200:
        body, truncated = _converse(connection, reader, then, limit, deadline)
        return response._replace(body=body, truncated=truncated), False
    body, ended, truncated = _body(reader, response, request.method, limit)
    closing = "close" in response.header("connection").lower() or version < b"HTTP/1.1"
    keep = ended and not truncated and not closing and reader.is_empty
    return response._replace(body=body, truncated=truncated), keep


def _converse(
    connection: socket.socket, reader: _Reader, then: bytes, limit: int, deadline: float
) -> tuple[bytes, bool]:
    """Send ``then`` and return all that comes, whichever is ready; a server that does not want the rest is heard out."""
    left = memoryview(then)
    writing = [connection]
    body = b"" if reader.is_empty else reader.some(READ_SIZE)
    while len(body) <= limit:
        readable, writable, _ = select.select([connection], writing, [], max(0.0, deadline - time.monotonic()))
        if not readable and not writable:
            raise TimeoutError
        try:
            if writable:
                left = left[connection.send(left[:READ_SIZE], socket.MSG_DONTWAIT) :] if left else left
                if not left:
                    writing = []
                    connection.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass  # less room than select thought
        except (BrokenPipeError, ConnectionResetError):
            writing = []
        try:
            data = connection.recv(READ_SIZE) if readable else None
        except ConnectionResetError:  # it has ended with something of ours unread
            data = b""
        if data == b"":
            break
        body += data or b""
    return body[:limit], len(body) > limit


def _status_line(reader: _Reader, room: int) -> tuple[bytes, int, int]:
    line = reader.line(room)
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not code.isdigit() or rest[3:4].strip() or int(code) < 100:
        raise _MalformedError("the status line is malformed")
    return version, int(code), room - len(line) - 2


def _headers(reader: _Reader, room: int) -> tuple[tuple[tuple[str, str], ...], int]:
    headers: list[tuple[str, str]] = []
    while True:
        line = reader.line(max(room, 0))
        room -= len(line) + 2
        if not line:
            return tuple(headers), room
        name, colon, value = line.partition(b":")
        if (
            not colon or not name or name != name.strip()
        ):  # a folded line begins with a blank: RFC 9112 5.2 lets us refuse
            raise _MalformedError("a header line is malformed")
        headers.append((name.decode("latin-1"), value.strip().decode("latin-1")))


def _body(reader: _Reader, head: Response, method: str, limit: int) -> tuple[bytes, bool, bool]:
    """Return the body, whether its end is known by other means than closing, and whether it was cut."""
    if method == "HEAD" or head.status in (204, 304):
        return b"", True, False
    encodings = ",".join(head.lines("transfer-encoding")).lower()
    if encodings:
        if encodings.strip() != "chunked":
            raise _MalformedError("unknown transfer encoding")
        body, truncated = _chunks(reader, limit)
        return body, True, truncated
    lengths = set(head.lines("content-length"))
    if not lengths:
        body, truncated = _take(reader, None, limit)
        return body, False, truncated
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise _MalformedError("the content length is malformed")
    body, truncated = _take(reader, int(length), limit)
    return body, True, truncated


def _take(reader: _Reader, length: int | None, limit: int) -> tuple[bytes, bool]:
    """Return ``length`` bytes (None: all until the end), cut at ``limit``."""
    parts: list[bytes] = []
    size = 0
    while length is None or size < length:
        if size > limit:
            break
        data = reader.some(READ_SIZE if length is None else length - size)
        if not data:
            if length is not None:
                raise _MalformedError("the connection was closed in the midst of the body")
            break
        parts.append(data)
        size += len(data)
        if len(parts) > PARTS_LIMIT:
            parts = [b"".join(parts)]
    body = b"".join(parts)
    return body[:limit], len(body) > limit


def _chunks(reader: _Reader, limit: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    room = limit
    while True:
        text = reader.line(LINE_LIMIT).partition(b";")[0].strip()
        if not text or len(text) > 16 or not all(c in b"0123456789abcdefABCDEF" for c in text):
            raise _MalformedError("a chunk size is malformed")
        size = int(text, 16)
        if size == 0:
            _headers(reader, HEAD_LIMIT)  # trailers are read and forgotten
            return b"".join(parts), False
        part, truncated = _take(reader, size, room)
        parts.append(part)
        room -= len(part)
        if len(parts) > PARTS_LIMIT:
            parts = [b"".join(parts)]  # a chunk of one byte costs forty
        if truncated:
            return b"".join(parts), True
        if reader.line(LINE_LIMIT):
            raise _MalformedError("a chunk is longer than it says")
