"""A server on a unix socket: one thread answers as long as it does not wait, and no client keeps the others waiting."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from e2e.programs import wait_until
from shorepass.http.unix_server import UnixServer

SECONDS = 60.0


class Server(UnixServer):
    """Answers a letter with the number of the thread. ``wait`` hands over first, and ``stuck`` does not."""

    def __init__(self, listening: socket.socket, connections: int) -> None:
        super().__init__(listening, connections=connections)
        self.released = threading.Event()
        self.waits = threading.Semaphore(0)
        self.threads: set[threading.Thread] = set()

    def serve(self, connection: socket.socket) -> None:
        self.threads.add(threading.current_thread())
        verb = connection.recv(100)
        if verb == b"wait":
            self.hand_over()
            self.hand_over()  # which changes nothing
        if verb in (b"wait", b"stuck"):
            self.waits.release()
            assert self.released.wait(SECONDS)
        connection.sendall(str(threading.get_ident()).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("")  # autobind: a name in the kernel only, of this test
        listening.listen()
        server = Server(listening, connections=20)
        server.start()
        yield server
        server.released.set()
        listening.shutdown(socket.SHUT_RDWR)
    for thread in server.threads:
        thread.join(SECONDS)
        assert not thread.is_alive()


def connection(server: Server, verb: bytes) -> socket.socket:
    wire = socket.socket(socket.AF_UNIX)
    wire.settimeout(SECONDS)
    wire.connect(server._listening.getsockname())
    if verb:  # to send nothing can fail, too, where the other end is closed
        wire.sendall(verb)
    return wire


def ask(server: Server, verb: bytes = b"now") -> bytes:
    with connection(server, verb) as wire:
        return wire.recv(100)


def test_one_thread_answers_all_that_need_not_wait(server: Server) -> None:
    """A hundred calls in turn are answered by the same thread."""
    assert len({ask(server) for _ in range(100)}) == 1


def test_callers_that_wait_keep_no_one_waiting(server: Server) -> None:
    """While ten calls wait, another one is answered; then the ten are, and one thread answers again."""
    waiting = [connection(server, b"wait") for _ in range(10)]
    for _ in waiting:
        assert server.waits.acquire(timeout=SECONDS)
    assert ask(server) == ask(server)
    server.released.set()
    assert len({wire.recv(100) for wire in waiting}) == 10
    for wire in waiting:
        wire.close()
    assert ask(server) == ask(server)


def test_a_crowd_leaves_no_thread_behind(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the threads of twenty calls, only those that may be spare and the one that accepts remain."""
    monkeypatch.setattr("shorepass.http.unix_server.SPARE", 3)
    waiting = [connection(server, b"wait") for _ in range(20)]
    for _ in waiting:
        assert server.waits.acquire(timeout=SECONDS)
    server.released.set()
    for wire in waiting:
        assert wire.recv(100)
        assert wire.recv(100) == b""
        wire.close()
    wait_until(lambda: sum(thread.is_alive() for thread in server.threads) <= 4 or None, "the other threads to end")
    assert ask(server)


def test_a_thread_that_is_stuck_is_relieved(server: Server) -> None:
    """A call that waits without a word keeps others waiting only until the second look."""
    with connection(server, b"stuck") as stuck:
        assert server.waits.acquire(timeout=SECONDS)
        with connection(server, b"now") as other:
            server.relieve()
            server.relieve()
            answer = other.recv(100)
        server.released.set()
        assert stuck.recv(100) != answer


def test_a_look_at_a_server_that_does_nothing_changes_nothing(server: Server) -> None:
    """The thread that waits for a connection keeps its turn, however often it is looked at."""
    before = ask(server)
    wait_until(lambda: server._serving is None or None, "the thread to accept again")  # after its answer, it closes
    for _ in range(3):
        server.relieve()
    assert ask(server) == before


def test_more_connections_than_the_limit_are_closed(server: Server) -> None:
    """The twenty-first connection ends at once, and there is room again when one has ended."""
    waiting = [connection(server, b"wait") for _ in range(20)]
    for _ in waiting:
        assert server.waits.acquire(timeout=SECONDS)
    with connection(server, b"") as refused:
        assert refused.recv(100) == b""
    server.released.set()
    for wire in waiting:
        assert wire.recv(100)
        assert wire.recv(100) == b""
        wire.close()
    assert ask(server)
