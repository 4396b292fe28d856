"""The forwarder as a relay: callers at its socket, and the lender at its standard streams."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from forwarder.conftest import CRASHES, SANITISERS, Forwarder
from shorepass.agent_client.frames import Frame, Kind

CONFIG = b'{"credHelpers": {}}'
READY = Frame(Kind.READY, ()).encode()
CALL = Frame(Kind.CALL, (b"harbour", b"get", b"lent.example", b"/", b"A=1\0"))
CALLERS = 13  # at a time
RANDOM_RELAYS = 60


class Relay:
    """A forwarder that has started as a relay for the socket in ``folder``."""

    def __init__(self, forwarder: Forwarder, folder: Path) -> None:
        self.forwarder = forwarder
        self.folder = folder
        pipe = subprocess.PIPE
        command = forwarder.command("--relay", str(folder))
        env = {**os.environ, **SANITISERS}
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, bufsize=0)

    def send(self, data: bytes) -> None:
        """Send what the lender sends."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def begin(self, *names: bytes) -> None:
        """Send the first frame, and wait for its answer."""
        self.send(Frame(Kind.READY, (CONFIG, b"", *names)).encode())
        assert self.read(len(READY)) == READY

    def read(self, size: int) -> bytes:
        """Return so many bytes that the lender gets."""
        assert self.process.stdout is not None
        data = b""
        while len(data) < size:
            chunk = self.process.stdout.read(size - len(data))
            assert chunk, self.process.stderr and self.process.stderr.read()
            data += chunk
        return data

    def call(self) -> socket.socket:
        """Send a caller's frame, and return its connection."""
        caller = self.connect()
        caller.sendall(CALL.encode())
        return caller

    def connect(self) -> socket.socket:
        """Return a connection of a caller."""
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(60)
        try:
            caller.connect(str(self.folder / "agent.sock"))
        except OSError:
            caller.close()
            raise
        return caller

    def take(self) -> bytes:
        """Return the number of the next call that the lender gets."""
        whole = CALL.encode()
        data = self.read(len(whole))
        assert data[:2] + bytes(2) + data[4:] == whole
        return data[2:4]

    def answer(self, number: bytes, text: bytes) -> None:
        """Answer a call."""
        frame = Frame(Kind.ANSWER, (b"\0", text, b"")).encode()
        self.send(frame[:2] + number + frame[4:])

    def end(self) -> int:
        """End its input, and return its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60)

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        self.process.wait()


def received(caller: socket.socket) -> bytes:
    """Return all that a caller gets."""
    with caller:
        return b"".join(iter(lambda: caller.recv(4096), b""))


def left(relay: Relay) -> dict[str, bytes]:
    """Return the files in a relay's folder. An empty config remains, because podman stops without the file that it is told."""
    found = [path for path in relay.folder.rglob("*") if not path.is_dir()]
    return {str(path.relative_to(relay.folder)): path.read_bytes() for path in found}


def answered(text: bytes) -> bytes:
    """Return the answer as a caller gets it."""
    return Frame(Kind.ANSWER, (b"\0", text, b"")).encode()


@pytest.fixture
def relay(native: Forwarder, tmp_path: Path) -> Iterator[Relay]:
    """A relay, as it is installed and sanitised."""
    with contextlib.closing(Relay(native, tmp_path / "relay")) as relay:
        yield relay


def test_answers_in_any_order(relay: Relay) -> None:
    """A caller whose answer is late does not hold up others; each gets its own, and a gone one nobody's."""
    relay.begin()
    slow = relay.call()
    slow_number = relay.take()
    gone = relay.call()
    gone_number = relay.take()
    gone.close()
    for text in (b"one", b"two"):
        quick = relay.call()
        relay.answer(relay.take(), text)
        assert received(quick) == answered(text)
    relay.answer(gone_number, b"nobody's")
    relay.answer(b"\xff\xff", b"unknown")
    relay.answer(slow_number, b"late")
    assert received(slow) == answered(b"late")
    assert relay.end() == 0
    assert left(relay) == {"config/config.json": b"{}\n"}


def test_more_callers_than_places(relay: Relay) -> None:
    """Those who come later wait, and are served when a place is free."""
    relay.begin()
    callers = [relay.call() for _ in range(CALLERS + 5)]
    for _ in callers:
        relay.answer(relay.take(), b"yes")
    assert [received(caller) for caller in callers] == [answered(b"yes")] * len(callers)
    assert relay.end() == 0


def test_callers_without_a_frame(impatient: Forwarder, tmp_path: Path) -> None:
    """Callers who send nothing, or no frame, keep no place."""
    with contextlib.closing(Relay(impatient, tmp_path / "relay")) as relay:
        relay.begin()
        silent = [relay.connect() for _ in range(CALLERS)]
        caller = relay.call()
        relay.answer(relay.take(), b"yes")
        assert received(caller) == answered(b"yes")
        assert [received(one) for one in silent] == [b""] * len(silent)
        for garbage in (
            b"\1M\0\0\0\0\0\0",
            b"\2C\0\0\0\0\0\0",
            b"\1C\0\1\0\0\0\0",
            b"\1C\0\0\xff\xff\xff\xff",
            b"GET /\r\n",
        ):
            caller = relay.connect()
            caller.sendall(garbage)
            assert received(caller) == b""
        assert relay.end() == 0


def test_a_large_answer_to_a_slow_reader(relay: Relay) -> None:
    """It does not hold up others, and arrives whole."""
    relay.begin()
    text = os.urandom(1_000_000)
    slow = relay.call()
    relay.answer(relay.take(), text)
    quick = relay.call()
    relay.answer(relay.take(), b"yes")
    assert received(quick) == answered(b"yes")
    assert received(slow) == answered(text)
    assert relay.end() == 0


@pytest.mark.parametrize(
    "wrong",
    [b"\1C\0\0\0\0\0\0", b"\2A\0\0\0\0\0\0", b"\1A\0\0\x00\x10\x00\x01", b"\1R\0\0\0\0\0\0", b"\1\0\0\0\0\0\0\0"],
)
def test_what_a_lender_does_not_send(relay: Relay, wrong: bytes) -> None:
    """The relay ends, its files are removed, and callers have no answer."""
    relay.begin()
    caller = relay.call()
    relay.take()
    relay.send(wrong)
    assert relay.process.wait(60) == 0
    assert received(caller) == b""
    assert (left(relay), relay.forwarder.path.is_symlink()) == ({"config/config.json": b"{}\n"}, False)


def test_further_names(relay: Relay) -> None:
    """It gets the names that nothing has, beside it, and removes no other's; a name that is a path is none."""
    beside = relay.forwarder.path.parent
    (beside / "docker-credential-mine").write_text("mine")
    names = (b"desktop", b"mine", b"../x", b"", b"a\0b", b"n" * 64, b"gcloud")
    relay.begin(*names)
    caller = relay.call()  # the names are there before a call is passed on
    relay.answer(relay.take(), b"yes")
    received(caller)
    suffixes = {path.name.removeprefix("docker-credential-") for path in beside.iterdir()}
    assert suffixes == {"harbour", "desktop", "mine", "gcloud"}
    assert (beside / "docker-credential-desktop").samefile(relay.forwarder.path)
    assert relay.end() == 0
    assert [path.name for path in beside.iterdir()] == ["docker-credential-mine"]


def test_another_relay(relay: Relay, native: Forwarder) -> None:
    """The second in a folder ends with a sentence, and the first goes on."""
    relay.begin()
    with contextlib.closing(Relay(native, relay.folder)) as second:
        second.send(Frame(Kind.READY, (CONFIG, b"")).encode())
        assert second.process.wait(60) == 1
        assert second.process.stderr is not None
        assert second.process.stderr.read() == b"another relay is there already\n"
    caller = relay.call()
    relay.answer(relay.take(), b"yes")
    assert received(caller) == answered(b"yes")
    assert relay.end() == 0


def test_an_end_before_the_beginning(relay: Relay) -> None:
    """The program is removed, and no folder was made."""
    assert relay.end() == 1
    assert (relay.folder.exists(), relay.forwarder.path.is_symlink()) == (False, False)


def test_a_config_file_of_another(relay: Relay, tmp_path: Path) -> None:
    """A link in the place of the config file is replaced, and its target is not written."""
    target = tmp_path / "target"
    target.write_text("theirs")
    config = relay.folder / "config/config.json"
    config.parent.mkdir(parents=True)
    config.symlink_to(target)
    relay.begin()
    assert (config.is_symlink(), config.read_bytes(), target.read_text()) == (False, CONFIG, "theirs")
    assert relay.end() == 0


def test_random_bytes(sanitised: Path, tmp_path: Path) -> None:
    """Whatever a lender and callers send, the relay does not crash, and leaves nothing. ``make fuzz`` has others each time."""
    seed = os.urandom(8).hex() if "SHOREPASS_FUZZ" in os.environ else "14"
    chance = random.Random(seed)
    for case in range(RANDOM_RELAYS):
        folder = tmp_path / str(case)
        forwarder = Forwarder(sanitised, folder)
        with contextlib.closing(Relay(forwarder, folder / "relay")) as relay:
            names = [chance.randbytes(chance.randrange(70)) for _ in range(chance.randrange(16))]
            first = Frame(Kind.READY, (CONFIG, chance.choice((b"", bytes(8), b"1")), *names[:14])).encode()
            with contextlib.suppress(OSError):
                relay.send(first if case % 2 else changed(first, chance))
                if case % 2:
                    talk(relay, chance)
            assert relay.end() not in CRASHES, (seed, case, relay.process.stderr and relay.process.stderr.read())
            assert relay.process.stderr is not None
            assert b"runtime error" not in relay.process.stderr.read()
            assert not (folder / "relay/agent.sock").exists()


def talk(relay: Relay, chance: random.Random) -> None:
    """Send random frames from callers and from the lender, until one of them ends it."""
    programs.wait_until(lambda: (relay.folder / "agent.sock").exists() or relay.process.poll(), "its socket")
    answer = Frame(Kind.ANSWER, (b"\0", b"text", b"")).encode()
    with contextlib.ExitStack() as callers:
        for _ in range(chance.randrange(40)):
            caller = relay.connect()
            callers.callback(caller.close)
            caller.sendall(changed(CALL.encode(), chance) if chance.randrange(2) else CALL.encode())
            if chance.randrange(3) == 0:
                caller.close()
            if chance.randrange(2):
                relay.send(answer[:2] + struct.pack(">H", chance.randrange(60)) + answer[4:])
        relay.send(changed(answer, chance))


def changed(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with some of them changed, and some cut off or added."""
    found = bytearray(data)
    for _ in range(chance.randrange(4)):
        found[chance.randrange(len(found))] = chance.choice((0, 1, 4, 127, 255, chance.randrange(256)))
    end = chance.choice((len(found), chance.randrange(len(found)) + 1))
    return bytes(found[:end]) + chance.randbytes(chance.choice((0, 0, 9)))
