"""Standard streams as they are in real life: closed, full, broken, not waiting, a terminal."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from e2e.programs import wait_until
from forwarder.conftest import CRASHES, SANITISERS, Forwarder, checked
from forwarder.fake_agent import Connection, answer, declined, fake_agent

CLOSED = [closed for size in range(4) for closed in combinations((0, 1, 2), size)]


def reply(connection: Connection) -> None:
    connection.call()
    connection.send(answer(3, b"out", b"err"))


def decline(connection: Connection) -> None:
    connection.call()
    connection.send(declined(b"no"))


def echo(connection: Connection) -> None:
    connection.send(answer(0, connection.call().input))


def without(descriptors: tuple[int, ...], command: list[str]) -> list[str]:
    """Return the command that runs ``command`` with these descriptors closed."""
    script = " ".join(["exec", '"$@"', *(f"{number}>&-" for number in descriptors)])
    return ["/bin/sh", "-c", script, "sh", *command]


@pytest.mark.parametrize("closed", CLOSED)
def test_closed_streams(native: Forwarder, socket_path: Path, closed: tuple[int, ...]) -> None:
    """What is written to a closed stream goes nowhere else, and a closed input is an empty one."""
    with fake_agent(socket_path, reply) as calls:
        done = checked(without(closed, native.command("get")), stdin=b"input")
    [call] = calls
    assert call.input == (b"" if 0 in closed else b"input")
    assert done.returncode == (1 if 1 in closed else 3)
    assert done.stdout == (b"" if 1 in closed else b"out")
    assert done.stderr == (b"" if 2 in closed else b"err")


@pytest.mark.parametrize("closed", CLOSED)
def test_streams_closed_before_an_original(
    native: Forwarder, socket_path: Path, tmp_path: Path, closed: tuple[int, ...]
) -> None:
    """The original has the same streams, and no other."""
    seen = tmp_path / "seen"
    program = tmp_path / "own"
    program.write_text(f"#!/bin/sh\n/bin/ls /proc/$$/fd >{seen}\nexit 7\n")
    program.chmod(0o755)
    native.put_before(program)
    wanted = [str(program), "store"]
    for agent in (socket_path, socket_path.with_name("other")):
        for size in (5, 1 << 20):
            assert checked(without(closed, wanted), stdin=bytes(size)).returncode == 7
            expected = seen.read_text()
            seen.unlink()
            with fake_agent(agent, decline):
                assert checked(without(closed, native.command("store")), stdin=bytes(size)).returncode == 7
            assert seen.read_text() == expected


@pytest.mark.parametrize("size", [3, 1 << 20])
def test_nobody_reads_the_output(native: Forwarder, socket_path: Path, size: int) -> None:
    """A broken pipe is a failure, and no signal ends the program."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(answer(0, bytes(size)))

    reading, writing = os.pipe()
    os.close(reading)
    with fake_agent(socket_path, behave):
        done = subprocess.run(
            native.command("get"),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            env={**os.environ, **SANITISERS},
            check=False,
        )
    os.close(writing)
    assert done.returncode == 1


@pytest.mark.parametrize("verb", ["get", "store", "erase"])
def test_a_caller_that_writes_slowly(native: Forwarder, verb: str) -> None:
    """Where nothing answers, the program still takes the input whole, as every helper does."""
    env = {**os.environ, **SANITISERS}
    for variables in ({}, {"LARGE": "x" * 100_000, "LARGER": "x" * 100_000, "LARGEST": "x" * 100_000}):
        with subprocess.Popen(
            native.command(verb),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env | variables,
        ) as call:
            assert call.stdin is not None
            assert call.stderr is not None
            ended, _, _ = select.select([call.stderr], [], [], 0.2)  # an answer before the input would be here by now
            assert not ended
            call.stdin.write(b"registry.example")
            call.stdin.close()
            assert call.wait() == 1


def test_a_full_disk(native: Forwarder, socket_path: Path) -> None:
    """An answer that could not be written is a failure."""
    with fake_agent(socket_path, reply), open("/dev/full", "wb") as full:
        command = native.command("get")
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=full, env={**os.environ, **SANITISERS}, check=False
        )
    assert done.returncode == 1


def test_streams_that_do_not_wait(native: Forwarder, socket_path: Path) -> None:
    """Streams with O_NONBLOCK, as a parent that runs an event loop hands them on."""
    data = os.urandom(1 << 20)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with fake_agent(socket_path, echo), ours, theirs:
        env = {**os.environ, **SANITISERS}
        with subprocess.Popen(native.command("store"), stdin=theirs, stdout=theirs, env=env) as call:
            theirs.close()
            ours.sendall(data)
            ours.shutdown(socket.SHUT_WR)
            output = b""
            while more := ours.recv(65536):
                output += more
            assert call.wait() == 0
    assert output == data


def test_an_input_without_an_end(impatient: Forwarder, socket_path: Path) -> None:
    """The caller keeps its end of the pipe open, and writes nothing."""
    with fake_agent(socket_path, echo):
        env = {**os.environ, **SANITISERS}
        command = impatient.command("get")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as call:
            assert call.stdout is not None
            assert call.stdout.read() == b"standard input has not ended within 1 seconds\n"
            assert call.wait() == 1


def test_an_output_that_is_never_read(impatient: Forwarder, socket_path: Path) -> None:
    """A pipe that stays full ends the call after its time."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(answer(0, bytes(1 << 20), bytes(1 << 20)))

    with fake_agent(socket_path, behave):
        command = impatient.command("list")
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **SANITISERS}) as call:
            assert call.wait() == 1
            assert call.returncode not in CRASHES


def on_a_terminal(command: list[str], typed: bytes) -> tuple[bytes, int]:
    """Run a command with a terminal as its standard input; return its standard output and status."""
    ours, theirs = pty.openpty()
    env = {**os.environ, **SANITISERS}
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, env=env) as call:
        os.close(theirs)
        os.write(ours, typed)
        output, _ = call.communicate()
    os.close(ours)
    return output, call.returncode


def test_a_terminal_is_a_matter_of_the_original(native: Forwarder, socket_path: Path, original: Path) -> None:
    """The user types. Without an original, the input ends with the key for that, and the agent is asked."""
    with fake_agent(socket_path, echo) as calls:
        assert on_a_terminal(native.command("get"), b"typed\n\x04") == (b"typed\n", 0)
        assert [call.input for call in calls] == [b"typed\n"]
        native.put_before(original)
        assert on_a_terminal(native.command("get"), b"typed\n\x04") == (b"original get\ntyped\n", 7)
        assert len(calls) == 1


def test_list_on_a_terminal_waits_for_nothing(native: Forwarder, socket_path: Path, original: Path) -> None:
    """It reads no input, so the agent answers."""
    native.put_before(original)
    with fake_agent(socket_path, reply):
        assert on_a_terminal(native.command("list"), b"") == (b"out", 3)


def test_no_core_dump(installed: Forwarder, socket_path: Path, tmp_path: Path) -> None:
    """While the forwarder has a secret, a signal writes none of its memory; an original has the caller's limit."""
    seen = tmp_path / "seen"
    program = tmp_path / "own"
    program.write_text(f"#!/bin/sh\n/bin/cat /proc/$$/limits >{seen}\n")
    program.chmod(0o755)
    installed.put_before(program)
    limited = ["/bin/sh", "-c", 'ulimit -S -c 8; exec "$@"', "sh"]  # 8 blocks of 512 bytes

    def behave(connection: Connection) -> None:
        connection.call()
        connection.stay()

    with fake_agent(socket_path, behave) as calls:
        with subprocess.Popen([*limited, *installed.command("store")], stdin=subprocess.DEVNULL) as call:
            wait_until(lambda: True if calls else None, "the forwarder to ask")
            assert core_limit(Path(f"/proc/{call.pid}/limits")) == "0"
            call.kill()
        checked([*limited, *installed.command("--other")])
    assert core_limit(seen) == "4096"


def core_limit(path: Path) -> str:
    """Return the limit of a core dump, out of a file of /proc."""
    [line] = [line for line in path.read_text().splitlines() if line.startswith("Max core file size")]
    return line.split()[4]
