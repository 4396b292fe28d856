"""A call passes through the forwarder to the agent, and the agent's answer comes back unchanged."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from e2e.programs import SYSTEM_PATH
from forwarder.conftest import Forwarder, checked
from forwarder.fake_agent import Connection, answer, declined, fake_agent

EVERY_BYTE = bytes(range(256))
MIB = 1 << 20
LIMIT = 8 * MIB
ENVIRONMENT_LIMIT = 256 << 10


def echo(connection: Connection) -> None:
    """Answer with the input."""
    connection.send(answer(0, connection.call().input))


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
    with fake_agent(socket_path, echo) as calls:
        done = forwarder(verb, stdin=EVERY_BYTE, env={"EMPTY": "", "TWO": "lines\nand=signs"}, cwd=world / "home")
    [call] = calls
    expected = EVERY_BYTE if verb in ("get", "store", "erase") else b""
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")
    assert (call.name, call.verb, call.input) == (b"harbour", verb.encode(), expected)
    assert call.directory == os.fsencode(world / "home")
    assert {name: call.variables[name] for name in (b"EMPTY", b"TWO")} == {b"EMPTY": b"", b"TWO": b"lines\nand=signs"}
    assert call.variables[b"HOME"] == os.fsencode(world / "home")


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 4 * MIB])
def test_large_input_and_large_output(forwarder: Forwarder, socket_path: Path, size: int) -> None:
    """More than a pipe or a socket holds at once."""
    data = random.Random(size).randbytes(size)
    with fake_agent(socket_path, echo):
        done = forwarder("store", stdin=data)
    assert (done.returncode, len(done.stdout), done.stdout == data) == (0, size, True)


def test_output_on_both_streams_larger_than_a_pipe(native: Forwarder, socket_path: Path) -> None:
    """Neither stream waits for the other, if the caller reads both."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(answer(0, bytes(3 * MIB), b"e" * (3 * MIB)))

    with fake_agent(socket_path, behave):
        done = native("get")
    assert (done.returncode, len(done.stdout), done.stderr == b"e" * (3 * MIB)) == (0, 3 * MIB, True)


def test_an_agent_that_answers_before_it_has_read(native: Forwarder, socket_path: Path) -> None:
    """It may answer D to a large request and close the connection; the rest of the request is of no use then."""

    def behave(connection: Connection) -> None:
        connection.send(declined(b"too large for this agent"))

    with fake_agent(socket_path, behave):
        done = native("store", stdin=bytes(4 * MIB))
    assert (done.returncode, done.stdout.startswith(b"too large for this agent")) == (1, True)


def test_a_deleted_working_directory(forwarder: Forwarder, socket_path: Path, tmp_path: Path) -> None:
    """The agent gets no directory."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["/bin/sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *forwarder.command("list")]
    with fake_agent(socket_path, echo) as calls:
        done = checked(command, env={"PATH": SYSTEM_PATH}, cwd=gone)
    assert (done.returncode, [call.directory for call in calls]) == (0, [b""])


def test_the_limit_of_the_environment(native: Forwarder, socket_path: Path, original: Path) -> None:
    """Up to 256 KiB goes to the agent; with a byte more, the agent gets nothing, and the original program runs."""
    native.put_before(original)
    with fake_agent(socket_path, echo) as calls:
        assert native("list").returncode == 0
        [call] = calls
        # three variables, because the kernel allows 128 KiB for one
        missing = ENVIRONMENT_LIMIT - len(call.environment) - 3 * len("V0=\0")
        values = {f"V{number}": "v" * (missing // 3) for number in range(3)}
        values["V0"] += "v" * (missing % 3)
        assert native("list", env=values).returncode == 0
        assert len(calls[1].environment) == ENVIRONMENT_LIMIT
        values["V0"] += "v"
        assert native("list", env=values).stdout.startswith(b"original list\n")
        assert len(calls) == 2


def test_the_limit_of_the_input(native: Forwarder, socket_path: Path, original: Path) -> None:
    """A frame of 8 MiB goes to the agent; with a byte more, the agent gets nothing, and the original gets all of it."""
    native.put_before(original)
    with fake_agent(socket_path, echo) as calls:
        native("store")
        [call] = calls
        size = LIMIT - 5 * 4 - sum(map(len, call))
        assert native("store", stdin=bytes(size)).stdout == bytes(size)
        assert len(calls[1].input) == size
        for larger in (size + 1, size + 3 * MIB):
            done = native("store", stdin=bytes(larger))
            assert (done.returncode, done.stdout == b"original store\n" + bytes(larger)) == (7, True)
        assert len(calls) == 2


def test_too_large_without_an_original(native: Forwarder, socket_path: Path) -> None:
    """The forwarder prints why."""
    with fake_agent(socket_path, echo) as calls:
        done = native("store", stdin=bytes(LIMIT))
        assert done.stdout == b"standard input is too large, and there is no original program\n"
        done = native("get", env={f"V{number}": "v" * 100_000 for number in range(3)})
        assert done.stdout == b"the environment is too large, and there is no original program\n"
    assert (done.returncode, calls) == (1, [])


@pytest.mark.parametrize("words", [(), ("get", "registry.example"), ("", "")])
def test_another_number_of_words_is_a_matter_of_the_original(
    native: Forwarder, socket_path: Path, original: Path, words: tuple[str, ...]
) -> None:
    """The agent is not asked. Without an original, usage is printed."""
    with fake_agent(socket_path, echo) as calls:
        done = native(*words)
        usage = b"Usage: docker-credential-harbour <store|get|erase|list|version>\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, usage, b"")
        native.put_before(original)
        done = native(*words, stdin=b"input")
        assert (done.returncode, done.stdout) == (7, " ".join(["original", *words]).encode() + b"\ninput")
    assert calls == []


def test_a_word_that_is_no_verb_is_a_matter_of_the_original(
    native: Forwarder, socket_path: Path, original: Path
) -> None:
    """Such as --help, or a command of the original that asks the user. Without an original, the agent is asked."""
    with fake_agent(socket_path, echo) as calls:
        assert native("--help").returncode == 0
        assert [call.verb for call in calls] == [b"--help"]
        native.put_before(original)
        done = native("login", stdin=b"input")
        assert (done.returncode, done.stdout, len(calls)) == (7, b"original login\ninput", 1)


@pytest.mark.parametrize("name", ["docker-credential-", "harbour", "docker-credential"])
def test_a_name_that_is_no_helpers(native: Forwarder, name: str, tmp_path: Path) -> None:
    """A program by another name is no helper: usage, and no agent is asked."""
    link = tmp_path / name
    link.symlink_to(native.program)
    done = checked([str(link), "get"])
    assert (done.returncode, done.stdout.partition(b" <")[0]) == (1, b"Usage: docker-credential-NAME")
