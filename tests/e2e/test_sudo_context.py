"""``--in sudo`` and ``--in sudo-login``: what the real docker sends under the real sudo, whatever the policy says of HOME."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from e2e.people import Person, new_person
from e2e.sudo_machine import DEBIAN, Machine, config, machine
from property.docker_oracle import Docker

# Whose login the real docker sends: for sudo, then for sudo -i and sudo su. (The tests ask docker; this is what they rest on.)
POLICIES = {
    "debian": (DEBIAN, "root", "root"),
    "HOME kept": (DEBIAN + 'Defaults env_keep += "HOME"\n', "caller", "root"),
    "nothing reset": (DEBIAN + "Defaults !env_reset, !always_set_home\n", "caller", "root"),
    "HOME set always": (DEBIAN + "Defaults !env_reset, always_set_home\n", "root", "root"),
}


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The policy, and whose login goes out."""
    found: tuple[str, str, str] = POLICIES[request.param]
    return found


@pytest.fixture
def person() -> Iterator[Person]:
    """A new user of this machine; gone after the test."""
    programs.require("sudo")
    with new_person() as person:
        yield person


def sent(docker: Docker) -> tuple[str, str]:
    with docker:
        header = docker.pull("reg.example/app", {"PATH": programs.SYSTEM_PATH}).header
    assert header is not None
    return header["username"], header["password"]


def got(machine: Machine, kind: str) -> tuple[str, str]:
    done = machine.shorepass("get", "--in", kind, "reg.example/app")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    return answer["Username"], answer["Secret"]


def test_sudo_docker_pull(person: Person, policy: tuple[str, str, str], tmp_path: Path) -> None:
    """``--in sudo`` says what ``sudo docker pull`` sends: root's login, or the caller's where the policy keeps HOME."""
    place = machine(person, policy[0])
    real = sent(place.docker('exec sudo docker "$@"', tmp_path))
    assert real == (policy[1], f"of {policy[1]}")
    assert got(place, "sudo") == real
    explained = place.shorepass("explain", "--offline", "--in", "sudo", "reg.example/app").stdout
    home = place.root_home if policy[1] == "root" else person.home
    assert f"sudo: uid 0, home {home}\n" in explained
    assert f"from {home}/.docker/config.json" in explained


@pytest.mark.parametrize("command", ["sudo su", "sudo --login"])
def test_docker_typed_into_a_root_shell(
    person: Person, policy: tuple[str, str, str], command: str, tmp_path: Path
) -> None:
    """``--in sudo-login`` says what a docker sends that is typed into ``sudo su`` or ``sudo -i``: never the caller's login."""
    place = machine(person, policy[0])
    real = sent(place.docker(f'echo "docker $*" | exec {command}', tmp_path))
    assert real == (policy[2], f"of {policy[2]}")
    assert got(place, "sudo-login") == real


def test_variables_that_the_policy_keeps(person: Person, tmp_path: Path) -> None:
    """DOCKER_CONFIG of the caller counts where the policy keeps it, and else does not."""
    person.write("elsewhere/config.json", config("other"))
    variable = {"DOCKER_CONFIG": str(person.home / "elsewhere")}
    for policy, whose in ((DEBIAN, "root"), (DEBIAN + 'Defaults env_keep += "DOCKER_CONFIG"\n', "other")):
        place = machine(person, policy)
        folder = tmp_path / whose
        folder.mkdir()
        script = f'export DOCKER_CONFIG={variable["DOCKER_CONFIG"]}; exec sudo docker "$@"'
        real = sent(place.docker(script, folder))
        done = place.shorepass("get", "--in", "sudo", "reg.example/app", **variable)
        answer = json.loads(done.stdout)
        assert (answer["Username"], answer["Secret"]) == real == (whose, f"of {whose}")


def test_who_may_run_docker_alone(person: Person, policy: tuple[str, str, str], tmp_path: Path) -> None:
    """Where sudo runs docker and no shell, its policy tells whose login counts; one that is closed to us is not "none"."""
    place = machine(person, policy[0], commands=programs.require("docker"))
    real = sent(place.docker('exec sudo docker "$@"', tmp_path))
    assert real == (policy[1], f"of {policy[1]}")
    done = place.shorepass("get", "--in", "sudo", "reg.example/app")
    if policy[1] == "caller":
        answer = json.loads(done.stdout)
        assert (answer["Username"], answer["Secret"]) == real
    else:
        assert (done.returncode, done.stdout) == (3, "")
        assert f"{place.root_home}/.docker/config.json: permission denied" in done.stderr
    done = place.shorepass("get", "--in", "sudo-login", "reg.example/app")
    assert (done.returncode, done.stdout) == (3, "")


def test_a_helper_runs_where_sudo_was_typed(person: Person, tmp_path: Path) -> None:
    """Sudo keeps the working directory, so a helper that goes by it (ours, with a rule for a folder) does so for root, too."""
    place = machine(person, 'Defaults env_reset, use_pty, env_keep += "PATH"\n')
    script = """#!/bin/sh\nprintf '{"Username":"%s","Secret":"of %s"}' "$PWD" "$PWD"\n"""
    program = person.write("bin/docker-credential-where", script, "755")
    person.as_root("tee", f"{place.root_home}/.docker/config.json", stdin='{"credsStore": "where"}')
    path = f"{program.parent}:{programs.SYSTEM_PATH}"
    for folder in (str(person.home), "/usr/share"):
        (tmp_path / folder[1:4]).mkdir()
        command = f'cd {folder} && PATH={path} exec sudo docker "$@"'
        assert sent(place.docker(command, tmp_path / folder[1:4])) == (folder, f"of {folder}")
        done = place.run("env", "-C", folder, *person.shorepass("get", "--in", "sudo", "reg.example/app", PATH=path))
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["Username"] == folder


def test_login_and_logout(person: Person, registry: str, users: dict[str, str]) -> None:
    """A login by way of sudo is root's file, in root's home; with HOME kept it is the caller's, who can read it."""
    for policy, home, owner in (
        (DEBIAN, person.folder / "root", "root:root"),
        (DEBIAN + 'Defaults env_keep += "HOME"\n', person.home, f"{person.name}:{person.name}"),
    ):
        place = machine(person, policy)
        person.as_root("rm", "-r", f"{home}/.docker")
        file = f"{home}/.config/containers/auth.json"
        words = ("--in", "sudo", "--authfile", file)
        done = place.shorepass(
            "login", "--store", "file", *words, "-u", "alice", "--password-stdin", registry, stdin=users["alice"]
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "Login Succeeded!\n", "")
        listing = person.as_root("stat", "-c", "%U:%G %a", f"{home}/.config", f"{home}/.config/containers", file)
        assert listing.splitlines() == [f"{owner} 700", f"{owner} 700", f"{owner} 600"]
        assert json.loads(place.shorepass("get", *words, registry).stdout)["Secret"] == users["alice"]
        done = place.shorepass("logout", *words, registry)
        assert (done.returncode, done.stderr) == (0, "")
        assert registry not in person.as_root("cat", file)


def test_sudo_that_wants_a_password(person: Person) -> None:
    """Where sudo would ask, the answer is not known, and the message says how to let it be known."""
    place = machine(person, DEBIAN)
    person.as_root("sed", "-i", "s/NOPASSWD: //", str(person.folder / "etc/sudoers"))
    for kind in ("sudo", "sudo-login"):
        done = place.shorepass("get", "--in", kind, "reg.example/app")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == (
            f"shorepass: {kind}: sudo asks for a password\nhint: sudo -v, then the same command again\n"
        )


def test_a_password_that_was_typed_before(person: Person) -> None:
    """After ``sudo -v`` on the same terminal sudo answers, as it then would for ``sudo docker pull``."""
    place = machine(person, DEBIAN)
    person.as_root("sed", "-i", "s/NOPASSWD: //", str(person.folder / "etc/sudoers"))
    password = secrets.token_hex(16)
    person.as_root("chpasswd", stdin=f"{person.name}:{password}\n")
    typed = person.write("typed", password + "\n")
    command = person.shorepass("get", "--in", "sudo", "reg.example/app", PATH=programs.SYSTEM_PATH)
    script = f"runuser -u {person.name} -- sudo -S -v <{typed} 2>/dev/null; {shlex.join(command)}"
    done = place.run(programs.require("script"), "--quiet", "--return", "--command", script, "/dev/null")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["Username"] == "root"


def test_who_may_not_use_sudo(person: Person) -> None:
    """For a user whom sudo refuses that is the answer."""
    place = machine(person, DEBIAN)
    person.as_root("sed", "-i", "/NOPASSWD/d", str(person.folder / "etc/sudoers"))
    done = place.shorepass("get", "--in", "sudo", "reg.example/app")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("shorepass: sudo: ")


@pytest.mark.parametrize("home", ["caller", "root"])
def test_doctor_names_a_login_that_sudo_hides(person: Person, tmp_path: Path, home: str) -> None:
    """SP409: the login is in one home alone; who has none is told where it is, with sudo and without."""
    place = machine(person, DEBIAN)
    person.as_root("usermod", "--append", "--groups", "sudo", person.name)
    emptied = {"caller": place.root_home, "root": person.home}[home]
    person.as_root("tee", f"{emptied}/.docker/config.json", stdin="{}")
    scripts = {"root": 'exec docker "$@"', "caller": 'exec sudo docker "$@"'}
    with place.docker(scripts[home], tmp_path) as docker:
        header = docker.pull("reg.example/app", {"PATH": programs.SYSTEM_PATH}).header
    assert not (header or {}).get("username")
    words = ("doctor", "--offline", "--json", "--client", "docker", "reg.example/app")
    variables = [f"{name}={os.environ[name]}" for name in ("PYTHONPATH",) if name in os.environ]
    under_sudo = ["sudo", "-n", "env", *variables, sys.executable, "-m", "shorepass", *words]
    with_sudo = place.run("runuser", "-u", person.name, "--", *under_sudo)
    without = place.shorepass(*words)
    said = {name: found(done.stdout) for name, done in (("with sudo", with_sudo), ("without", without))}
    if home == "caller":
        assert said["with sudo"] == [
            ("error", f"under sudo, docker reads root's files, and the login is stored for {person.name}")
        ]
        assert said["without"] == [("note", "under sudo, docker reads root's files, and has no login there")]
    else:
        assert said["with sudo"] == []
        assert said["without"] == [("error", "docker has no login here, because it was stored under sudo, for root")]


def found(printed: str) -> list[tuple[str, str]]:
    """Return severity and cause of each SP409."""
    findings = json.loads(printed)["findings"]
    return [(one["severity"], one["cause"]) for one in findings if one["code"] == "SP409"]
