"""A connection to the agent: frames over a unix socket, whole or an error, and never later than a deadline."""

from __future__ import annotations

import socket
import struct
import sys
import time
from typing import NamedTuple, Self

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

__all__ = ["Connection", "ConnectionLost", "peer_of"]

CHUNK = 65536  # bytes
TINY = 0.001  # seconds: zero would mean not to wait at all
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
    """Sends and receives frames. ``seconds``: for each ``receive``, from its call. ``limit``: bytes of a body received."""

    def __init__(self, wire: socket.socket, seconds: float, *, limit: int = BODY_LIMIT) -> None:
        self.wire = wire
        self._limit = limit
        self._seconds = seconds

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
        try:
            self.wire.settimeout(self._seconds)
            self.wire.sendall(frame.encode())
        except (OSError, FrameError) as error:
            raise ConnectionLost(str(error)) from None

    def receive(self) -> Frame | None:
        """Return the next frame, None at the end. Raises ConnectionLost, FrameError: of another version, or no frame."""
        deadline = time.monotonic() + self._seconds
        first = self._chunk(HEADER_SIZE, deadline)
        return self.rest_of(first, deadline) if first else None

    def rest_of(self, first: bytes, deadline: float) -> Frame:
        """Return the frame whose header begins with ``first``. ``deadline``: as ``time.monotonic``. Raises as ``receive``."""
        header = decode_header(self._whole(first, HEADER_SIZE, deadline))
        if header.length > self._limit:
            raise FrameError(f"a frame has at most {self._limit} bytes here")
        body = self._whole(b"", header.length, deadline)
        if header.version != VERSION:
            raise UnknownFrame(f"this Shorepass speaks version {VERSION} of the agent's protocol")
        try:
            kind = Kind(header.kind)
        except ValueError:
            raise UnknownFrame(f"version {VERSION} has no frame of kind {header.kind}") from None
        return Frame(kind, decode_body(body))

    def _whole(self, first: bytes, size: int, deadline: float) -> bytes:
        """Return so many bytes, of which ``first`` are there already. Raises ConnectionLost."""
        data = bytearray(first)
        while len(data) < size:
            chunk = self._chunk(size - len(data), deadline)
            if not chunk:
                raise ConnectionLost("the connection ended in the middle")
            data += chunk
        return bytes(data)

    def _chunk(self, size: int, deadline: float) -> bytes:
        """Return what arrives next, at most so many bytes; nothing at the end. Raises ConnectionLost."""
        left = deadline - time.monotonic()
        try:
            self.wire.settimeout(max(left, TINY))
            return self.wire.recv(min(CHUNK, size))
        except TimeoutError:
            raise ConnectionLost("no answer in time") from None
        except OSError as error:
            raise ConnectionLost(error.strerror or str(error)) from None
