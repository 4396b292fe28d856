"""A container that keeps all connections open does not take the memory of the machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shorepass.contexts.caller import Caller
from shorepass.credential import Credential
from shorepass.share.engine_socket import CHUNK, EngineSocket

HELD = 64  # connections


def lend(_: str, *, push: bool, caller: Caller) -> Credential | None:
    """Lend nothing."""
    assert not push
    assert caller.pid
    return None


def listening(path: Path) -> socket.socket:
    """Return a socket that listens at a path."""
    found = socket.socket(socket.AF_UNIX)
    found.bind(str(path))
    found.listen(HELD)
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[socket.socket]:
    """The listening socket of an engine."""
    with listening(tmp_path / "engine.sock") as found:
        yield found


@pytest.fixture
def path(tmp_path: Path, engine: socket.socket) -> Iterator[str]:
    """The socket in the place of the engine's."""
    with listening(tmp_path / "ours.sock") as wire:
        EngineSocket(wire, engine.getsockname(), lend, lambda: (), lambda _, __: None).start()
        yield wire.getsockname()
        wire.shutdown(socket.SHUT_RDWR)


def memory() -> int:
    """Return the bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_open_connections_take_little_memory(path: str, engine: socket.socket) -> None:
    """Each has a request that the engine does not answer, and both ends wait."""
    before = memory()
    with ExitStack() as held:
        for _ in range(HELD):
            wire = held.enter_context(socket.socket(socket.AF_UNIX))
            wire.connect(path)
            wire.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            there, _ = engine.accept()
            held.enter_context(there)
            there.settimeout(60)
            assert there.recv(65536).startswith(b"GET /events ")
            wire.sendall(b"x")  # copied by the thread that has its buffer
            assert there.recv(1) == b"x"
            there.sendall(b"y")
            assert wire.recv(1) == b"y"
        assert memory() - before < HELD * CHUNK
