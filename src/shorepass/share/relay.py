"""A grant's socket in a container that already runs, by way of a forwarder that the engine starts there.

The forwarder passes each caller's frame to its standard output, and gets the answer from its standard input. At the end of that
input it removes itself and its files, so also when this process is killed. What arrives from a container is not trusted.
"""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING, Self

from shorepass import files
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.agent_client.forwarder_file import path_for
from shorepass.agent_client.frames import HEADER_SIZE, VERSION, Frame, FrameError, Kind, decode_body, decode_header
from shorepass.contexts.containers.archive import Entry, packed
from shorepass.errors import ContextError, UsageError, printable
from shorepass.grants.contents import HELPER_INSIDE, INSIDE
from shorepass.grants.folder import CONFIG_FOLDER, socket_of
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from shorepass.contexts.containers.container import ContainerContext
    from shorepass.grants.grant import Grant

__all__ = ["Relay"]

BODY_LIMIT = 1024 * 1024  # bytes, as for a grant's socket
ANSWER_SECONDS = 55.0  # the forwarder's own patience
READY_SECONDS = 15.0
END_SECONDS = 5.0  # for the forwarder to remove its files
POLL_SECONDS = 0.2  # how late the end of a grant is seen
CHUNK = 65536  # bytes
PIECE = 8  # bytes before each piece of output: the stream's number, three zeros, the length
OUTPUT, ERRORS = 1, 2
ERRORS_LIMIT = 1024  # bytes
MARK = b"(shorepass forwarder)"
# The words of container runtimes, and what they mean for a program that was copied there just before.
WHY_NOT_STARTED = {
    "permission denied": "the file system there runs no programs (noexec)",
    "no such file": "the folder is on a tmpfs, to which docker cannot copy",
}
PROGRAM_LIMIT = 1024 * 1024  # bytes


class _Ended(Exception):
    """The program in the container has ended."""


class Relay:
    """Serves a grant in a container. Raises ContextError, UsageError: it cannot be started there.

    >>> with Relay(container, grant) as relay:
    ...     relay.serve()
    """

    def __init__(self, container: ContainerContext, grant: Grant) -> None:
        if not container.is_running:
            raise ContextError(container.name, "it does not run", hint=f"start it: {container.engine.family} start ...")
        self._name = container.name
        self._grant = grant
        self._left = 0  # bytes of the current piece
        self._stream = OUTPUT
        self._errors = b""
        _copy_program(container)
        self._wire = container.engine.attach(container.id, [HELPER_INSIDE, "--relay", INSIDE])
        try:
            self._begin()
        except BaseException:
            self._wire.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the forwarder, and wait until it has removed its files."""
        with self._wire:
            try:
                self._wire.shutdown(socket.SHUT_WR)
                deadline = time.monotonic() + END_SECONDS
                while True:
                    self._output(CHUNK, deadline)
            except (OSError, _Ended):
                pass

    def serve(self) -> str:
        """Answer the container until the grant ends, and return "", or why the relay has ended before."""
        try:
            while self._is_lent():
                if select.select([self._wire], [], [], POLL_SECONDS)[0]:
                    self._wire.sendall(self._answer().encode())
        except FrameError:
            return "the container has sent what the forwarder does not send"
        except (OSError, _Ended):
            return self._said() or "the container or its forwarder has ended"
        return ""

    def _is_lent(self) -> bool:
        return not self._grant.end(time.time()) and files.status(self._grant.folder) is not None

    def _begin(self) -> None:
        """Give the forwarder the config file, and wait until it listens. Raises ContextError."""
        path = os.path.join(self._grant.folder, CONFIG_FOLDER, "config.json")
        try:
            with Wait(self._name):
                self._wire.sendall(Frame(Kind.READY, (_content(path),)).encode())
                self._wait_until_ready(time.monotonic() + READY_SECONDS)
        except (OSError, _Ended):
            reason = self._said() or "it does not start"
            for words, meaning in WHY_NOT_STARTED.items():
                if words in reason:
                    reason = meaning
            raise ContextError(self._name, f"{HELPER_INSIDE} cannot serve there: {reason}") from None

    def _wait_until_ready(self, deadline: float) -> None:
        """Wait for the forwarder's frame. What docker prints in its place is why it does not start. Raises _Ended, OSError."""
        first = self._output(HEADER_SIZE, deadline, whole=True)
        if first != Frame(Kind.READY, ()).encode():
            self._errors = first
            while True:
                self._errors = (self._errors + self._output(CHUNK, deadline))[:ERRORS_LIMIT]

    def _answer(self) -> Frame:
        """Take one frame of the container, and return the agent's answer. Raises FrameError, _Ended, OSError."""
        body = self._frame(Kind.CALL, time.monotonic() + READY_SECONDS)
        try:
            call = Frame(Kind.CALL, decode_body(body))
            path = socket_of(self._grant)
            with Connection.to(path, owner=os.geteuid(), seconds=ANSWER_SECONDS) as agent:
                agent.send(call)
                answer = agent.receive()
        except (ConnectionLost, FrameError) as error:
            return Frame(Kind.DECLINE, (f"the lender does not answer: {error}".encode(),))
        return answer or Frame(Kind.DECLINE, (b"the lender has ended the grant",))

    def _frame(self, kind: Kind, deadline: float) -> bytes:
        """Return the body of the next frame. Raises FrameError, _Ended, OSError."""
        header = decode_header(self._output(HEADER_SIZE, deadline, whole=True))
        if header.version != VERSION or header.kind != kind or header.length > BODY_LIMIT:
            raise FrameError("it is not a frame of a relay")
        return self._output(header.length, deadline, whole=True)

    def _output(self, size: int, deadline: float, *, whole: bool = False) -> bytes:
        """Return bytes of the program's standard output; without ``whole`` only those of one piece. Raises _Ended, OSError."""
        data = b""
        while len(data) < size:
            if self._left == 0:
                head = b""
                while len(head) < PIECE:
                    head += self._received(PIECE - len(head), deadline)
                self._stream, self._left = head[0], int.from_bytes(head[4:])
                continue
            wanted = min(size - len(data), self._left) if self._stream == OUTPUT else self._left
            chunk = self._received(wanted, deadline)
            self._left -= len(chunk)
            if self._stream == OUTPUT:
                data += chunk
                if not whole:
                    break
            else:
                self._errors = (self._errors + chunk)[-ERRORS_LIMIT:]
        return data

    def _received(self, size: int, deadline: float) -> bytes:
        self._wire.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = self._wire.recv(min(size, CHUNK))
        if not chunk:
            raise _Ended
        return chunk

    def _said(self) -> str:
        """Return the last of standard error."""
        return printable(self._errors.decode("utf-8", "replace").strip())


def _copy_program(container: ContainerContext) -> None:
    """Copy the forwarder into a container. Raises UsageError, ContextError."""
    program = path_for(container.platform, container.machine)
    if program is None:
        raise UsageError(f"this installation has no forwarder for {printable(container.machine)} containers")
    engine = container.engine
    there = engine.fetch(container.id, HELPER_INSIDE, PROGRAM_LIMIT)
    if there is not None and MARK not in there:
        raise ContextError(container.name, f"{HELPER_INSIDE} is there already, and is not Shorepass's forwarder")
    entries, parent = [], "/"
    for name in HELPER_INSIDE.strip("/").split("/")[:-1]:
        parent = os.path.join(parent, name)
        if engine.stat(container.id, parent) is None:
            entries.append(Entry(parent.strip("/"), None, 0o755))
    entries.append(Entry(HELPER_INSIDE.strip("/"), _content(program), 0o755))
    try:
        engine.put(container.id, "/", packed(entries, (0, 0)))
    except ContextError as error:
        reason = f"the forwarder cannot be copied to {HELPER_INSIDE}: {error.reason}"
        raise ContextError(container.name, reason) from None


def _content(path: str) -> bytes:
    """Return a file of this machine. Raises FileError."""
    found = files.read(path, PROGRAM_LIMIT)
    return found.data if found else b""
