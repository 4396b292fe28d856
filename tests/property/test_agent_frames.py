"""The agent's end of the protocol takes any bytes: a frame, or an error, and never anything else."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from shorepass.agent.call import Call
from shorepass.agent.server import Server
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.agent_client.frames import BODY_LIMIT, Frame, FrameError, Kind, decode_body, decode_header
from shorepass.contexts.caller import Caller

FRAMES = st.builds(Frame, st.sampled_from(Kind), st.lists(st.binary(max_size=300), max_size=16).map(tuple))


@given(FRAMES)
def test_a_frame_is_read_as_it_was_written(frame: Frame) -> None:
    """Encoding and decoding give the same kind and fields."""
    data = frame.encode()
    header = decode_header(data[:8])
    assert (header.version, header.kind, header.length) == (1, frame.kind.value, len(data) - 8)
    assert decode_body(data[8:]) == frame.fields


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_an_error(data: bytes) -> None:
    """A body is exactly its fields, or it is refused."""
    try:
        fields = decode_body(data)
    except FrameError:
        return
    assert b"".join(len(field).to_bytes(4, "big") + field for field in fields) == data


@given(st.binary(min_size=8, max_size=8))
def test_any_header_is_bounded(data: bytes) -> None:
    """No header announces more than the limit."""
    try:
        header = decode_header(data)
    except FrameError:
        return
    assert 0 <= header.length <= BODY_LIMIT


@given(st.text("AB=\0\xe9", max_size=20).map(str.encode), st.text("AB\xe9", max_size=2))
def test_one_variable_is_as_in_all(field: bytes, name: str) -> None:
    """Whatever a client sends as its environment, one variable has the value that it has among all."""
    call = Call((b"harbour", b"get", b"", b"/", field))
    assert call.getenv(name) == call.environ.get(name)


@given(st.lists(st.one_of(FRAMES.map(Frame.encode), st.binary(max_size=40)), max_size=5), st.data())
def test_a_connection_with_any_bytes_gets_answers_and_an_end(parts: list[bytes], data: st.DataObject) -> None:
    """Frames and garbage in any mixture, cut anywhere: each answer is a frame, and the server is there for the next."""
    sent = b"".join(parts)
    sent = sent[: data.draw(st.integers(0, len(sent)))]

    def answer(frame: Frame, _: Caller, connection: Connection) -> None:
        if frame.kind is not Kind.CALL:
            raise FrameError("not a call")
        connection.send(Frame(Kind.ANSWER, (b"\0", b"", b"")))

    listening = socket.socket(socket.AF_UNIX)
    listening.bind("")  # autobind: a name in the kernel only, of this test
    listening.listen()
    server = Server(listening, answer, uid=None)
    server.start()
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(listening.getsockname())
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
            connection = Connection(wire, 60.0)
            try:
                while (got := connection.receive()) is not None:
                    assert got.kind in (Kind.ANSWER, Kind.DECLINE)
            except ConnectionLost:  # it does not read what follows garbage
                pass
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
