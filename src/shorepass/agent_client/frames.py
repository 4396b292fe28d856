"""The frames of the agent's protocol: a header, and a body of fields. No I/O.

``docs/reference/agent-protocol.md`` describes them. A frame's header has the same form in every version.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import NamedTuple

__all__ = [
    "BODY_LIMIT",
    "HEADER_SIZE",
    "VERSION",
    "Frame",
    "FrameError",
    "Header",
    "Kind",
    "UnknownFrame",
    "decode_body",
    "decode_header",
]

VERSION = 1
BODY_LIMIT = 8 * 1024 * 1024  # bytes
FIELDS_LIMIT = 16
HEADER = struct.Struct(">BcHI")
HEADER_SIZE = HEADER.size
LENGTH = struct.Struct(">I")


class Kind(StrEnum):
    """What a frame is: a letter."""

    CALL = "C"
    ANSWER = "A"
    DECLINE = "D"
    MANAGE = "M"
    MANAGED = "J"
    READY = "R"  # of a relay alone


class FrameError(ValueError):
    """Bytes that are not a frame. The text does not quote them."""


class UnknownFrame(FrameError):
    """A whole frame of another version, or of an unknown kind. The next frame may be better."""


class Header(NamedTuple):
    """The first bytes of a frame. ``kind`` may be unknown. ``length``: of the body, in bytes."""

    version: int
    kind: str
    length: int


class Frame(NamedTuple):
    """A kind, and the fields of the body.

    >>> Frame(Kind.DECLINE, (b"locked",)).encode().hex()
    '014400000000000a000000066c6f636b6564'
    """

    kind: Kind
    fields: tuple[bytes, ...]

    def __repr__(self) -> str:  # because the fields hold secrets
        return f"Frame({self.kind}, {len(self.fields)} fields)"

    def encode(self) -> bytes:
        """Return the bytes of the frame. Raises FrameError: it is too large."""
        body = b"".join(LENGTH.pack(len(field)) + field for field in self.fields)
        if len(body) > BODY_LIMIT:
            raise FrameError(f"a frame has at most {BODY_LIMIT} bytes")
        return HEADER.pack(VERSION, self.kind.encode(), 0, len(body)) + body


def decode_header(data: bytes) -> Header:
    """Return what the first eight bytes of a frame say. Raises FrameError: it is too large, or is not a frame."""
    version, kind, zero, length = HEADER.unpack(data)
    if zero or not kind.isascii() or not kind.isalpha():
        raise FrameError("it is not a frame")
    if length > BODY_LIMIT:
        raise FrameError(f"a frame has at most {BODY_LIMIT} bytes")
    return Header(version, kind.decode(), length)


def decode_body(body: bytes) -> tuple[bytes, ...]:
    """Return the fields of a body. Raises FrameError.

    >>> decode_body(bytes.fromhex("000000066c6f636b6564"))
    (b'locked',)
    """
    fields: list[bytes] = []
    start = 0
    while start < len(body):
        at = start + LENGTH.size
        if at > len(body):
            raise FrameError("a field's length is cut off")
        start = at + LENGTH.unpack_from(body, start)[0]
        if start > len(body):
            raise FrameError("a field is longer than the frame")
        fields.append(body[at:start])
        if len(fields) > FIELDS_LIMIT:
            raise FrameError(f"a frame has at most {FIELDS_LIMIT} fields")
    return tuple(fields)
