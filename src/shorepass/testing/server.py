"""The HTTP side of the test registry: threads on a loopback port, whole requests in, whole answers out."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Answer", "Incoming", "Server", "refusal"]

BODY_LIMIT = 512 * 1024 * 1024  # bytes of one request: a layer of a test image
IDLE_SECONDS = 60


class Answer(NamedTuple):
    """What to send. ``raw`` are bytes to send as they are instead."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None


class Incoming:
    """A request. ``target`` is path and query as they came; ``stopping`` is set when the server stops."""

    def __init__(self, method: str, target: str, authorization: str, body: bytes, kind: str, stopping: threading.Event):
        self.method = method
        self.target = target
        self.authorization = authorization
        self.body = body
        self.kind = kind
        self.stopping = stopping
        self.path = unquote(target.partition("?")[0])

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's fields."""
        return parse_qs(self.target.partition("?")[2])

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The body's fields, of a form."""
        return parse_qs(self.body.decode("utf-8", "replace"))


def refusal(status: int, code: str, message: str, detail: object = None) -> Answer:
    """Return an error answer as the distribution specification has it."""
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]}).encode()
    return Answer(status, body, (("Content-Type", "application/json"),))


class Server:
    """Listens from its creation until :meth:`stop`. ``answer`` runs in the connection's thread; None closes it."""

    def __init__(self, answer: Callable[[Incoming], Answer | None], tls: ssl.SSLContext | None, port: int = 0) -> None:
        self._server = _Threads(("127.0.0.1", port), answer, tls)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all connections and all threads."""
        self._server.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut()
        self._server.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them: no thread or socket outlives the registry
    request_queue_size = 128  # a test may log in from a hundred processes at once

    def __init__(
        self, address: tuple[str, int], answer: Callable[[Incoming], Answer | None], tls: ssl.SSLContext | None
    ) -> None:
        self.answer = answer
        self.tls = tls
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        if self.tls is not None:  # the handshake waits for the connection's own thread
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._open_lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing if a client closes the connection or its handshake fails, because some tests do that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1  # headers and body in one segment
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        self.close_connection = True
        with contextlib.suppress(TimeoutError, ConnectionError):
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                return
            self._serve()

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        authorization = self.headers.get("Authorization", "")
        kind = self.headers.get("Content-Type", "")
        server: _Threads = self.server  # type: ignore[assignment]  # the base class knows only BaseServer
        reply = server.answer(Incoming(self.command, self.path, authorization, body, kind, server.stopping))
        if reply is None or reply.raw is not None:
            self.close_connection = True
            if reply is not None and reply.raw is not None:
                self.wfile.write(reply.raw)
            self.wfile.flush()
            return
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if not any(name.lower() == "content-length" for name, _ in reply.headers):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunked()
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if 0 <= length <= BODY_LIMIT else None

    def _chunked(self) -> bytes | None:
        parts: list[bytes] = []
        while size := int(self.rfile.readline(1024).partition(b";")[0] or b"0", 16):
            if size > BODY_LIMIT:
                return None
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)
        while self.rfile.readline(65537).strip():
            continue  # trailers
        return b"".join(parts)

    def handle_expect_100(self) -> bool:
        handled = super().handle_expect_100()
        self.wfile.flush()
        return handled

    def log_message(self, *args: object) -> None:
        """Print nothing, because the registry records its requests."""
