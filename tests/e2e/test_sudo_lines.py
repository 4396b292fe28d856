"""The lines with sudo that docs, help and hints print run under the real sudo, whose PATH has no folder of a home."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from e2e.people import Person, new_person
from e2e.sudo_machine import DEBIAN, Machine, machine

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def person() -> Iterator[Person]:
    """A user with a Shorepass of their own in ~/.local/bin."""
    with new_person() as person:
        words = ["env", *(f"{name}={os.environ[name]}" for name in ("PYTHONPATH",) if name in os.environ)]
        start = shlex.join([*words, sys.executable, "-m", "shorepass"])
        person.write(".local/bin/shorepass", f'#!/bin/sh\nexec {start} "$@"\n', mode="755")
        yield person


def typed(place: Machine, line: str) -> tuple[int, str, str]:
    """Type a line in the person's shell, which has ~/.local/bin on PATH."""
    path = f"{place.person.home}/.local/bin:{programs.SYSTEM_PATH}"
    variables = ("env", f"HOME={place.person.home}", f"PATH={path}")
    done = place.run("runuser", "-u", place.person.name, "--", *variables, "sh", "-c", line)
    return done.returncode, done.stdout, done.stderr


def lines_with_sudo() -> Iterator[tuple[str, str]]:
    """Yield each line of README, docs and help that begins with sudo and means Shorepass, with where it is printed."""
    sources = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("cli/*.py")]
    for path in sources:
        for found in re.finditer(r"\bsudo [^`#\n]*?shorepass\)?\"? [a-z]+", path.read_text()):
            yield path.name, found[0]


def test_each_printed_line_is_one_that_sudo_finds() -> None:
    """``sudo shorepass`` is "command not found" for pipx, uv tool and virtual environments."""
    printed = list(lines_with_sudo())
    assert len(printed) >= 5
    assert [line for _, line in printed if not line.startswith('sudo "$(command -v shorepass)" ')] == []


def test_the_documented_line_runs(person: Person) -> None:
    """As it is printed, by a real sudo with a secure_path."""
    place = machine(person, DEBIAN)
    assert typed(place, "sudo -n shorepass --version")[0] == 1  # command not found
    status, out, err = typed(place, 'sudo -n "$(command -v shorepass)" who --json --in user:' + person.name)
    assert (status, err) == (0, "")
    assert [one["context"] for one in json.loads(out)["contexts"]] == [f"user:{person.name}"]


def test_the_hint_to_a_user_runs(person: Person) -> None:
    """The program that ran is named with its path."""
    place = machine(person, DEBIAN)
    done = place.shorepass("doctor", "--in", "user:root")
    assert done.returncode == 3
    hint = done.stderr.split("hint: ")[1].strip()
    assert hint.startswith("sudo /")
    status, out, err = typed(place, hint.replace("sudo", "sudo -n", 1) + " --json")
    assert (status, err) == (0, ""), hint
    assert [one["context"] for one in json.loads(out)["contexts"]] == ["user:root"]


def test_hints_under_sudo_say_sudo_again(person: Person) -> None:
    """Who typed sudo reads the hint in a shell without root's rights."""
    place = machine(person, DEBIAN)
    program = f"{person.home}/.local/bin/shorepass"
    status, _, err = typed(place, f"sudo -n {program} login --get-login nobody.example")
    assert status == 1
    hint = err.split("hint: ")[1].strip()
    assert shlex.split(hint)[:1] == ["sudo"]
    assert shlex.split(hint)[-1] == "nobody.example"
