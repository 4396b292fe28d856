"""``sudo shorepass login`` with the caller's HOME kept: what it writes there is the caller's, never root's."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs


class Person:
    """A user of this machine, made for the test, who may use sudo with a password as on any Debian machine."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.home = folder / "home"
        self._askpass = folder / "askpass"
        self._empty_path = folder / "bin"

    def create(self) -> None:
        """Make the user, the home, and the program by which sudo learns the password."""
        password = secrets.token_hex(16)
        self._as_root("useradd", "--home-dir", str(self.home), "--no-create-home", "--groups", "sudo", self.name)
        self._as_root("chpasswd", stdin=f"{self.name}:{password}\n")
        self._askpass.write_text(f"#!/bin/sh\necho {password}\n")
        self._askpass.chmod(0o700)
        self._empty_path.mkdir()
        self._as_root("install", "-d", "-m", "0755", "-o", self.name, "-g", self.name, str(self.home))
        self._as_root("chown", self.name, str(self._askpass))

    def remove(self) -> None:
        """Remove the user, the home, and what sudo remembers."""
        self._as_root("rm", "-rf", str(self.home), str(self._askpass), f"/var/lib/sudo/lectured/{self.name}")
        self._as_root("userdel", self.name)

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as this user, with this user's HOME."""
        env = {"HOME": str(self.home), "SUDO_ASKPASS": str(self._askpass)}
        words = [f"{name}={value}" for name, value in env.items()]
        return programs.run(programs.as_root(["runuser", "-u", self.name, "--", "env", *words, *argv]), stdin=stdin)

    def run_shorepass_with_sudo(self, *args: str, stdin: str) -> subprocess.CompletedProcess[str]:
        """Run shorepass as root with this user's HOME, the way of ``Defaults env_keep += HOME``.

        PATH is emptied behind sudo's back (it would set its own), or docker's choice of a store would depend on
        whether the machine has pass.
        """
        kept = [f"{name}={os.environ[name]}" for name in ("PYTHONPATH",) if name in os.environ]
        return self.run(
            *("sudo", "--askpass", "--reset-timestamp", "--preserve-env=HOME"),
            *("env", f"PATH={self._empty_path}", *kept, sys.executable, "-m", "shorepass", *args),
            stdin=stdin,
        )

    def files(self) -> dict[str, tuple[str, str]]:
        """Return everything in the home but sudo's own mark: path to owner and mode."""
        wanted = ("-mindepth", "1", "-not", "-name", ".sudo_as_admin_successful")
        listing = self._as_root("find", str(self.home), *wanted, "-printf", "%P %u:%g %m\n")
        rows = [line.rsplit(" ", 2) for line in listing.splitlines()]
        return {path: (owner, mode) for path, owner, mode in rows}

    def _as_root(self, *argv: str, stdin: str = "") -> str:
        done = programs.run(programs.as_root(argv), stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def person() -> Iterator[Person]:
    """A new user of this machine; gone after the test."""
    programs.require("sudo")
    # not pytest's own folder: that is closed to every user but the one who runs the tests
    folder = Path(tempfile.mkdtemp(prefix="shorepass-sudo-"))
    folder.chmod(0o755)
    person = Person(f"shorepass-{secrets.token_hex(4)}", folder)
    try:
        person.create()
        yield person
    finally:
        person.remove()
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("flags", "folders"),
    [((), (".docker",)), (("--authfile", "{home}/.config/containers/auth.json"), (".config", ".config/containers"))],
    ids=["docker", "podman"],
)
def test_a_file_made_by_root_in_a_persons_home_is_the_persons(
    person: Person, registry: str, users: dict[str, str], flags: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    """Under sudo with HOME kept, new files and folders are the person's, 0600 and 0700, and readable."""
    flags = tuple(flag.format(home=person.home) for flag in flags)
    done = person.run_shorepass_with_sudo(
        "login", "-u", "alice", "--password-stdin", *flags, registry, stdin=users["alice"]
    )
    assert done.returncode == 0, done.stderr
    found = person.files()
    owner = f"{person.name}:{person.name}"
    assert {found.pop(folder) for folder in folders} == {(owner, "700")}
    assert set(found.values()) == {(owner, "600")}
    read = person.run("cat", *(str(person.home / path) for path in found))
    assert registry in read.stdout


def test_a_persons_own_file_stays_the_persons(person: Person, registry: str, users: dict[str, str]) -> None:
    """Under sudo, a file that is there keeps its owner and mode, and what else is in it."""
    made = person.run(
        "sh", "-c", 'mkdir -p "$HOME/.docker" && umask 027 && echo \'{"theirs": 1}\' > "$HOME/.docker/config.json"'
    )
    assert made.returncode == 0, made.stderr
    before = person.files()
    done = person.run_shorepass_with_sudo("login", "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    assert done.returncode == 0, done.stderr
    assert person.files() == before
    assert before[".docker/config.json"] == (f"{person.name}:{person.name}", "640")
    text = person.run("cat", str(person.home / ".docker/config.json")).stdout
    assert '"theirs": 1' in text
    assert registry in text
