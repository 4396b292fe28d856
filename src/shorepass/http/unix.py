"""Plain HTTP/1.1 over a unix socket, or another stream, by ``http.client``, for container engines."""

from __future__ import annotations

import contextlib
import io
import select
import socket
import sys
import time
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from threading import Thread
from typing import TYPE_CHECKING

from shorepass.errors import NoAnswer, Unreachable
from shorepass.http import Response, header_lines
from shorepass.http.bounded_answer import BoundedAnswer, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.http import Request

__all__ = ["StreamTransport", "UnixTransport"]


class StreamTransport:
    """Sends every request to one server. ``connect``: opens a stream to it before a deadline, by the monotonic clock.

    A request's host is only a name in its header. Threads may share a transport. It keeps as many connections as threads have
    used at the same time.
    """

    def __init__(self, connect: Callable[[float], socket.socket]) -> None:
        self._connect = connect
        self._kept: list[_Connection] = []

    def __del__(self) -> None:
        self.close()  # because no caller closes a container's context

    def close(self) -> None:
        """Close the kept connections."""
        while self._kept:
            self._kept.pop().close()

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:
        """Return the answer, its body cut at ``limit`` bytes.

        Raises Unreachable, UsageError.
        """
        return self._exchange(request, None, limit, timeout)

    def converse(self, request: Request, stdin: bytes, *, limit: int, timeout: float) -> Response:
        """Send a request, and ``stdin`` after an answer of status 200; return the output.

        The engine's ``exec`` works like this: after the head of the answer, the connection is the program's input and output.
        Raises Unreachable.
        """
        return self._exchange(request, stdin, limit, timeout)

    def hijack(self, request: Request, *, limit: int, timeout: float) -> tuple[Response, socket.socket | None]:
        """Send a request that makes the connection a program's input and output.

        Return the answer, and the connection if its status is 101 or 200. Raises Unreachable.
        """
        name = request.url.authority
        try:
            wire = self._connect(time.monotonic() + timeout)
            with contextlib.ExitStack() as opened:
                opened.enter_context(wire)
                wire.settimeout(timeout)
                lines = [f"{request.method} {request.url.target} HTTP/1.1", f"Host: {name}", "Connection: Upgrade"]
                lines += ["Upgrade: tcp", f"Content-Length: {len(request.body)}"]
                lines += [f"{key}: {value}" for key, value in header_lines(request)]
                wire.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)
                answer = HTTPResponse(_Unbuffered(wire), method=request.method)  # type: ignore[arg-type]
                answer.begin()
                response = Response(answer.status, tuple(answer.getheaders()), b"", request.url)
                if answer.status not in (101, 200):
                    return _cut(response, read_body(answer.read, limit), limit), None
                wire.settimeout(None)
                opened.pop_all()
                return response, wire
        except TimeoutError as error:
            raise NoAnswer(name, timeout) from error
        except (HTTPException, ValueError) as error:
            raise Unreachable(name, f"the answer is not HTTP ({type(error).__name__})") from error
        except OSError as error:
            raise Unreachable(name, error.strerror or str(error)) from error

    def _exchange(self, request: Request, stdin: bytes | None, limit: int, timeout: float) -> Response:
        name = request.url.authority
        connection = self._take() or _Connection(self._connect)
        try:
            response = connection.exchange(request, stdin, limit, time.monotonic() + timeout)
        except TimeoutError as error:
            raise NoAnswer(name, timeout) from error
        except RemoteDisconnected as error:  # first, because it is also an HTTPException
            raise Unreachable(name, "the connection was closed without an answer") from error
        except (HTTPException, ValueError) as error:
            raise Unreachable(name, f"the answer is not HTTP ({type(error).__name__})") from error
        except ConnectionRefusedError as error:
            raise Unreachable(name, "connection refused") from error
        except OSError as error:
            raise Unreachable(name, error.strerror or str(error)) from error
        finally:
            if connection.is_reusable:
                self._kept.append(connection)
            else:
                connection.close()
        return response

    def _take(self) -> _Connection | None:
        """Return a kept connection that the server has not closed, or None.

        On a closed one, the request would have to be sent twice.
        """
        while self._kept:
            try:
                connection = self._kept.pop()
            except IndexError:  # because another thread took it
                break
            if connection.is_silent:
                return connection
            connection.close()  # because the server closed it, or sends what it was not asked for
        return None


class _Unbuffered:
    """A socket whose file reads no byte behind what was asked for: it belongs to the program."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire

    def makefile(self, mode: str) -> io.RawIOBase:
        """Return the file that ``http.client`` reads the head from."""
        return self._wire.makefile(mode, buffering=0)  # type: ignore[call-overload,no-any-return]


class UnixTransport(StreamTransport):
    """Sends every request to the server behind one socket."""

    def __init__(self, path: str) -> None:
        super().__init__(partial(_connected, path))


def _connected(path: str, deadline: float) -> socket.socket:
    if sys.platform == "win32":
        raise OSError("Windows has no such sockets")
    wire = socket.socket(socket.AF_UNIX)
    try:
        wire.settimeout(_left(deadline))
        wire.connect(path)
    except OSError:
        wire.close()
        raise
    return wire


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Connection(HTTPConnection):
    """One connection, and its current exchange."""

    sock: socket.socket | None

    def __init__(self, connect: Callable[[float], socket.socket]) -> None:
        super().__init__("localhost")
        self._connect = connect
        self._deadline = 0.0
        self._limit = 0
        self.is_reusable = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing arrives on the open connection, not even its end."""
        return self.sock is not None and not select.select([self.sock], [], [], 0)[0]

    def connect(self) -> None:
        """Connect to the server."""
        self.sock = self._connect(self._deadline)

    def response_class(  # type: ignore[override]  # it is called as that class is
        self, wire: socket.socket, method: str | None = None
    ) -> BoundedAnswer:
        """Return an object for the next answer; ``http.client`` calls this."""
        return BoundedAnswer(wire, method, deadline=self._deadline, limit=self._limit)

    def exchange(self, request: Request, stdin: bytes | None, limit: int, deadline: float) -> Response:
        """Send a request and return its answer. ``stdin``: as in ``converse``, or None."""
        self._deadline, self._limit = deadline, limit
        self.is_reusable = False
        lines = header_lines(request)
        if self.sock is None:
            self.connect()
        self._set_timeout()
        self.putrequest(request.method, request.url.target, skip_host=True, skip_accept_encoding=True)
        self.putheader("Host", request.url.authority)
        for name, value in lines:
            self.putheader(name, value)
        if request.body or request.method not in ("GET", "HEAD", "DELETE"):
            self.putheader("Content-Length", str(len(request.body)))
        self.endheaders(request.body or None)
        return self._answer(request, stdin)

    def _answer(self, request: Request, stdin: bytes | None) -> Response:
        if self.sock is None:
            raise ConnectionResetError
        if stdin is None:
            with self.getresponse() as answer:
                return self._whole(request, answer)
        with self.sock.dup() as wire, self.getresponse() as answer:  # dup, because getresponse may detach the socket
            if answer.status != 200:
                return self._whole(request, answer)
            response = Response(answer.status, tuple(answer.getheaders()), b"", request.url)
            return _cut(response, _converse(wire, answer, stdin, self._limit), self._limit)

    def _whole(self, request: Request, answer: HTTPResponse) -> Response:
        response = Response(answer.status, tuple(answer.getheaders()), b"", request.url)
        body = read_body(answer.read, self._limit)
        if answer.length and len(body) <= self._limit:
            raise IncompleteRead(b"", answer.length)
        self.is_reusable = len(body) <= self._limit and not answer.will_close
        return _cut(response, body, self._limit)

    def _set_timeout(self) -> None:
        left = _left(self._deadline)
        if self.sock is not None:
            self.sock.settimeout(left)


def _cut(response: Response, body: bytes, limit: int) -> Response:
    return response._replace(body=body[:limit], truncated=len(body) > limit)


def _converse(wire: socket.socket, answer: HTTPResponse, stdin: bytes, limit: int) -> bytes:
    """Send ``stdin`` and return the output; the program may ignore its input."""

    def give() -> None:
        with contextlib.suppress(OSError):  # the program may have ended, or the time may be over
            wire.sendall(stdin)
            wire.shutdown(socket.SHUT_WR)

    def take(size: int) -> bytes:
        try:
            return answer.read1(size)
        except ConnectionResetError:  # the program has ended and has not read all its input
            return b""

    giver = Thread(target=give, daemon=True)
    giver.start()
    try:
        return read_body(take, limit)
    finally:
        with contextlib.suppress(OSError):  # the other side may have closed it
            wire.shutdown(socket.SHUT_RDWR)
        giver.join()
