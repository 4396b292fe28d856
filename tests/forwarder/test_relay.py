"""The relay in a build that finds each access outside of a frame: no caller and no answer harms it."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from forwarder.conftest import CRASHES, SANITISERS
from forwarder.fake_agent import answer, exactly, frame

SECONDS = 60.0
CONFIG = b'{"credsStore": "shorepass"}'
GOOD = answer(0, b"out")
CALL = frame(b"C", b"shorepass", b"get", b"registry.example", b"/", b"HOME=/root\0")


class Relay:
    """A relay, as its other end sees it. ``folder``: where it listens."""

    def __init__(self, program: Path) -> None:
        self.folder = program.parent
        self.process = subprocess.Popen(
            [program, "--relay", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=SANITISERS,
        )

    def write(self, data: bytes) -> None:
        """Write to its standard input, which it may have closed."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def read(self) -> bytes:
        """Read one frame of its standard output; nothing at the end."""
        assert self.process.stdout is not None
        header = self.process.stdout.read(8)
        return header + self.process.stdout.read(int.from_bytes(header[4:], "big")) if header else b""

    def call(self, data: bytes) -> socket.socket:
        """Connect to it and send bytes."""
        wire = socket.socket(socket.AF_UNIX)
        wire.connect(str(self.folder / "agent.sock"))
        wire.settimeout(SECONDS)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it does not read all
            wire.sendall(data)
        return wire

    def end(self) -> None:
        """End its standard input. It must end without an error of C, and without a file left."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        if not self.process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            errors = self.process.stderr.read()
            assert self.process.wait(SECONDS) not in CRASHES, errors.decode()
            assert b"runtime error" not in errors
            assert not self.folder.exists()


@pytest.fixture
def started(sanitised: Path, tmp_path: Path) -> Iterator[Relay]:
    """A relay that waits for its first frame. Its program is in its folder, of which nothing may remain."""
    path = tmp_path / "relay/docker-credential-shorepass"
    path.parent.mkdir()
    path.write_bytes(sanitised.read_bytes())
    path.chmod(0o755)
    made = Relay(path)
    with made.process:
        yield made
        made.end()


@pytest.fixture
def relay(started: Relay) -> Relay:
    """A relay that is ready."""
    started.write(frame(b"R", CONFIG, b""))
    assert started.read() == b"\1R" + bytes(6)
    return started


def answer_all(relay: Relay) -> None:
    """Answer each call until the relay ends."""
    while asked := relay.read():
        assert asked[:2] == b"\1C"
        relay.write(b"\1A" + asked[2:4] + GOOD[4:])


@contextlib.contextmanager
def answering(relay: Relay) -> Iterator[None]:
    """Answer each call, and end the relay afterwards."""
    thread = threading.Thread(target=answer_all, args=(relay,))
    thread.start()
    try:
        yield
    finally:
        relay.end()
        thread.join(SECONDS)


def test_a_call_and_its_answer(relay: Relay) -> None:
    """A caller's frame comes out, and the answer with its number goes back."""
    assert (relay.folder / "config/config.json").read_bytes() == CONFIG
    with answering(relay), relay.call(CALL) as wire:
        assert exactly(wire, len(GOOD)) == GOOD


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Change some bytes, cut some off, or add some."""
    changed = bytearray(data)
    for _ in range(dice.randrange(4)):
        changed[dice.randrange(min(len(changed), 40))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    if dice.random() < 0.3:
        del changed[dice.randrange(1, len(changed)) :]
    if dice.random() < 0.2:
        changed += dice.randbytes(dice.randrange(100))
    return bytes(changed)


def test_callers_at_random(relay: Relay) -> None:
    """After a thousand callers that send anything and leave, the next one gets its answer."""
    dice = random.Random(13)
    with answering(relay):
        for _ in range(1000):
            with relay.call(mutated(CALL, dice)) as wire:
                wire.settimeout(0)
                with contextlib.suppress(OSError):
                    wire.recv(dice.randrange(1, 100))
        with relay.call(CALL) as last:
            assert exactly(last, len(GOOD)) == GOOD


@pytest.mark.parametrize("seed", range(40))
def test_answers_at_random(relay: Relay, seed: int) -> None:
    """Whatever comes as an answer, the relay passes it on or ends, and leaves nothing."""
    dice = random.Random(seed)
    with contextlib.ExitStack() as callers:
        for _ in range(5):
            callers.enter_context(relay.call(CALL))
        for asked in [relay.read() for _ in range(5)] * 3:
            relay.write(mutated(b"\1A" + asked[2:4] + answer(0, dice.randbytes(dice.randrange(200)))[4:], dice))


@pytest.mark.parametrize("seed", range(20))
def test_first_frames_at_random(started: Relay, seed: int) -> None:
    """After a wrong first frame nothing remains, whether the relay has listened or not."""
    dice = random.Random(seed)
    owner = struct.pack(">II", os.geteuid(), os.getegid()) if seed % 2 else b""
    started.write(mutated(frame(b"R", CONFIG, owner, b"gcloud", b"../bad", b"x" * 70), dice))


def refused(program: Path, folder: Path) -> str:
    """Start a relay that must not serve in a folder, and return its words."""
    first = frame(b"R", CONFIG, b"")
    done = subprocess.run(
        [program, "--relay", folder], input=first, capture_output=True, env=SANITISERS, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (1, b""), done.stderr.decode()
    return done.stderr.decode()


def test_two_that_start_at_once(started: Relay) -> None:
    """The second one ends, though the first has no socket yet; the first then serves its callers."""
    lock = f" {started.process.pid} "
    programs.wait_until(lambda: lock in Path("/proc/locks").read_text() or None, "the first one's lock")
    assert "another relay is there already" in refused(started.folder / "docker-credential-shorepass", started.folder)
    started.write(frame(b"R", CONFIG, b""))
    assert started.read() == b"\1R" + bytes(6)
    with answering(started), started.call(CALL) as wire:
        assert exactly(wire, len(GOOD)) == GOOD


@pytest.mark.parametrize("kind", ["symlink", "writable"])
def test_a_folder_that_another_user_can_change(sanitised: Path, tmp_path: Path, kind: str) -> None:
    """Root in a container would write where a user there wants it. Nothing is written or removed, but the program."""
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    (victim / "config").mkdir(parents=True)
    (victim / "config/config.json").write_text("{}")
    (victim / "agent.sock").write_text("")
    if kind == "symlink":
        folder.symlink_to(victim)
    else:
        folder = victim
        folder.chmod(0o777)
    program = tmp_path / "docker-credential-shorepass"
    program.write_bytes(sanitised.read_bytes())
    program.chmod(0o755)
    assert "another user can change the folder" in refused(program, folder)
    assert (victim / "config/config.json").read_text() == "{}"
    assert (victim / "agent.sock").exists()
    assert not program.exists()
