"""``sudo shorepass login`` with the caller's HOME kept: what it writes there is the caller's, never root's."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from e2e import programs
from e2e.people import Person, new_person


class Sudoer:
    """A person who may use sudo with a password, as on any Debian machine."""

    def __init__(self, person: Person) -> None:
        self.person = person
        password = secrets.token_hex(16)
        person.as_root("usermod", "--append", "--groups", "sudo", person.name)
        person.as_root("chpasswd", stdin=f"{person.name}:{password}\n")
        self._empty_path = person.folder / "bin"
        self._empty_path.mkdir()
        self._askpass = person.folder / "askpass"
        self._askpass.write_text(f"#!/bin/sh\necho {password}\n")
        self._askpass.chmod(0o700)
        person.as_root("chown", person.name, str(self._askpass))

    def run_shorepass_with_sudo(self, *args: str, stdin: str) -> subprocess.CompletedProcess[str]:
        """Run shorepass as root with this user's HOME, the way of ``Defaults env_keep += HOME``.

        PATH is emptied behind sudo's back (it would set its own), or docker's choice of a store would depend on
        whether the machine has pass.
        """
        kept = [f"{name}={os.environ[name]}" for name in ("PYTHONPATH",) if name in os.environ]
        return self.person.run(
            *("sudo", "--askpass", "--reset-timestamp", "--preserve-env=HOME"),
            *("env", f"PATH={self._empty_path}", *kept, sys.executable, "-m", "shorepass", *args),
            stdin=stdin,
            SUDO_ASKPASS=str(self._askpass),
        )

    def files(self) -> dict[str, tuple[str, str]]:
        """Return everything in the home but sudo's own mark: path to owner and mode."""
        return {path: found for path, found in self.person.files().items() if path != ".sudo_as_admin_successful"}


@pytest.fixture
def person() -> Iterator[Sudoer]:
    """A new user of this machine; gone after the test."""
    programs.require("sudo")
    with new_person() as person:
        yield Sudoer(person)


@pytest.mark.parametrize(
    ("flags", "folders"),
    [((), (".docker",)), (("--authfile", "{home}/.config/containers/auth.json"), (".config", ".config/containers"))],
    ids=["docker", "podman"],
)
def test_a_file_made_by_root_in_a_persons_home_is_the_persons(
    person: Sudoer, registry: str, users: dict[str, str], flags: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    """Under sudo with HOME kept, new files and folders are the person's, 0600 and 0700, and readable."""
    flags = tuple(flag.format(home=person.person.home) for flag in flags)
    done = person.run_shorepass_with_sudo(
        "login", "--store", "file", "-u", "alice", "--password-stdin", *flags, registry, stdin=users["alice"]
    )
    assert done.returncode == 0, done.stderr
    found = person.files()
    owner = f"{person.person.name}:{person.person.name}"
    assert {found.pop(folder) for folder in folders} == {(owner, "700")}
    assert set(found.values()) == {(owner, "600")}
    read = person.person.run("cat", *(str(person.person.home / path) for path in found))
    assert registry in read.stdout


def test_a_persons_own_file_stays_the_persons(person: Sudoer, registry: str, users: dict[str, str]) -> None:
    """Under sudo, a file that is there keeps its owner and mode, and what else is in it."""
    made = person.person.run(
        "sh", "-c", 'mkdir -p "$HOME/.docker" && umask 027 && echo \'{"theirs": 1}\' > "$HOME/.docker/config.json"'
    )
    assert made.returncode == 0, made.stderr
    before = person.files()
    words = ("login", "--store", "file", "-u", "alice", "--password-stdin", registry)
    done = person.run_shorepass_with_sudo(*words, stdin=users["alice"])
    assert done.returncode == 0, done.stderr
    assert person.files() == before
    assert before[".docker/config.json"] == (f"{person.person.name}:{person.person.name}", "640")
    text = person.person.run("cat", str(person.person.home / ".docker/config.json")).stdout
    assert '"theirs": 1' in text
    assert registry in text
