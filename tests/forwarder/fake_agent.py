"""An agent for tests: it answers on a unix socket, well or as badly as a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Call", "Connection", "answer", "declined", "fake_agent", "frame", "read_call"]

HEADER = 8
Behaviour = Callable[["Connection"], None]


class Call(NamedTuple):
    """The five fields of a client's frame ``C``."""

    name: bytes
    verb: bytes
    input: bytes
    directory: bytes
    environment: bytes

    @property
    def variables(self) -> dict[bytes, bytes]:
        """The environment by name; each variable must have its NUL byte."""
        assert self.environment.endswith(b"\0")
        return dict(variable.split(b"=", 1) for variable in self.environment[:-1].split(b"\0"))


class Connection:
    """One client's connection. ``calls`` has what this agent's clients have asked."""

    def __init__(self, link: socket.socket, calls: list[Call], stopping: threading.Event) -> None:
        self.link = link
        self.calls = calls
        self.stopping = stopping

    def call(self) -> Call:
        """Read one frame ``C``, and remember it."""
        self.calls.append(read_call(self.link))
        return self.calls[-1]

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.link.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send a byte at a time, ten in a second, until the client closes the connection or the test ends."""
        for byte in data:
            if self.stopping.wait(0.1):
                return
            self.link.sendall(bytes([byte]))

    def wait(self) -> None:
        """Keep the connection open until the test ends, and read nothing."""
        self.stopping.wait()

    def stay(self) -> None:
        """Keep the connection open until the client closes it or the test ends."""
        while not self.stopping.is_set() and self.link.recv(65536):
            pass


def frame(kind: bytes, *fields: bytes, version: int = 1) -> bytes:
    """Return a frame with these fields."""
    body = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return bytes([version]) + kind + b"\0\0" + len(body).to_bytes(4, "big") + body


def answer(status: int, output: bytes = b"", errors: bytes = b"") -> bytes:
    """Return a frame ``A``."""
    return frame(b"A", bytes([status]), output, errors)


def declined(reason: bytes) -> bytes:
    """Return a frame ``D``."""
    return frame(b"D", reason)


def read_call(link: socket.socket) -> Call:
    """Read one frame ``C``; anything else fails."""
    header = exactly(link, HEADER)
    assert header[:4] == b"\1C\0\0", header
    body = exactly(link, int.from_bytes(header[4:], "big"))
    fields = []
    while body:
        size = int.from_bytes(body[:4], "big")
        fields.append(body[4 : 4 + size])
        body = body[4 + size :]
    return Call(*fields)


def exactly(link: socket.socket, size: int) -> bytes:
    """Read so many bytes."""
    data = bytearray()
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise ConnectionError("the client has closed the connection")
        data += more
    return bytes(data)


@contextlib.contextmanager
def fake_agent(path: Path, behave: Behaviour) -> Iterator[list[Call]]:
    """Listen at a path; yield the list of calls. ``behave`` runs in a thread for each connection."""
    calls: list[Call] = []
    stopping = threading.Event()
    links: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            behave(Connection(link, calls, stopping))

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = listener.accept()
                links.append(link)
                threads.append(threading.Thread(target=serve, args=(link,)))
                threads[-1].start()

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        accepting = threading.Thread(target=accept, args=(listener,))
        accepting.start()
        try:
            yield calls
        finally:
            stopping.set()
            for link in (listener, *links):
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()
            path.unlink()
