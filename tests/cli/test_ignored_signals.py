"""Shorepass where its caller ignores signals: under ``nohup``, in the background, below a daemon that ignores its children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import helper
from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass

NOT_FOUND = helper("credentials not found in native keychain", status=1)
LOCKED = helper("the keyring is locked", status=1)
STORE = json.dumps({"ServerURL": "ghcr.io", "Username": "alice", "Secret": "secret"})


def under(ignored: str, module: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the two programs with signals ignored, as ``trap '' NAMES`` and the system's ``env`` have it."""
    argv = [programs.require("env"), f"--ignore-signal={ignored}", sys.executable, "-m", module, *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def named(world: Path, home: Path) -> Path:
    """The helper that docker's file names."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "named"}')
    program = world / "bin/docker-credential-named"
    program.touch(mode=0o755)
    return program


@pytest.mark.parametrize("ignored", ["CHLD", "HUP,INT,QUIT,PIPE,TERM,CHLD"])
def test_a_helper_that_fails_is_seen_to_fail(named: Path, home: Path, ignored: str) -> None:
    """The exit status of a helper counts, also where the end of a child is ignored: nothing is said to be stored."""
    named.write_text(NOT_FOUND)
    done = under(ignored, "shorepass", "get", "ghcr.io")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("shorepass: no login for ghcr.io: ")
    named.write_text(LOCKED)
    assert under(ignored, "shorepass", "get", "ghcr.io").returncode == 3
    (home / ".config/shorepass/config.toml").write_text('store = "helper:named"\n')
    done = under(ignored, "shorepass.docker_credential", "store", stdin=STORE)
    assert (done.returncode, "the keyring is locked" in done.stdout) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("nothing_set")
def test_a_command_ignores_what_its_caller_ignores(run_shorepass: RunShorepass, number: signal.Signals) -> None:
    """``nohup shorepass run`` and its command outlive the terminal, and the exit status is the command's."""
    assert run_shorepass("vault", "init").status == 0
    login = STORE.replace("ghcr.io", "ghcr.io#work")
    assert under("USR1", "shorepass.docker_credential", "store", stdin=login).returncode == 0
    words = ["shorepass", "run", "--as", "work", "--", "sh", "-c", "echo ready; read line; exit 7"]
    argv = [programs.require("env"), f"--ignore-signal={number.name.removeprefix('SIG')}", sys.executable, "-m", *words]
    env = {**os.environ, "PATH": programs.SYSTEM_PATH}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        process.stdin.write(b"go on\n")
        process.stdin.close()
        assert process.wait(20) == 7
