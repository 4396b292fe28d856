"""A socket in the place of the engine's: everything passes, and requests that need a lent login get it here.

So a container that uses the host's engine can pull and push with the login, and never sees a byte of it. The head of a request
is read and written again; all that follows is copied, in both directions, until both ends are closed. Each connection has one
request, after which the engine closes it. So nothing behind a request can be another one that was not looked at.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

from shorepass.agent_client.connection import peer_of
from shorepass.contexts.caller import caller_of
from shorepass.http.unix_server import UnixServer
from shorepass.share.engine_calls import Refused
from shorepass.share.engine_logins import with_login
from shorepass.share.request_head import BadHead, parse_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from shorepass.contexts.caller import Caller
    from shorepass.credential import Credential
    from shorepass.share.engine_guard import Guard
    from shorepass.share.engine_logins import Lent

    class LendTo(Protocol):
        """Finds a lent login for a caller."""

        def __call__(self, repository: str, *, push: bool, caller: Caller) -> Credential | None:
            """Return the login for a repository (``ghcr.io/acme/app``), None if it is not lent. ``push``: to push to it."""


__all__ = ["EngineSocket"]

CONNECTIONS = 256
HEAD_LIMIT = 256 * 1024  # bytes: X-Registry-Config has every login of the client
HEAD_SECONDS = 30.0
IDLE_SECONDS = 600.0  # for the first byte
CHUNK = 1024 * 1024  # bytes
END = b"\r\n\r\n"
REFUSED = "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"


class EngineSocket(UnixServer):
    """Serves on a listening socket, and passes all to the engine's. ``tell`` gets each login that was lent, and to whom.

    ``tell_refused`` gets the reason for each request that did not pass, in which there is text of the client.
    ``engine``: the path of its socket. ``registries``: returns those for ``/build``. ``guard``: refuses calls, None does not.
    """

    def __init__(
        self,
        listening: socket.socket,
        engine: str,
        lend: LendTo,
        registries: Callable[[], Iterable[str]],
        tell: Callable[[Lent, Caller], None],
        guard: Guard | None = None,
        tell_refused: Callable[[str, Caller], None] = lambda _, __: None,
    ) -> None:
        super().__init__(listening, connections=CONNECTIONS)
        self.engine = engine
        self.lend = lend
        self.registries = registries
        self.tell = tell
        self.guard = guard
        self.tell_refused = tell_refused

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection, with one request."""
        self.hand_over()
        found = _head(connection)
        if found is None:
            return
        head, rest = found
        peer = peer_of(connection)
        caller = caller_of(peer.pid, peer.uid)
        keeps = None
        try:
            request = parse_head(head)
            if self.guard is not None:
                request, rest, keeps = self.guard.admit(request, rest, connection)
            request, lent = with_login(request, partial(self.lend, caller=caller), self.registries())
        except BadHead as error:
            _refuse(connection, "400 Bad Request", str(error))
            self.tell_refused(str(error), caller)
            return
        except Refused as error:
            reason = error.message if error.status.startswith("404") else f"the grant does not pass {error.message}"
            _refuse(connection, error.status, reason)
            self.tell_refused(error.message, caller)
            return
        with socket.socket(socket.AF_UNIX) as engine:
            try:
                engine.connect(self.engine)
            except OSError as error:
                _refuse(connection, "502 Bad Gateway", f"the engine does not answer: {error.strerror}")
                return
            if lent is not None:
                self.tell(lent, caller)
            engine.sendall(request.encode() + rest)
            _copy_both_ways(connection, engine, keeps)


def _head(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """Return the head of the request, and what came with it; None if the client sends none."""
    data = bytearray()
    connection.settimeout(IDLE_SECONDS)
    while END not in data:
        try:
            chunk = connection.recv(CHUNK)
        except OSError:
            return None
        if not chunk:
            return None
        data += chunk
        connection.settimeout(HEAD_SECONDS)
        if len(data) > HEAD_LIMIT and END not in data[:HEAD_LIMIT]:
            _refuse(connection, "431 Request Header Fields Too Large", f"more than {HEAD_LIMIT} bytes before the body")
            return None
    end = data.index(END) + len(END)
    return bytes(data[:end]), bytes(data[end:])


def _refuse(connection: socket.socket, status: str, reason: str) -> None:
    body = json.dumps({"message": f"shorepass: {reason}"}).encode() + b"\n"
    with contextlib.suppress(OSError):
        connection.sendall(REFUSED.format(status=status, length=len(body)).encode() + body)


def _copy_both_ways(client: socket.socket, engine: socket.socket, keeps: Callable[[bytes], bool] | None) -> None:
    """Copy until each side has ended its part; an end is passed on, because a session may be closed halfway.

    ``keeps``: whether a line of the engine's answer may pass, None if all of it may.
    """
    client.settimeout(None)
    copy_back = partial(_copy_lines, keeps=keeps) if keeps else _copy
    back = threading.Thread(target=copy_back, args=(engine, client), daemon=True)
    back.start()
    _copy(client, engine)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    buffer = memoryview(mmap.mmap(-1, CHUNK))  # which takes memory only as far as it is used
    with _passing_on_the_end(source, target):
        while size := source.recv_into(buffer):
            target.sendall(buffer[:size])


def _copy_lines(source: socket.socket, target: socket.socket, *, keeps: Callable[[bytes], bool]) -> None:
    """Copy an answer: of one that is not an error, only the lines that may pass."""
    with _passing_on_the_end(source, target), source.makefile("rb") as lines:
        line = lines.readline(HEAD_LIMIT)
        is_error = b" 200 " not in line
        while line not in (b"", b"\r\n"):
            target.sendall(line)
            line = lines.readline(HEAD_LIMIT)
        target.sendall(line)
        while line := lines.readline(CHUNK):
            if is_error or keeps(line):
                target.sendall(line)


@contextlib.contextmanager
def _passing_on_the_end(source: socket.socket, target: socket.socket) -> Iterator[None]:
    try:
        yield
    except OSError:  # one of them is gone, so the other one is not needed any more
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
