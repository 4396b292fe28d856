"""The standard streams of a forwarder elsewhere: by an engine's exec, or by a program of this machine such as ssh.

What arrives is not trusted. ``send`` may be called by several threads, one at a time; ``receive`` by one.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Protocol

from shorepass.errors import printable

if TYPE_CHECKING:
    from shorepass.processes import Streaming

__all__ = ["Ended", "EngineWire", "ProgramWire", "Wire"]

CHUNK = 65536  # bytes
SEND_SECONDS = 30.0  # for the other side to take what is sent
DRAIN_SECONDS = 1.0  # for the last words of a program whose output has ended
PIECE = 8  # bytes before each piece of an engine's output: the stream's number, three zeros, the length
OUTPUT = 1
ERRORS_LIMIT = 1024  # bytes


class Ended(Exception):
    """The program has ended, or takes no input any more."""


class Wire(Protocol):
    """The streams of one program."""

    def send(self, data: bytes) -> None:
        """Give it input. Raises Ended."""

    def receive(self, seconds: float) -> bytes:
        """Return output, at most 64 KiB; nothing if none arrives in so many seconds. Raises Ended."""

    def end_input(self) -> None:
        """Let it read the end of its input."""

    def close(self) -> None:
        """Close the streams."""

    @property
    def said(self) -> str:
        """The last of its standard error, as a printable text."""


class EngineWire:
    """The connection to a program that an engine's exec has started. ``mark``: see ``ProgramWire``."""

    def __init__(self, connection: socket.socket, mark: bytes = b"") -> None:
        self._connection = connection
        self._mark = mark
        self._connection.settimeout(SEND_SECONDS)
        self._head = b""  # of the current piece
        self._left = 0  # bytes of it
        self._errors = b""

    def send(self, data: bytes) -> None:
        """Give it input. Raises Ended."""
        try:
            self._connection.sendall(data)
        except OSError:
            raise Ended from None

    def receive(self, seconds: float) -> bytes:
        """Return output. Raises Ended."""
        try:
            if not select.select([self._connection], [], [], seconds)[0]:
                return b""
            data = self._connection.recv(CHUNK)
        except (OSError, ValueError):
            raise Ended from None
        if not data:
            raise Ended
        return self._output(data)

    def _output(self, data: bytes) -> bytes:
        """Return the output in what has arrived, and remember the errors."""
        found = bytearray()
        while data:
            if not self._left:
                missing = PIECE - len(self._head)
                self._head += data[:missing]
                data = data[missing:]
                if len(self._head) == PIECE:
                    self._left = int.from_bytes(self._head[4:])
                    self._head = self._head[:1] if self._left else b""
                continue
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            if self._head[0] == OUTPUT:
                found += piece
            else:
                self._errors = (self._errors + piece)[-ERRORS_LIMIT:]
            if not self._left:
                self._head = b""
        return bytes(found)

    def end_input(self) -> None:
        """Let it read the end of its input."""
        with contextlib.suppress(OSError):  # it has ended
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def said(self) -> str:
        """The last of its standard error."""
        return _text(self._errors, self._mark)


class ProgramWire:
    """The pipes to a program of this machine, which passes them on.

    ``mark``: a line of standard error; what is in front of it does not count, such as a banner.
    """

    def __init__(self, program: Streaming, mark: bytes) -> None:
        self._program = program
        self._mark = mark
        self._errors = b""

    def send(self, data: bytes) -> None:
        """Give it input. Raises Ended."""
        left = memoryview(data)
        deadline = time.monotonic() + SEND_SECONDS
        try:
            while left:
                if not select.select([], [self._program.input], [], max(0.0, deadline - time.monotonic()))[1]:
                    raise Ended
                left = left[os.write(self._program.input, left[: select.PIPE_BUF]) :]
        except (OSError, ValueError):
            raise Ended from None

    def receive(self, seconds: float) -> bytes:
        """Return output. Raises Ended."""
        streams = [self._program.output, self._program.errors]
        try:
            ready = select.select(streams, [], [], seconds)[0]
            if self._program.errors in ready and not self._hear():
                ready = select.select(streams[:1], [], [], seconds)[0]
            if self._program.output not in ready:
                return b""
            data = os.read(self._program.output, CHUNK)
        except (OSError, ValueError):
            raise Ended from None
        if not data:
            while select.select(streams[1:], [], [], DRAIN_SECONDS)[0] and self._hear():
                pass
            raise Ended
        return data

    def _hear(self) -> bool:
        """Remember what the program says on standard error; False at its end."""
        said = os.read(self._program.errors, CHUNK)
        self._errors = (self._errors + said)[-ERRORS_LIMIT:]
        return bool(said)

    def end_input(self) -> None:
        """Let it read the end of its input."""
        self._program.end_input()

    def close(self) -> None:
        """End the program."""
        self._program.end()

    @property
    def said(self) -> str:
        """The last of its standard error."""
        return _text(self._errors, self._mark)


def _text(errors: bytes, mark: bytes) -> str:
    words = errors.rpartition(mark)[2] if mark else errors
    lines = words.decode("utf-8", "replace").splitlines()[-3:]
    return printable("; ".join(line.strip() for line in lines if line.strip()))
