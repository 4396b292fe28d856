"""A wait of more than a second on a terminal: what is waited for is shown, and gone when it is over."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from client_files import auth, lay_out

if TYPE_CHECKING:
    from conftest import RunShorepass

HANGS = "#!/bin/sh\nexec /bin/sleep 300\n"
# What is on PATH, what is typed, what is waited for. HOST is a registry that keeps silent.
WAITS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "who": ((), ("who", "--in", "me", "--check"), "HOST"),
    "doctor": ((), ("doctor", "--check"), "HOST"),
    "explain": ((), ("explain", "HOST"), "HOST"),
    "login": ((), ("login", "-u", "alice", "--password-stdin", "HOST"), "HOST"),
    "helper, who": (("docker-credential-held",), ("who", "--in", "me"), "docker-credential-held"),
    "helper, doctor": (("docker-credential-held",), ("doctor",), "docker-credential-held"),
    "helper, list": (("docker-credential-held",), ("list",), "docker-credential-held"),
    "helper, stores": (("pass", "docker-credential-pass"), ("stores",), "docker-credential-pass"),
    "helper, migrate": (("docker-credential-held",), ("migrate", "--from", "held"), "docker-credential-held"),
    "ssh": (("ssh",), ("list", "--in", "ssh:build01"), "ssh:build01"),
    "sudo": (("sudo",), ("get", "--in", "sudo", "reg.io"), "sudo"),
    "engine": ((), ("get", "--in", "docker:web", "reg.io"), "docker"),
}


@contextmanager
def silent_registry() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


class Terminal:
    """A command whose standard error is a terminal."""

    def __init__(self, *words: str, cwd: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.said = b""
        argv = [sys.executable, "-m", "shorepass", *words]
        given = cwd / "password"
        given.write_bytes(b"wonderland")
        with given.open("rb") as stdin:
            self.process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.DEVNULL, stderr=theirs, cwd=cwd)
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(60)
        os.close(self._ours)

    def read_until(self, text: bytes) -> None:
        """Read what it prints until that is there; fail at its end."""
        while text not in self.said:
            more = self._read()
            assert more, self.said
            self.said += more

    def _read(self) -> bytes:
        try:
            return os.read(self._ours, 4096)
        except OSError:  # it has ended
            return b""

    def end(self) -> bytes:
        """Read what is left; return what stands on the screen at the end, line by line."""
        while more := self._read():
            self.said += more
        return b"\n".join(on_screen(line) for line in self.said.split(b"\n"))


def on_screen(line: bytes) -> bytes:
    """Return what is left of a line in which carriage returns let a later text overwrite a former."""
    shown = b""
    for part in line.split(b"\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


@pytest.mark.parametrize("name", WAITS)
def test_what_is_waited_for(
    run_shorepass: RunShorepass, world: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is shown, in plain text; after Ctrl-C nothing of it is left."""
    programs, words, what = WAITS[name]
    with silent_registry() as host, socket.socket(socket.AF_UNIX) as engine:
        (world / "e").mkdir()
        monkeypatch.chdir(world / "e")
        engine.bind("d.sock")
        engine.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{world}/e/d.sock")
        config: dict[str, object] = {"auths": {host: auth("alice:wonderland")}}
        if any("held" in program for program in programs):
            config = {"credsStore": "held"}
        lay_out(
            world, {"home/.docker/config.json": json.dumps(config), **{f"bin/{program}": HANGS for program in programs}}
        )
        if name == "helper, migrate":  # which takes a store that is not plain text
            (world / "home/.config/shorepass/config.toml").unlink()
            assert run_shorepass("vault", "init").status == 0
        shown = f"Asking {what.replace('HOST', host)} ...".encode()
        with Terminal(*(word.replace("HOST", host) for word in words), cwd=world) as terminal:
            terminal.read_until(shown)
            terminal.process.send_signal(signal.SIGINT)
            screen = terminal.end()
    assert b"Asking" not in screen
    assert b"shorepass: interrupted" in screen
    assert b"\x1b" not in terminal.said


def test_the_line_goes_when_the_wait_is_over(world: Path) -> None:
    """What is printed then stands on a line of its own."""
    with silent_registry() as host:
        lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {host: auth("alice:wonderland")}})})
        with Terminal("who", "--in", "me", "--check", "--timeout", "2", cwd=world) as terminal:
            screen = terminal.end()
    assert re.search(rb"\rAsking " + re.escape(host.encode()), terminal.said)
    assert screen.splitlines()[0].rstrip() == f"shorepass: {host}: no answer within 2 seconds".encode()
    assert b"Asking" not in screen


def test_a_short_wait_is_not_shown(world: Path) -> None:
    """Nobody is told of what takes no time."""
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": auth("alice:wonderland")}})})
    with Terminal("who", "--in", "me", cwd=world) as terminal:
        assert terminal.end().splitlines() == [
            b"1 login in 1 context, 0 broken, 1 in plain text; registries are asked with --check"
        ]
        assert b"Asking" not in terminal.said
