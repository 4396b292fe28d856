"""Helpers that a user has installed for themselves, where only a login shell finds them: nothing takes them away."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from e2e.people import Person, new_person
from property.docker_oracle import Docker

KEY = "reg.example"
GOOD = f"""#!/bin/sh
case "$1" in
list) echo '{{"{KEY}":"alice"}}' ;;
get) echo '{{"ServerURL":"{KEY}","Username":"alice","Secret":"correct horse"}}' ;;
esac
"""


@pytest.fixture(params=["/bin/bash", "/bin/dash"])
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    """A user with a login shell of their own, whose profile names ``~/.apps/bin``; a helper is in there."""
    with new_person() as person:
        person.as_root("usermod", "--shell", request.param, person.name)
        person.write(".docker/config.json", json.dumps({"credsStore": "good"}))
        person.write(".apps/bin/docker-credential-good", GOOD, mode="755")
        person.write(".profile", 'echo "a greeting"\nPATH="$HOME/.apps/bin:$PATH"\nid -u >>"$HOME/ran-as"\n')
        yield person


def shorepass(*args: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run shorepass as root."""
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    words = [f"{name}={value}" for name, value in env.items()]
    command = ["env", *kept, *words, sys.executable, "-m", "shorepass", *args]
    return programs.run(programs.as_root(command), env={"HOME": "/root"}, stdin=stdin)


def findings(*args: str, **env: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shorepass("doctor", "--json", *args, **env).stdout)["findings"]
    return found


def pulled_in_a_login_shell(person: Person, folder: Path) -> str:
    """Return whose login the real docker sends when the person has logged in, as ``su -`` does."""
    person.as_root("chmod", "-R", "a+rX", str(folder.parent))
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\nexec {programs.require("su")} - {person.name} -c "{programs.require("docker")} $*"\n'
    )
    program.chmod(0o755)
    path = {"PATH": programs.SYSTEM_PATH}
    with Docker(str(program), folder) as docker:
        for socket in folder.glob("*.sock"):
            socket.chmod(0o666)
        sent = docker.pull(f"{KEY}/app", path)
    return "" if sent.header is None else sent.header.get("username", "")


@pytest.fixture
def open_folder(person: Person) -> Path:
    """A folder that the person can enter, unlike pytest's own."""
    folder = person.folder / "engine"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def test_a_helper_of_the_login_shell_is_no_missing_helper(person: Person, open_folder: Path) -> None:
    """``su - NAME -c docker`` uses it, so doctor says where it is not found, and takes nothing away."""
    assert pulled_in_a_login_shell(person, open_folder) == "alice"
    before = (person.home / ".docker/config.json").read_bytes()
    (found,) = findings("--in", f"user:{person.name}")
    assert (found["code"], found["severity"]) == ("SP208", "note")
    assert f"{person.home}/.apps/bin/docker-credential-good" in str(found["cause"])
    assert shorepass("doctor", "--fix", "--yes", "--in", f"user:{person.name}").returncode == 0
    assert (person.home / ".docker/config.json").read_bytes() == before
    assert set((person.home / "ran-as").read_text().split()) == {str(person.uid)}  # no profile ran as root
    listed = shorepass("who", "--json", "--in", f"user:{person.name}")
    assert [login["registry"] for login in json.loads(listed.stdout)["logins"]] == [KEY]


def test_the_line_that_is_named_makes_it_found_without_a_login_shell(person: Person) -> None:
    """As cron and services run it: PATH from that line, and nothing of a profile."""
    (found,) = findings("--in", f"user:{person.name}")
    advice = str(found["fix"]["text"])  # type: ignore[index]
    line = advice.partition("crontab -e: PATH=")[2].partition(";")[0]
    run_folder = {"XDG_RUNTIME_DIR": str(person.home)}
    get_login = ("skopeo", "login", "--get-login", KEY)
    person.write(".config/containers/auth.json", json.dumps({"credHelpers": {KEY: "good"}}))
    named = {"REGISTRY_AUTH_FILE": f"{person.home}/.config/containers/auth.json", **run_folder}
    assert person.run(*get_login, PATH=programs.SYSTEM_PATH, **named).returncode != 0
    assert person.run(*get_login, PATH=line, **named).stdout == "alice\n"


@pytest.mark.parametrize("folder", [".local/bin", "bin", ".nix-profile/bin", ".asdf/shims", ".cargo/bin"])
def test_a_helper_where_programs_usually_are_is_left_alone(person: Person, folder: str) -> None:
    """Also where the shell sets PATH only on a terminal, or hangs: what is there is not taken out of the file."""
    person.as_root("rm", "-r", f"{person.home}/.apps")
    person.write(f"{folder}/docker-credential-good", GOOD, mode="755")
    person.write(".profile", "exec false\n")
    assert [found["code"] for found in findings("--in", f"user:{person.name}")] == ["SP208"]
    person.as_root("rm", f"{person.home}/{folder}/docker-credential-good")
    assert [found["code"] for found in findings("--in", f"user:{person.name}")] == ["SP201"]


def test_a_profile_that_never_ends_is_waited_for_in_vain(person: Person) -> None:
    """A bounded time; then the helper counts as missing."""
    person.write(".profile", "sleep 1000\n")
    assert [found["code"] for found in findings("--in", f"user:{person.name}")] == ["SP201"]
    running = programs.run([programs.require("ps"), "-o", "stat=,comm=", "-u", str(person.uid)]).stdout
    assert [line for line in running.splitlines() if not line.startswith("Z")] == []


def test_no_profile_of_a_user_runs_as_root_where_sudo_kept_home(person: Person) -> None:
    """Root with a user's HOME reads the user's file; the helper is looked for as that user, and left alone."""
    home = {"HOME": str(person.home), "SHELL": "/bin/bash", "PATH": programs.SYSTEM_PATH}
    assert [found["code"] for found in findings(**home)] == ["SP208"]
    before = (person.home / ".docker/config.json").read_bytes()
    shorepass("doctor", "--fix", "--yes", **home)
    assert (person.home / ".docker/config.json").read_bytes() == before
    shorepass("who", "--in", "me", **home)
    assert set((person.home / "ran-as").read_text().split()) == {str(person.uid)}


def test_the_hint_of_a_missing_helper_names_where_it_is(person: Person) -> None:
    """No ``take it out`` for one that is in ~/.local/bin."""
    person.write(".local/bin/docker-credential-good", GOOD, mode="755")
    done = shorepass("get", "--in", f"user:{person.name}", KEY)
    assert done.returncode == 3
    assert f"export PATH={shlex.quote(f'{person.home}/.local/bin')}:$PATH" in done.stderr
    assert "--fix" not in done.stderr
