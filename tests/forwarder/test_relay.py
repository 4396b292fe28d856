"""The relay in a build that finds each access outside of a frame: no caller and no answer harms it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import select
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from forwarder.conftest import CRASHES, SANITISERS, build_sanitised
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


def installed_in(folder: Path, program: Path) -> Path:
    """Copy the program to a folder, as ``share`` does, and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / "docker-credential-shorepass"
    path.write_bytes(program.read_bytes())
    path.chmod(0o755)
    return path


@pytest.fixture
def started(sanitised: Path, tmp_path: Path) -> Iterator[Relay]:
    """A relay that waits for its first frame. Its program is in its folder, of which nothing may remain."""
    made = Relay(installed_in(tmp_path / "relay", sanitised))
    with made.process:
        yield made
        made.end()


@pytest.fixture
def relay(started: Relay) -> Relay:
    """A relay that is ready."""
    started.write(frame(b"R", CONFIG, b""))
    assert started.read() == b"\1R" + bytes(6)
    return started


def test_a_caller_whose_input_comes_late(tmp_path: Path) -> None:
    """A caller connects before it reads its input, so a relay does not end that connection as fast as others."""
    program = build_sanitised(tmp_path / "forwarder", "-DRELAY_SECONDS=1")
    relay = Relay(installed_in(tmp_path / "relay", program))
    with relay.process:
        relay.write(frame(b"R", CONFIG, b""))
        relay.read()
        wire = relay.call(b"")
        assert select.select([wire], [], [], 2.0)[0] == []  # twice the relay's second, and it has not ended
        wire.sendall(CALL)
        asked = relay.read()
        relay.write(b"\1A" + asked[2:4] + GOOD[4:])
        assert exactly(wire, len(GOOD)) == GOOD
        wire.close()
        relay.end()


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


def test_a_lock_that_every_user_can_hold(sanitised: Path, tmp_path: Path) -> None:
    """Every user can open the folder, and so lock it; the file that a relay locks is open to its own user alone."""
    program = installed_in(tmp_path / "relay", sanitised)
    opened = os.open(program.parent, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    relay = Relay(program)
    with relay.process:
        relay.write(frame(b"R", CONFIG, b""))
        assert relay.read() == b"\1R" + bytes(6)
        assert stat.S_IMODE((relay.folder / "lock").stat().st_mode) == 0o600
        relay.end()
    os.close(opened)


def test_a_lock_of_another_user(sanitised: Path, tmp_path: Path) -> None:
    """A file that others can open keeps no relay out unnoticed: the relay names what is wrong, and nothing is written."""
    program = installed_in(tmp_path / "relay", sanitised)
    (program.parent / "lock").touch()
    (program.parent / "lock").chmod(0o644)
    assert "another user can change the folder" in refused(program, program.parent)
    assert os.listdir(program.parent) == ["lock"]


def test_after_a_relay_that_was_killed(sanitised: Path, tmp_path: Path) -> None:
    """The lock's file is still there, and the next relay serves."""
    program = installed_in(tmp_path / "relay", sanitised)
    for _ in range(2):
        relay = Relay(program)
        with relay.process:
            relay.write(frame(b"R", CONFIG, b""))
            assert relay.read() == b"\1R" + bytes(6)
            assert (relay.folder / "lock").exists()
            relay.process.kill()


def test_a_socket_of_another_user(sanitised: Path, tmp_path: Path) -> None:
    """Where others can make files, one who listens there is not taken for another relay."""
    program = installed_in(tmp_path / "relay", sanitised)
    program.parent.chmod(0o777)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(program.parent / "agent.sock"))
        listener.listen()
        assert "another user can change the folder" in refused(program, program.parent)


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
    program = installed_in(tmp_path, sanitised)
    assert "another user can change the folder" in refused(program, folder)
    assert (victim / "config/config.json").read_text() == "{}"
    assert (victim / "agent.sock").exists()
    assert not program.exists()
