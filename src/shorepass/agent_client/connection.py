"""A connection to the agent: frames over a unix socket, whole or an error, and never later than a deadline."""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from shorepass.agent_client.frames import (
    BODY_LIMIT,
    HEADER_SIZE,
    VERSION,
    Frame,
    FrameError,
    Kind,
    UnknownFrame,
    decode_body,
    decode_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connection", "ConnectionLost", "peer_of"]

CHUNK = 65536  # bytes
PEER = struct.Struct("=iII")  # unix(7): struct ucred


class ConnectionLost(Exception):
    """There is no answer: no agent, or it ended, or it was too slow, or it sent something else."""


class Peer(NamedTuple):
    """Who is at the other end of a socket, as the kernel says."""

    pid: int
    uid: int


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end. Raises OSError."""
    if sys.platform == "darwin":  # unix(4) of macOS: LOCAL_PEERCRED (struct xucred), LOCAL_PEERPID
        sol_local, local_peercred, local_peerpid = 0, 1, 2
        _, uid = struct.unpack_from("=II", connection.getsockopt(sol_local, local_peercred, 76))
        return Peer(connection.getsockopt(sol_local, local_peerpid), uid)
    pid, uid, _ = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return Peer(pid, uid)


class Connection:
    """Sends and receives frames. ``seconds``: for each ``receive``, from its call. ``limit``: bytes of a body received.

    ``before_waiting``: is called each time before it waits for the other end.
    """

    def __init__(
        self,
        wire: socket.socket,
        seconds: float,
        *,
        limit: int = BODY_LIMIT,
        before_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        wire.settimeout(0)
        self.wire = wire
        self.before_waiting = before_waiting
        self._limit = limit
        self._seconds = seconds
        self._unread = b""

    @classmethod
    def to(cls, path: str, *, owner: int | None, seconds: float) -> Connection:
        """Connect to the agent behind a socket. ``owner``: the user whose agent it must be. Raises ConnectionLost."""
        if sys.platform == "win32":
            raise ConnectionLost("Windows has no such sockets")
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(seconds)
        try:
            wire.connect(path)
            if owner is not None and (found := peer_of(wire).uid) != owner:
                raise ConnectionLost(f"the agent belongs to user {found}")
        except (OSError, ValueError) as error:
            wire.close()
            raise ConnectionLost(getattr(error, "strerror", None) or str(error)) from None
        except ConnectionLost:
            wire.close()
            raise
        return cls(wire, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises ConnectionLost."""
        deadline = time.monotonic() + self._seconds
        try:
            data = memoryview(frame.encode())
        except FrameError as error:
            raise ConnectionLost(str(error)) from None
        while data:
            try:
                data = data[self.wire.send(data) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError as error:
                raise ConnectionLost(error.strerror or str(error)) from None

    def has_next(self, seconds: float) -> bool:
        """Wait for the first byte of a frame; False at the end of the connection. Raises ConnectionLost."""
        if not self._unread:
            self._unread = self._chunk(time.monotonic() + seconds)
        return bool(self._unread)

    def receive(self) -> Frame | None:
        """Return the next frame, None at the end. Raises ConnectionLost, FrameError: of another version, or no frame."""
        deadline = time.monotonic() + self._seconds
        if not self.has_next(self._seconds):
            return None
        header = decode_header(self._whole(HEADER_SIZE, deadline))
        if header.length > self._limit:
            raise FrameError(f"a frame has at most {self._limit} bytes here")
        body = self._whole(header.length, deadline)
        if header.version != VERSION:
            raise UnknownFrame(f"this Shorepass speaks version {VERSION} of the agent's protocol")
        try:
            kind = Kind(header.kind)
        except ValueError:
            raise UnknownFrame(f"version {VERSION} has no frame of kind {header.kind}") from None
        return Frame(kind, decode_body(body))

    def _whole(self, size: int, deadline: float) -> bytes:
        """Return so many bytes, and keep what came behind them. Raises ConnectionLost."""
        data = self._unread
        if len(data) < size:
            parts = bytearray(data)
            while len(parts) < size:
                chunk = self._chunk(deadline)
                if not chunk:
                    raise ConnectionLost("the connection ended in the middle")
                parts += chunk
            data = bytes(parts)
        self._unread = data[size:]
        return data[:size]

    def _chunk(self, deadline: float) -> bytes:
        """Return what arrives next; nothing at the end. Raises ConnectionLost."""
        while True:
            try:
                return self.wire.recv(CHUNK)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
            except OSError as error:
                raise ConnectionLost(error.strerror or str(error)) from None

    def _wait(self, event: int, deadline: float) -> None:
        """Wait until it can send or receive. Raises ConnectionLost: not before the deadline."""
        self.before_waiting()
        ready = select.poll()
        ready.register(self.wire, event)
        if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise ConnectionLost("no answer in time")
