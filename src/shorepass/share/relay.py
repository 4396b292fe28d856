"""A grant's socket in a target that already runs, by way of a forwarder there (``share.places``).

The forwarder passes each caller's frame to its standard output, with a number in it, and gets the answer with the same number
from its standard input. At the end of that input it removes itself and its files, so also when this process is killed. What
arrives from a target is not trusted.
"""

from __future__ import annotations

import os
import struct
import time
from threading import BoundedSemaphore, Lock, Thread
from typing import TYPE_CHECKING, Self

from shorepass import files
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.agent_client.frames import HEADER_SIZE, VERSION, Frame, FrameError, Kind, decode_body, decode_header
from shorepass.contexts.command import command
from shorepass.errors import ContextError, printable
from shorepass.grants.folder import CONFIG_FOLDER, socket_of
from shorepass.share.places import NotThere, missing_helpers, why_ended
from shorepass.share.wires import Ended
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from shorepass.grants.grant import Grant
    from shorepass.share.places import Place, Running
    from shorepass.share.wires import Wire

__all__ = ["Relay"]

BODY_LIMIT = 1024 * 1024  # bytes of a call, as for a grant's socket, and of an answer
ANSWER_SECONDS = 55.0  # the forwarder's own patience
READY_SECONDS = 15.0
END_SECONDS = 5.0  # for the forwarder to remove its files
POLL_SECONDS = 0.2  # how late the end of a grant is seen
CALLS = 32  # that wait for the agent at once: more than a forwarder has callers
ERRORS_LIMIT = 1024  # bytes
OWNER = struct.Struct(">II")
NUMBER = slice(2, 4)  # of a frame: the place of a call's number
# The words of container runtimes, and what they mean for a program that was copied there just before.
WHY_NOT_STARTED = {
    "permission denied": "the file system there runs no programs (noexec)",
    "no such file": "the folder is on a tmpfs, to which docker cannot copy",
}
BUSY = "another relay is there already"


class Relay:
    """Serves a grant in a target. Raises ContextError, UsageError: it cannot be started there.

    >>> with Relay(running(here, "docker:web"), grant) as relay:
    ...     relay.serve()
    """

    def __init__(self, target: Running, grant: Grant) -> None:
        self._target = target.context
        self._grant = grant
        self._sending = Lock()
        self._is_stuck = False
        self._free = BoundedSemaphore(CALLS)
        path = os.path.join(grant.folder, CONFIG_FOLDER, "config.json")
        found = files.read(path, BODY_LIMIT)
        config = found.data if found else b""
        names = [name.encode() for name in missing_helpers(target.context)]
        troubles = []
        for way in target.ways:
            try:
                place = way(target.context)
                owner = OWNER.pack(*place.owner) if place.owner else b""
                first = Frame(Kind.READY, (config, owner, *names))
                self._received = _begin(place, first)
                break
            except NotThere as error:
                troubles.append(error.reason)
        else:
            raise ContextError(target.context.name, "; ".join(troubles))
        self.variables = place.variables
        self._wire: Wire = place.wire

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the forwarder, and wait until it has removed its files."""
        self._wire.end_input()
        deadline = time.monotonic() + END_SECONDS
        try:
            while (left := deadline - time.monotonic()) > 0:
                self._wire.receive(left)
        except Ended:
            pass
        self._wire.close()

    def serve(self) -> str:
        """Answer the target until the grant ends, and return "", or why the relay has ended before."""
        try:
            while self._is_lent():
                if self._is_stuck:
                    return "it takes no answers"
                self._received += self._wire.receive(POLL_SECONDS)
                self._take_frames()
        except FrameError:
            return "the target has sent what the forwarder does not send"
        except Ended:
            return self._wire.said or why_ended(self._target)
        return ""

    def _is_lent(self) -> bool:
        return not self._grant.end(time.time()) and files.status(self._grant.folder) is not None

    def _take_frames(self) -> None:
        """Let a thread answer each whole frame. Raises FrameError."""
        while len(self._received) >= HEADER_SIZE:
            number = bytes(self._received[NUMBER])
            self._received[NUMBER] = bytes(2)
            header = decode_header(bytes(self._received[:HEADER_SIZE]))
            if header.version != VERSION or header.kind != Kind.CALL or header.length > BODY_LIMIT:
                raise FrameError("it is not a frame of a relay")
            size = HEADER_SIZE + header.length
            if len(self._received) < size:
                self._received[NUMBER] = number
                return
            body = bytes(self._received[HEADER_SIZE:size])
            del self._received[:size]
            while not self._free.acquire(timeout=POLL_SECONDS):
                if not self._is_lent():
                    return
            Thread(target=self._answer, args=(number, body), daemon=True).start()

    def _answer(self, number: bytes, body: bytes) -> None:
        """Send the agent's answer to one call."""
        try:
            answer = bytearray(self._asked(body).encode())
            answer[NUMBER] = number
            with self._sending:
                if not self._is_stuck:
                    self._wire.send(bytes(answer))
        except Ended:
            self._is_stuck = True  # a part may be sent; the thread that receives tells why
        finally:
            self._free.release()

    def _asked(self, body: bytes) -> Frame:
        """Return the agent's answer. A new connection for each call finds the next agent, too."""
        try:
            call = Frame(Kind.CALL, decode_body(body))
            path = socket_of(self._grant)
            with Connection.to(path, owner=os.geteuid(), seconds=ANSWER_SECONDS) as agent:
                agent.send(call)
                answer = agent.receive()
        except (ConnectionLost, FrameError) as error:
            return _decline(f"the lender does not answer: {error}")
        if answer is None:
            return _decline("the lender has ended the grant")
        is_small = sum(map(len, answer.fields)) < BODY_LIMIT // 2
        return answer if is_small else _decline("the lender's answer is too large")


def _decline(reason: str) -> Frame:
    return Frame(Kind.DECLINE, (reason.encode(),))


def _begin(place: Place, first: Frame) -> bytearray:
    """Give a forwarder its first frame, wait until it listens, and return what it sent behind that.

    Raises NotThere, ContextError.
    """
    expected = Frame(Kind.READY, ()).encode()
    received = bytearray(place.early)
    deadline = time.monotonic() + READY_SECONDS
    try:
        with Wait(place.name):
            place.wire.send(first.encode())
            while (left := deadline - time.monotonic()) > 0 and len(received) < ERRORS_LIMIT:
                if received.startswith(expected):
                    del received[: len(expected)]
                    return received
                received += place.wire.receive(left)
    except Ended:
        pass
    except BaseException:
        place.wire.close()
        raise
    said = place.wire.said
    place.wire.close()
    # docker prints on standard output why it does not start
    reason = said or printable(received.decode("utf-8", "replace").strip()) or "it does not start"
    for words, meaning in WHY_NOT_STARTED.items():
        if words in reason:
            reason = meaning
    if BUSY in reason:
        raise ContextError(place.name, f"it has a grant already: {BUSY}", hint=command(None, "grants"))
    raise NotThere(place.name, f"{place.program} cannot serve there: {reason}")
