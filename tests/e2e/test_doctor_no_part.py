"""No finding about a client or a helper that has no part in a context, and none with a hint that cannot be followed."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

KEY = "reg.example"
AUTH = base64.b64encode(b"alice:" + b"w" * 100).decode()


def findings(
    run_shorepass: RunShorepass, *words: str, path: str = programs.SYSTEM_PATH, **leads: str
) -> list[dict[str, object]]:
    done = run_shorepass("doctor", "--json", *words, env={"PATH": path, **leads})
    found: list[dict[str, object]] = json.loads(done.stdout)["findings"]
    return found


def advice(finding: dict[str, object]) -> str:
    repair = finding["fix"]
    assert isinstance(repair, dict)
    return str(repair["text"])


def test_pass_of_docker_is_no_trouble_of_podman(run_shorepass: RunShorepass, world: Path) -> None:
    """A machine with docker, pass and docker-credential-pass, for somebody who uses podman alone."""
    for program in ("docker", "pass", "docker-credential-pass"):
        programs.require(program)
    auth = world / "run/containers/auth.json"
    auth.parent.mkdir(mode=0o700)
    auth.write_text(json.dumps({"auths": {KEY: {"auth": AUTH}}}))
    auth.chmod(0o600)
    assert [one["code"] for one in findings(run_shorepass)] == []


def test_podman_that_is_not_used_needs_no_login(
    run_shorepass: RunShorepass, registry: str, users: dict[str, str], world: Path, our_helper: str
) -> None:
    """Docker's own credsStore has the login; podman is installed and has never been used."""
    assert our_helper
    path = f"{world / 'bin'}:{programs.SYSTEM_PATH}"
    (world / "home/.config/shorepass/config.toml").unlink()
    words = ("-u", "alice", "--password-stdin", registry)
    assert run_shorepass("login", *words, stdin=users["alice"], env={"PATH": path}).status == 0
    file = world / "home/.docker/config.json"
    document = json.loads(file.read_text())
    del document["credHelpers"]  # which podman would read
    file.write_text(json.dumps(document))
    assert [one["code"] for one in findings(run_shorepass, f"{registry}/team/app", path=path)] == []


def test_base64_of_several_lines_is_joined(run_shorepass: RunShorepass, world: Path) -> None:
    """As ``base64`` prints it from 76 columns on: podman stops at the line feed; with --fix it has the login."""
    auth = world / "run/containers/auth.json"
    auth.parent.mkdir(mode=0o700)
    wrapped = "\n".join(AUTH[at : at + 76] for at in range(0, len(AUTH), 76))
    auth.write_text(f'{{"auths":{{"{KEY}":{{"auth":"{wrapped}"}}}}}}')
    auth.chmod(0o600)
    env = {**os.environ, "PATH": programs.SYSTEM_PATH}
    get_login = [programs.require("podman"), "login", "--get-login", KEY]
    assert programs.run(get_login, env=env).returncode != 0
    done = run_shorepass("doctor", "--fix", "--yes", "--client", "podman")
    assert done.status == 0, done.stdout
    assert programs.run(get_login, env=env).stdout == "alice\n"
    assert json.loads(auth.read_text()) == {"auths": {KEY: {"auth": AUTH}}}


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A config file as watchtower has it: mounted by itself, right below the root folder."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"credHelpers": {KEY: "pass"}}))
    file.chmod(0o644)
    return file


def test_a_mounted_file_in_the_root_folder(engine: ContainerEngine, run_shorepass: RunShorepass, mounted: Path) -> None:
    """The variable that makes docker look there is DOCKER_CONFIG=/; and pass in there is no trouble of pass here."""
    name = engine.make("-v", f"{mounted}:/config.json")
    (found,) = [
        one
        for one in findings(run_shorepass, "--in", f"{engine.family}:{name}", **engine.leads)
        if one["code"] == "SP602"
    ]
    assert advice(found).startswith("run the container with --env DOCKER_CONFIG=/;")
    name = engine.make("-v", f"{mounted}:/config.json", "-e", "DOCKER_CONFIG=/")
    assert [one["code"] for one in findings(run_shorepass, "--in", f"{engine.family}:{name}", **engine.leads)] == [
        "SP603"
    ]
    new = mounted.with_name("new")
    new.write_text(mounted.read_text() + "\n")
    new.rename(mounted)
    stale = [
        one
        for one in findings(run_shorepass, "--in", f"{engine.family}:{name}", **engine.leads)
        if one["code"] == "SP605"
    ]
    assert [
        f"mount the folder: {mounted.parent}:/logins, with --env DOCKER_CONFIG=/logins" in advice(s) for s in stale
    ] == [True] * len(stale)
    assert stale


def test_a_mounted_file_of_a_stopped_podman_container(
    podman_containers: ContainerEngine, run_shorepass: RunShorepass, mounted: Path
) -> None:
    """Podman shows it only while the container runs: that is said, also of one that was never started."""
    words = ("-v", f"{mounted}:/config.json", "-e", "DOCKER_CONFIG=/")
    stopped, never = podman_containers.make(*words), podman_containers.make(*words, running=False)
    podman_containers.stop(stopped)
    for name in (stopped, never):
        place = ("--in", f"podman:{name}")
        (found,) = findings(run_shorepass, *place, **podman_containers.leads)
        assert (found["code"], found["severity"]) == ("SP104", "note")
        assert f"mounted from {mounted}, and podman shows it only while the container runs" in str(found["cause"])
        assert advice(found) == f"podman start {name}"
        done = run_shorepass("explain", "--offline", *place, KEY, env=podman_containers.leads)
        assert (done.status, f"mounted from {mounted}" in done.stdout) == (3, True)
