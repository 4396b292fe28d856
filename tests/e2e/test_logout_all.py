"""``logout --all`` with the real docker and podman: after the commands that it prints, no client is logged in."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth, our_helper
from e2e import programs
from e2e.doctor import log_in
from e2e.people import new_person
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import Done, RunShorepass
    from e2e.doctor import Program

pytestmark = pytest.mark.usefixtures("nothing_set")

USERS = {"alice": "wonderland", "bob": "builder"}
# A helper as others are: its logins are in a file beside it.
SHELF = """#!{python}
import json, pathlib, sys
shelf, verb, text = pathlib.Path(__file__ + ".json"), sys.argv[1], sys.stdin.read().strip()
kept = json.loads(shelf.read_text()) if shelf.exists() else {{}}
if verb == "list":
    print(json.dumps({{url: login["Username"] for url, login in kept.items()}}))
elif verb == "store":
    kept[json.loads(text)["ServerURL"]] = json.loads(text)
elif text not in kept:
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(json.dumps(kept[text]))
else:
    del kept[text]
shelf.write_text(json.dumps(kept))
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    """Two registries that ask for a login."""
    with Registry(users=USERS) as one, Registry(users=USERS) as other:
        yield one.host, other.host


class Machine:
    """A home in which both real clients log in."""

    def __init__(self, run: RunShorepass, docker: Program, world: Path, hosts: tuple[str, str]) -> None:
        self.run, self.docker, self.world, self.hosts = run, docker, world, hosts

    @property
    def docker_file(self) -> Path:
        return self.world / "home/.docker/config.json"

    def podman(self, *words: str, stdin: str = "") -> int:
        argv = [programs.require("podman"), *words]
        return programs.run(argv, env=os.environ, stdin=stdin).returncode

    def plain(self) -> None:
        """Both clients have logins in their own files, and podman one in a second file."""
        for host in self.hosts:
            log_in(self.docker, host, "alice", USERS["alice"])
            words = ("login", "--tls-verify=false", "-u", "bob", "--password-stdin", host)
            assert self.podman(*words, stdin=USERS["bob"]) == 0
        second = self.world / "home/.config/containers/auth.json"
        second.parent.mkdir(parents=True, mode=0o700)
        second.write_bytes((self.world / "run/containers/auth.json").read_bytes())

    def ours(self) -> None:
        """Shorepass keeps both clients' logins in its vault, and an account beside."""
        words = ("login", "--password-stdin", "-u")
        for client in ("docker", "podman"):
            assert self.run(*words, "alice", "--client", client, self.hosts[0], stdin=USERS["alice"]).status == 0
        assert self.run(*words, "bob", "--as", "work", self.hosts[1], stdin=USERS["bob"]).status == 0

    def shelf(self) -> None:
        """A helper of somebody else has docker's logins, and podman has its own."""
        program = self.world / "bin/docker-credential-shelf"
        program.write_text(SHELF.format(python=sys.executable))
        program.chmod(0o755)
        self.docker_file.parent.mkdir(mode=0o700)
        self.docker_file.write_text(json.dumps({"credsStore": "shelf"}))
        self.plain()

    def logged_in(self) -> list[str]:
        """Return what is left: what podman itself says, what ``list`` says, and what is in docker's file."""
        found = [f"podman {host}" for host in self.hosts if self.podman("login", "--get-login", host) == 0]
        found += [
            f"list {row['client']} {row['key']}" for row in json.loads(self.run("list", "--json").stdout)["logins"]
        ]
        if self.docker_file.exists():
            auths = json.loads(self.docker_file.read_text()).get("auths", {})
            found += [f"docker {key}" for key, entry in auths.items() if entry.get("auth")]
        found += [f"account {row['account']}" for row in json.loads(self.run("accounts", "--json").stdout)["accounts"]]
        return found


@pytest.fixture
def machine(run_shorepass: RunShorepass, docker: Program, world: Path, hosts: tuple[str, str]) -> Machine:
    """A machine with both clients and Shorepass's helper."""
    our_helper(world / "bin")
    return Machine(run_shorepass, docker, world, hosts)


def commands(done: Done) -> list[str]:
    """Return the commands that a logout printed for what is left."""
    lines = [line for line in done.stderr.splitlines() if "still logged in" in line]
    return ["shorepass " + line.partition(": shorepass ")[2] for line in lines]


SITUATIONS: list[Callable[[Machine], None]] = [Machine.plain, Machine.ours, Machine.shelf]


@pytest.mark.parametrize("client", ["", "docker", "podman"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_the_printed_commands_log_out_of_the_rest(
    machine: Machine, situation: Callable[[Machine], None], client: str
) -> None:
    """Each login that is left is printed with its command, and no more than these are needed."""
    situation(machine)
    assert machine.logged_in()
    done = machine.run("logout", "--all", *(["--client", client] if client else []))
    assert done.status == 0, done
    left = [found for found in machine.logged_in() if found.startswith("list")]
    printed = commands(done)
    assert bool(printed) == bool(left), (printed, left)
    for command in printed:
        program, *words = shlex.split(command)
        assert program == "shorepass"
        assert machine.run(*words).status == 0, command
    assert machine.logged_in() == []


def test_another_context(run_shorepass: RunShorepass) -> None:
    """The commands for what another user's clients still have lead into that context."""
    with new_person() as person:
        context = f"user:{person.name}"
        text = json.dumps({"auths": {"one.example": auth("alice:pw"), "other.example": auth("alice:pw")}})
        for path in (".docker/config.json", ".config/containers/auth.json"):
            person.write(path, text)
        done = run_shorepass("logout", "--all", "--in", context)
        assert done.status == 0, done
        printed = commands(done)
        assert len(printed) == 2
        assert all(f"--in {context}" in command for command in printed)
        for command in printed:
            assert run_shorepass(*shlex.split(command)[1:]).status == 0, command
        assert json.loads(run_shorepass("who", "--json", "--in", context).stdout)["logins"] == []
