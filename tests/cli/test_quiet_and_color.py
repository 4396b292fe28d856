"""``--quiet`` leaves errors and data; colors are for a terminal that has them, and for a user who wants them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth, lay_out
from shorepass.cli import VERBS
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass


@pytest.fixture
def one_login(world: Path) -> None:
    """A login in docker's file."""
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": auth("alice:wonderland")}})})


def on_a_terminal(*words: str, env: Mapping[str, str] | None = None) -> bytes:
    """Return what a command prints where its three streams are a terminal."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "shorepass", *words]
    environment = {"TERM": "xterm-256color", **os.environ, **(env or {})}
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    printed = b""
    try:
        while more := os.read(ours, 4096):
            printed += more
    except OSError:  # it has ended
        pass
    os.close(ours)
    process.wait(60)
    return printed


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_both(run_shorepass: RunShorepass, verb: str) -> None:
    """They are in the help of each."""
    words = run_shorepass(verb, "--help").stdout.split()
    assert {"--quiet", "--no-color"} <= {word.strip(",[]") for word in words}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("who", "--in", "me"), 0),
        (("list", "--client", "crane"), 0),
        (("accounts",), 0),
        (("doctor", "--in", "me"), 0),
        (("logout", "nowhere.example"), 0),
        (("stores", "use", "file"), 0),
    ],
)
@pytest.mark.usefixtures("one_login")
def test_no_notes(run_shorepass: RunShorepass, words: tuple[str, ...], status: int) -> None:
    """The same data on standard output, and nothing on standard error."""
    usual, quiet = run_shorepass(*words), run_shorepass(*words, "-q")
    assert (quiet.status, quiet.stdout, quiet.stderr) == (status, usual.stdout, "")


@pytest.mark.usefixtures("world")
def test_no_warning_of_a_login(run_shorepass: RunShorepass) -> None:
    """The words of success stay, since they are on standard output."""
    with Registry(users={"alice": "wonderland"}) as registry:
        words = ("login", "-u", "alice", "--password-stdin", "--store", "file", registry.host)
        assert "WARNING!" in run_shorepass(*words, stdin="wonderland").stderr
        assert run_shorepass("logout", registry.host).status == 0
        done = run_shorepass(*words, "--quiet", stdin="wonderland")
        assert (done.status, done.stdout, done.stderr) == (0, "Login Succeeded\n", "")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("get", "reg.io"), 1),
        (("get", "--in", "user:of-no-one", "reg.io"), 3),
        (("list", "--frob"), 2),
        (("logout", "--client", "podman", "reg.io"), 125),
        (("login", "--get-login", "reg.io"), 1),
        (("run", "--as", "work", "--", "sh"), 125),
        (("who", "--in", "user:of-no-one"), 3),
    ],
)
def test_errors_stay(run_shorepass: RunShorepass, words: tuple[str, ...], status: int) -> None:
    """With the hint below."""
    verb, *rest = words
    usual, quiet = run_shorepass(*words), run_shorepass(verb, "-q", *rest)
    assert usual.status == quiet.status == status
    assert quiet.stderr != ""
    assert quiet.stderr in usual.stderr


@pytest.mark.usefixtures("one_login")
def test_colors_on_a_terminal() -> None:
    """A terminal gets colors."""
    assert b"\x1b[" in on_a_terminal("who", "--in", "me")


def test_the_color_of_a_state(world: Path) -> None:
    """Green works, yellow is a warning, red is of no use; a login that was not checked has no color."""
    with Registry(users={"alice": "wonderland"}) as good, Registry(users={"alice": "new"}) as other:
        auths = {host: auth("alice:wonderland") for host in (good.host, other.host, "127.0.0.1:1")}
        config = {"auths": auths, "credHelpers": {"reg.io": "gone"}}
        lay_out(world, {"home/.docker/config.json": json.dumps(config)})
        screen = on_a_terminal("who", "--in", "me", "--check")
        unchecked = on_a_terminal("who", "--in", "me")
    states = [b"\x1b[32mworks\x1b[0m", b"\x1b[31mrefused\x1b[0m", b"\x1b[33munreachable\x1b[0m"]
    assert [state for state in states if state not in screen] == []
    assert b"\x1b[31mhelper missing\x1b[0m" in screen
    assert re.search(rb"[^m]not checked\r", unchecked)


@pytest.mark.usefixtures("one_login")
@pytest.mark.parametrize(
    ("flags", "env"),
    [
        (("--no-color",), {}),
        ((), {"NO_COLOR": "1"}),
        ((), {"CLICOLOR": "0"}),
        ((), {"TERM": "dumb"}),
    ],
)
def test_no_colors_on_a_terminal(flags: tuple[str, ...], env: Mapping[str, str]) -> None:
    """Each way to say so holds, and the words are the same."""
    plain = on_a_terminal("who", "--in", "me", *flags, env=env)
    assert b"reg.io" in plain
    assert b"\x1b" not in plain


@pytest.mark.usefixtures("one_login")
def test_no_colors_in_a_file(run_shorepass: RunShorepass) -> None:
    """What another program reads has no colors."""
    assert "\x1b" not in run_shorepass("who", "--in", "me").stdout
