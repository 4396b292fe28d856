"""A run opens each file once, and asks each helper each question once, as the system calls of the real program show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from client_files import auth, our_helper
from e2e import programs
from shorepass.testing import Registry

HELPER = """#!/bin/sh
read line
echo "$1 $line" >>"$HOME/questions"
case "$1" in
get) echo '{"ServerURL": "h.example", "Username": "u", "Secret": "s"}' ;;
list) echo '{"h.example": "u"}' ;;
esac
"""
OPENED = re.compile(r'openat\([^,]+, "(?P<path>[^"]+)", (?P<flags>\S+).*= [0-9]+$')


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry where the login is right."""
    with Registry(users={"alice": "secret"}) as running:
        yield running.host


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with logins in docker's file, podman's file, a helper and the vault."""
    for folder in ("bin", ".docker", "run/containers", ".config"):
        (tmp_path / folder).mkdir(parents=True, mode=0o700)
    fake = tmp_path / "bin/docker-credential-fake"
    fake.write_text(HELPER)
    fake.chmod(0o755)
    docker = tmp_path / "bin/docker"  # the real one reads its file, too, before it prints its release
    docker.write_text("#!/bin/sh\necho Docker version 28.2.2, build e6534b4\n")
    docker.chmod(0o755)
    our_helper(tmp_path / "bin")
    config = {
        "auths": {"a.example": auth("alice:secret")},
        "credHelpers": {"h.example": "fake", "v.example": "shorepass"},
    }
    (tmp_path / ".docker/config.json").write_text(json.dumps(config))
    (tmp_path / "run/containers/auth.json").write_text(json.dumps({"auths": {"p.example": auth("bob:secret")}}))
    run(tmp_path, "-m", "shorepass", "vault", "init")
    login = json.dumps({"ServerURL": "v.example", "Username": "carol", "Secret": "secret"})
    run(tmp_path, "-m", "shorepass.docker_credential", "store", stdin=login)
    return tmp_path


def run(home: Path, *words: str, stdin: str = "", before: tuple[str, ...] = ()) -> None:
    env = {
        "HOME": str(home),
        "PATH": f"{home}/bin:/usr/bin:/bin",
        "XDG_RUNTIME_DIR": f"{home}/run",
        "PYTHONPATH": ":".join(entry for entry in sys.path if entry.endswith("/src")),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [*before, sys.executable, *words],
        env=env,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (("list",), ()),
        (("who",), ()),
        (("accounts",), ()),
        (("explain", "h.example"), ()),
        (("doctor",), ()),
        (("logout", "a.example"), (".docker/config.json",)),
        (("logout", "h.example"), ()),
        (("logout", "v.example"), ("vault.age",)),
        (("login", "-u", "alice", "--password-stdin"), (".docker/config.json", "vault.age")),
    ],
    ids=lambda value: " ".join(value) or "nothing",
)
def test_everything_once(home: Path, registry: str, words: tuple[str, ...], changed: tuple[str, ...]) -> None:
    """Each file below the home and in /etc/containers once, or twice where the run writes it; each question once."""
    strace = (programs.require("strace"), "-f", "-qq", "-e", "trace=openat", "-o", str(home / "trace"))
    words = (*words, registry) if words[0] == "login" else words
    run(home, "-m", "shorepass", *words, stdin="secret", before=strace)
    opened = Counter(
        found["path"]
        for line in (home / "trace").read_text(errors="replace").splitlines()
        if (found := OPENED.search(line))
        and "O_DIRECTORY" not in found["flags"]
        and found["path"].startswith((f"{home}/.", f"{home}/run/", "/etc/containers/", "/etc/docker/"))
    )
    assert opened or words[0] == "accounts"
    assert {path for path, times in opened.items() if times > (2 if path.endswith(changed) else 1)} == set()
    questions = home / "questions"
    asked = Counter(questions.read_text().splitlines() if questions.exists() else ())
    assert {question for question, times in asked.items() if times > 1} == set()
