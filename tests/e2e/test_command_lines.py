"""Wrong command lines end as those of the real programs do: the same exit code, and nothing done."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass

LINES = [
    *("login a.example b", "login a.example b c", "login -u u -p x a.example b", "login --nonsense a.example b"),
    *("login --nonsense", "login -x a.example", "login -u", "login -u u -p", "login --password-stdin a.example"),
    *("login -u u -p x --password-stdin a.example", "login -u u --password-stdin=maybe a.example"),
    *("login -u '' -p x a.example", "login -u u -p '' a.example", "login a.example"),
    *("logout a.example b", "logout a.example b c", "logout --nonsense", "logout --nonsense a b", "logout -x"),
    *("logout a.example", "logout"),
]


@pytest.mark.parametrize("program", [*programs.docker_programs(), "podman"])
@pytest.mark.parametrize("line", LINES)
def test_exit_code(run_shorepass: RunShorepass, world: Path, program: str, line: str) -> None:
    """Too many arguments, unknown flags, flags without a value, flags that contradict each other."""
    verb, *words = shlex.split(line)
    before = sorted(world.rglob("*"))
    client = "podman" if program == "podman" else "docker"
    ours = run_shorepass(verb, "--client", client, *words)
    assert sorted(world.rglob("*")) == before
    real = programs.run([programs.require(program), verb, *words], env=os.environ)
    assert ours.status == real.returncode, (ours.stderr, real.stderr)
