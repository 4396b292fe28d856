"""A call passes through the forwarder to the agent, and the agent's answer comes back unchanged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forwarder.conftest import Forwarder
from forwarder.fake_agent import Connection, answer, fake_agent

EVERY_BYTE = bytes(range(256))


@pytest.fixture
def socket_path(world: Path) -> Path:
    """Where the user's agent listens."""
    return world / "run/shorepass/agent.sock"


@pytest.mark.parametrize("status", [0, 1, 2, 255])
def test_the_answer_is_what_the_agent_says(forwarder: Forwarder, socket_path: Path, status: int) -> None:
    """Status, standard output and standard error, byte for byte."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(answer(status, EVERY_BYTE, EVERY_BYTE[::-1]))

    with fake_agent(socket_path, behave):
        done = forwarder("get", stdin=b"registry.example")
    assert (done.returncode, done.stdout, done.stderr) == (status, EVERY_BYTE, EVERY_BYTE[::-1])


@pytest.mark.parametrize("verb", ["get", "store", "erase", "list", "version"])
def test_the_agent_gets_all_of_the_call(forwarder: Forwarder, socket_path: Path, world: Path, verb: str) -> None:
    """Name, verb, standard input, working directory and the whole environment; ``list`` and ``version`` read nothing."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(answer(0))

    with fake_agent(socket_path, behave) as calls:
        done = forwarder(verb, stdin=EVERY_BYTE, env={"EMPTY": "", "TWO": "lines\nand=signs"}, cwd=world / "home")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    [call] = calls
    expected = EVERY_BYTE if verb in ("get", "store", "erase") else b""
    assert (call.name, call.verb, call.input) == (b"harbour", verb.encode(), expected)
    assert call.directory == os.fsencode(world / "home")
    assert {name: call.variables[name] for name in (b"EMPTY", b"TWO")} == {b"EMPTY": b"", b"TWO": b"lines\nand=signs"}
    assert call.variables[b"HOME"] == os.fsencode(world / "home")
