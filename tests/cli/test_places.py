"""``--in``: what is said about places that are not there, or not ours to look into."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from shorepass.cli import main

if TYPE_CHECKING:
    from conftest import RunShorepass


@pytest.mark.parametrize("name", ["nowhere", "user", "user:", "docker", "ssh", "tram:7", "me:too", "sudo:", ""])
def test_a_name_of_no_form(run_shorepass: RunShorepass, name: str) -> None:
    """A place of no known form is a wrong command line; the hint shows the forms."""
    done = run_shorepass("get", "--in", name, "reg.example")
    assert (done.status, done.stdout) == (2, "")
    assert f"no context is called {name!r}" in done.stderr
    assert "user:NAME" in done.stderr


def test_a_user_who_is_not_there(run_shorepass: RunShorepass) -> None:
    """An unknown user is a broken source, not somebody without a login."""
    done = run_shorepass("get", "--in", "user:nobody-of-that-name", "reg.example")
    assert (done.status, done.stdout) == (3, "")
    assert done.stderr.startswith("shorepass: user:nobody-of-that-name: there is no such user\n")


def test_other_users_are_roots_to_look_into(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without root the message says so, and gives the command that has it."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert main(["get", "--in", "user:root", "reg.example"]) == 3
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[0]) == ("", "shorepass: user:root: only root can read another user's files")
    assert re.fullmatch(r"hint: sudo /.*shorepass who --in user:root", err.splitlines()[1])
