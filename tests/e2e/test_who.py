"""``who --all`` on a real machine: real users, real containers, a real registry, and what real programs leave behind."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from client_files import auth
from e2e import programs
from e2e.containers import ContainerEngine
from e2e.people import Person, new_person
from e2e.sudo_machine import DEBIAN, machine


@pytest.fixture
def person() -> Iterator[Person]:
    """A new user of this machine; gone after the test."""
    with new_person() as person:
        yield person


def who(*args: str, **env: str) -> tuple[int, dict[str, Any]]:
    """Run ``who --json`` as root; return its status and document."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    words = [f"{name}={value}" for name, value in {**kept, **env}.items()]
    argv = ["env", *words, sys.executable, "-m", "shorepass", "who", "--json", *args]
    done: subprocess.CompletedProcess[str] = programs.run(programs.as_root(argv), env={"HOME": "/root"})
    return done.returncode, json.loads(done.stdout)


def logins_of(document: dict[str, Any], context: str) -> list[dict[str, Any]]:
    return [login for login in document["logins"] if login["context"] == context and login["key"]]


def test_everybody_and_everything(
    person: Person, docker_containers: ContainerEngine, registry: str, users: dict[str, str]
) -> None:
    """A user's login and the container that it is mounted into: both work, and that they are one file is told."""
    login = {"auths": {registry: auth(f"alice:{users['alice']}")}}
    path = person.write(".docker/config.json", json.dumps(login))
    socket = docker_containers.leads["DOCKER_HOST"].removeprefix("unix://")
    mounts = ("--volume", f"{path.parent}:/root/.docker", "--volume", f"{socket}:/var/run/docker.sock")
    name = docker_containers.make(*mounts)
    other = docker_containers.make()
    _, document = who("--all", "--check", **docker_containers.leads)
    places = {place["context"]: place for place in document["contexts"]}
    user, inside = f"user:{person.name}", f"docker:{name}"
    assert places[inside]["inside"] == "docker"
    assert places[inside]["state"] == "running"
    assert places[f"docker:{other}"]["error"] is None
    for context in (user, inside):
        (found,) = logins_of(document, context)
        assert (found["user"], found["state"], found["plain_text"]) == ("alice", "works", True)
        shares = [document["shares"][number] for number in found["shared"]]
        assert {"what": "mount", "subject": str(path), "contexts": [user, inside]} in shares
    (share,) = [document["shares"][number] for number in places[inside]["shared"]]
    assert (share["what"], share["subject"]) == ("socket", socket)
    assert inside in share["contexts"]  # the engine is other tests' too, and some of their containers have the socket
    assert f"docker:{other}" not in share["contexts"]


def test_after_sudo_docker_login(person: Person, registry: str, users: dict[str, str]) -> None:
    """What root's docker stored in a user's home is of no use to that user, and called what it is."""
    docker = [programs.require(programs.docker_programs()[0]), "login", "-u", "alice", "--password-stdin", registry]
    done = programs.run(
        programs.as_root(["env", f"HOME={person.home}", "PATH=/no/helper", *docker]), stdin=users["alice"]
    )
    assert done.returncode == 0, done.stderr
    status, document = who("--in", f"user:{person.name}")
    (found,) = [login for login in document["logins"] if login["path"].endswith("/.docker/config.json")]
    assert (status, found["state"], found["clients"]) == (3, "root-owned", ["docker", "podman"])


@pytest.mark.parametrize("kept", ["", 'Defaults env_keep += "HOME"\n'], ids=["reset", "kept"])
def test_what_sudo_makes_of_me(person: Person, kept: str) -> None:
    """Without flags it is me and sudo, by sudo's real policy: root's login, or mine where sudo keeps HOME."""
    done = machine(person, DEBIAN + kept).shorepass("who", "--json")
    document = json.loads(done.stdout)
    accounts = {login["context"]: login["user"] for login in document["logins"]}
    assert accounts == {"me": "caller", "sudo": "caller" if kept else "root", "sudo-login": "root"}
    files = [share["contexts"] for share in document["shares"] if share["what"] == "file"]
    assert files == [["me", "sudo"] if kept else ["sudo", "sudo-login"]]


def test_sudo_that_asks_for_a_password(person: Person) -> None:
    """It is a note that is printed once, with the next step; named with --in it is an error. In any language."""
    place = machine(person, DEBIAN, "PASSWD: ALL")
    person.run("rm", str(person.home / ".docker/config.json"))
    for language in ("C", "de_DE.UTF-8"):
        done = place.shorepass("who", LANG=language, LANGUAGE="de")
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines() == [
            "shorepass: sudo, sudo-login: not looked at: sudo asks for a password",
            "hint: sudo -v, then the same command again",
            "0 logins in 1 context, 0 broken, 0 in plain text; 2 contexts not looked at",
        ]
    named = place.shorepass("who", "--in", "me", "--in", "sudo")
    assert named.returncode == 3
    assert "shorepass: sudo: sudo asks for a password\nhint: sudo -v" in named.stderr


def test_the_next_step_of_sudo_works(person: Person) -> None:
    """After ``sudo -v`` on that terminal, with the password typed there, both contexts are looked at."""
    place = machine(person, DEBIAN, "PASSWD: ALL")
    hashed = programs.run([programs.require("openssl"), "passwd", "-6", "typed"]).stdout.strip()
    passwd = person.folder / "etc/passwd"
    lines = passwd.read_text().replace(f"{person.name}:x:", f"{person.name}:{hashed}:")
    person.as_root("tee", str(passwd), stdin=lines)
    who = shlex.join(person.shorepass("who", "--json", PATH=programs.SYSTEM_PATH))
    as_person = shlex.join([programs.require("runuser"), "-u", person.name, "--", programs.require("sudo"), "-S", "-v"])
    script = f"echo typed | {as_person} 2>/dev/null; exec {who}"
    terminal = [programs.require("script"), "-qec", script, "/dev/null"]
    done = place.run(*terminal)
    document = json.loads(done.stdout[done.stdout.index("{") :])
    assert [found["error"] for found in document["contexts"]] == [None, None, None]


@pytest.mark.parametrize("where", ["closed socket", "closed folder"])
def test_a_docker_socket_without_permission(person: Person, where: str) -> None:
    """The engine of root is a note for a user who may not use its socket, with the command that works."""
    folder = person.folder / "engine"
    folder.mkdir(mode=0o755 if where == "closed socket" else 0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "docker.sock"))
        listening.listen()
        (folder / "docker.sock").chmod(0o600)
        address = {"PATH": "/nowhere", "DOCKER_HOST": f"unix://{folder}/docker.sock"}
        done = programs.run(programs.as_root(person.shorepass("who", "--all", **address)))
        named = programs.run(programs.as_root(person.shorepass("who", "--in", "docker:web", **address)))
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "docker.sock" in line]
    assert line == f"shorepass: docker:*: not looked at: {folder}/docker.sock: permission denied"
    assert f"{line}\nhint: sudo " in done.stderr
    assert named.returncode == 3
    assert "permission denied\nhint: sudo " in named.stderr


def test_a_map_that_root_draws_for_a_user(person: Person) -> None:
    """Root's file is closed to the user behind sudo: the command that opens it to them is printed."""
    file = person.folder / "who.html"
    variables = {"SUDO_UID": str(person.uid), "SUDO_GID": str(person.uid), "HOME": str(person.folder)}
    words = [f"{name}={value}" for name, value in variables.items()]
    argv = ["env", *words, sys.executable, "-m", "shorepass", "who", "--in", "me", "--html", str(file)]
    done = programs.run(programs.as_root(argv))
    assert f"open it in a browser: {file.as_uri()}" in done.stderr
    (hint,) = [line for line in done.stderr.splitlines() if line.startswith("hint: ")]
    assert person.run("cat", str(file)).returncode != 0
    command = hint.partition("sudo chown ")[2]
    person.as_root("sh", "-c", f"chown {command}")
    assert person.run("cat", str(file)).stdout.startswith("<!doctype html>")


MACHINE = '{"name":"default","status":"Stopped"}'
# What is on PATH, the words about it, and the next step.
UNSEEN = {
    "virtual machine": (
        "limactl",
        f"echo '{MACHINE}'",
        "lima:default: not looked at: it is stopped",
        "limactl start default",
    ),
    "colima": ("colima", f"echo '{MACHINE}'", "colima: not looked at: it is stopped", "colima start"),
    "podman machine": ("podman", f"echo '[{MACHINE}]'", "podman-machine:default: not", "podman machine start default"),
    "odd list": ("limactl", "echo '{'", "lima: not looked at: ", "limactl list --format json"),
    "wsl": (
        "wsl.exe",
        "[ $# = 3 ] || echo Debian",
        "wsl:Debian: not looked at: it is stopped",
        "wsl.exe -d Debian true",
    ),
}


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_cannot_be_looked_at_is_a_note(person: Person, unseen: str) -> None:
    """A context that --in does not name is no failure: it is printed once, with the next step."""
    program, script, words, hint = UNSEEN[unseen]
    person.write(f"bin/{program}", f"#!/bin/sh\n{script}\n", "700")
    argv = person.shorepass("who", "--all", PATH=str(person.home / "bin"))
    done = programs.run(programs.as_root(argv))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(words) == 1
    assert f"hint: {hint}\n" in done.stderr
    assert " not looked at" in done.stderr.splitlines()[-1]
    done = programs.run(programs.as_root([*argv, "--json"]))
    assert done.returncode == 0, done.stderr
    assert hint in [found["hint"] for found in json.loads(done.stdout)["contexts"]]
