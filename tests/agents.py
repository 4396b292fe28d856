"""Asks an agent as the forwarder does, for tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from e2e import programs
from shorepass.agent_client.address import own_addresses
from shorepass.agent_client.connection import Connection
from shorepass.agent_client.frames import Frame, Kind
from shorepass.contexts.local import LocalContext

SECONDS = 60.0


class Answered(NamedTuple):
    """What an agent answered: ``declined`` is its reason, "" if it answered the call."""

    status: int
    output: bytes
    errors: bytes = b""
    declined: str = ""


def socket_path() -> str:
    """Return the socket of the test's agent."""
    return own_addresses(LocalContext.current())[0].path


def join_variables(environ: Sequence[tuple[str, str]]) -> bytes:
    """Return variables as the field ``environment`` has them."""
    return b"".join(f"{name}={value}\0".encode("utf-8", "surrogateescape") for name, value in environ)


def call(verb: str, stdin: bytes = b"", *, name: str = "shorepass", env: Mapping[str, str] | None = None) -> Frame:
    """Return the frame of a call with the test's environment and working directory. ``env`` is added."""
    variables = join_variables(list({**os.environ, **(env or {})}.items()))
    return Frame(Kind.CALL, (name.encode(), verb.encode(), stdin, os.getcwd().encode(), variables))


def ask(
    verb: str, stdin: bytes = b"", *, name: str = "shorepass", env: Mapping[str, str] | None = None, path: str = ""
) -> Answered:
    """Ask the test's agent, by a connection of its own."""
    with Connection.to(path or socket_path(), owner=None, seconds=SECONDS) as connection:
        connection.send(call(verb, stdin, name=name, env=env))
        return answered(connection.receive())


def answered(frame: Frame | None) -> Answered:
    """Return what a frame says."""
    assert frame is not None, "the agent closed the connection"
    if frame.kind is Kind.DECLINE:
        return Answered(1, b"", declined=frame.fields[0].decode())
    assert frame.kind is Kind.ANSWER
    status, output, errors = frame.fields
    return Answered(status[0], output, errors)


def kill(pid: int) -> None:
    """Kill an agent that a test started, and wait for its end."""
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Wait for the end of an agent, which is not a child of the test."""

    def ended() -> bool | None:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        return True if state == "Z" else None

    programs.wait_until(ended, f"the agent {pid} to end")
