"""Variables and homes that lead away from the logins: the real program goes without one first, then doctor says why."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth
from e2e import programs
from e2e.doctor import Doctor, Program, found, log_in, one, release
from shorepass.clients.docker_releases import READS_VARIABLE

if TYPE_CHECKING:
    from conftest import RunShorepass


def inspects(skopeo: Program, image: str) -> bool:
    return skopeo("inspect", "--tls-verify=false", f"docker://{image}").returncode == 0


# SP401


@pytest.mark.parametrize("there", [True, False], ids=["empty", "absent"])
def test_docker_config_leads_elsewhere(
    doctor: Doctor,
    docker: Program,
    private_image: str,
    users: dict[str, str],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    """SP401: DOCKER_CONFIG names another folder, and docker does not see the login in the home any more."""
    log_in(docker, private_image.partition("/")[0], "alice", users["alice"])
    assert docker("pull", private_image).returncode == 0
    monkeypatch.setenv("DOCKER_CONFIG", str(world / "elsewhere"))
    if there:
        (world / "elsewhere").mkdir()
        (world / "elsewhere/config.json").write_text("{}")
    assert docker("pull", private_image).returncode != 0
    finding = one(doctor(client="docker"))
    assert (finding["code"], finding["severity"], finding["subject"]) == ("SP401", "warning", "DOCKER_CONFIG")
    assert one(doctor("--offline", private_image, client="docker"))["severity"] == "error"
    assert found(doctor("--offline", "other.example/app", client="docker")) == []
    monkeypatch.delenv("DOCKER_CONFIG")
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(private_image)) == []


def test_docker_config_with_logins_of_its_own(
    doctor: Doctor, docker: Program, registry: str, users: dict[str, str], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with logins of its own is meant so: what it hides is worth a note, and nothing where it hides nothing."""
    log_in(docker, registry, "alice", users["alice"])
    monkeypatch.setenv("DOCKER_CONFIG", str(world / "elsewhere"))
    (world / "elsewhere").mkdir(mode=0o700)
    other = world / "elsewhere/config.json"
    other.write_text(json.dumps({"auths": {"other.example": auth("alice:pw")}}))
    other.chmod(0o600)
    assert one(doctor(client="docker"), notes=True)["severity"] == "note"
    log_in(docker, registry, "bob", users["bob"])
    assert found(doctor(client="docker"), notes=True) == []


def test_a_named_auth_file_that_is_not_there(
    request: pytest.FixtureRequest,
    doctor: Doctor,
    skopeo: Program,
    private_image: str,
    users: dict[str, str],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SP401: podman pulls nothing where REGISTRY_AUTH_FILE names no file; skopeo goes on without the usual login."""
    words = ["--tls-verify=false", "-u", "alice", "--password-stdin"]
    assert skopeo("login", *words, private_image.partition("/")[0], stdin=users["alice"]).returncode == 0
    assert inspects(skopeo, private_image)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(world / "gone.json"))
    run_folder = tempfile.mkdtemp(prefix="sp-")  # podman takes no runroot of more than 50 characters
    request.addfinalizer(lambda: shutil.rmtree(run_folder, ignore_errors=True))
    store = ["--root", str(world / "root"), "--runroot", run_folder, "--storage-driver", "vfs"]
    podman = [programs.require("podman"), *store, "pull", "--tls-verify=false", private_image]
    assert "gone.json" in programs.run(podman, env={**os.environ, "PATH": programs.SYSTEM_PATH}).stderr
    assert not inspects(skopeo, private_image)
    (world / "bin/podman").symlink_to(programs.require("podman"))
    finding = one(doctor("--offline", private_image, client="podman"))
    assert (finding["code"], finding["severity"], finding["subject"]) == ("SP401", "error", "REGISTRY_AUTH_FILE")
    assert one(doctor("--offline", private_image, client="skopeo"))["code"] == "SP401"
    monkeypatch.delenv("REGISTRY_AUTH_FILE")
    assert inspects(skopeo, private_image)
    pulled = programs.run(podman, env={**os.environ, "PATH": programs.SYSTEM_PATH})
    assert pulled.returncode == 0, pulled.stderr
    assert found(doctor(private_image, client="podman")) == []


def test_a_docker_context_that_does_not_exist(
    doctor: Doctor,
    docker: Program,
    dockerd: str,
    private_image: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SP408: docker stops, and doctor says why in place of "no findings"; an existing context is no finding."""
    log_in(docker, private_image.partition("/")[0], "alice", users["alice"])
    monkeypatch.delenv("DOCKER_HOST")
    for name, value in (("DOCKER_CONTEXT", "gone"), ("DOCKER_CONTEXT", "")):
        monkeypatch.setenv(name, value)
        assert docker("context", "create", "mine", "--docker", f"host={dockerd}").returncode >= 0
        if value:
            assert 'context "gone": context not found' in docker("pull", private_image).stderr
            finding = one(doctor(private_image))
            assert (finding["code"], finding["subject"]) == ("SP408", "DOCKER_CONTEXT")
            assert finding["fix"]["text"] == "unset DOCKER_CONTEXT"
            assert "its context 'gone' does not exist" in run_shorepass("explain", private_image).stdout
    assert docker("context", "use", "mine").returncode == 0
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(private_image)) == []
    shutil.rmtree(Path(os.environ["HOME"]) / ".docker/contexts")
    finding = one(doctor(private_image))
    assert (finding["code"], finding["fix"]["text"]) == ("SP408", "docker context use default")
    assert docker("context", "use", "default").returncode == 0
    assert found(doctor(private_image)) == []


# SP402, SP403. Debian has no docker that reads DOCKER_AUTH_CONFIG: of a newer one there is only its version.


def newer_docker(world: Path) -> None:
    """Let docker's version on PATH be one that reads the variable."""
    fake = world / "bin/docker"
    fake.unlink(missing_ok=True)
    fake.write_text("#!/bin/sh\necho 'Docker version 28.3.0, build 38b7060'\n")
    fake.chmod(0o755)


def variable(users: dict[str, str], key: str) -> str:
    return json.dumps({"auths": {key: auth(f"alice:{users['alice']}")}})


def test_a_variable_that_docker_does_not_read(
    doctor: Doctor, docker: Program, private_image: str, users: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SP403: docker before 28.3 passes over the variable, and pulls without a login; after docker login it works."""
    registry = private_image.partition("/")[0]
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", variable(users, registry))
    if release(docker) >= READS_VARIABLE.since:  # a machine that has nothing older
        assert (docker("pull", private_image).returncode, found(doctor("--offline", private_image))) == (0, [])
        return
    assert docker("pull", private_image).returncode != 0
    done = doctor("--offline", private_image)
    finding = one(done)
    assert (finding["code"], finding["subject"]) == ("SP403", f"DOCKER_AUTH_CONFIG: {registry}")
    assert users["alice"] not in done.stdout
    log_in(docker, registry, "alice", users["alice"])
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(private_image)) == []


def test_a_variable_whose_logins_are_encoded_or_in_a_file(
    doctor: Doctor,
    registry: str,
    users: dict[str, str],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SP403: the line that is offered gives docker the JSON text."""
    newer_docker(world)
    (world / "file.json").write_text(variable(users, registry))
    encoded = base64.b64encode(variable(users, registry).encode()).decode()
    for text, cause in ((encoded, "its value is in base64"), (str(world / "file.json"), "is the name of a file")):
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", text)
        finding = one(doctor("--offline", f"{registry}/team/app:1"))
        assert (finding["code"], cause in finding["cause"]) == ("SP403", True)
        line = f'set -e; {finding["fix"]["text"]}; printf %s "$DOCKER_AUTH_CONFIG"'
        typed = programs.run(["sh", "-c", line], env={"DOCKER_AUTH_CONFIG": text})
        assert typed.stdout == variable(users, registry)
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", typed.stdout)
        assert found(doctor("--offline", f"{registry}/team/app:1")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ('{"auths": {"REGISTRY": {"username": "alice"}}}', "'username' is not known there"),
        ('{"auths": {"https://REGISTRY": {"auth": "YTpi"}}}', "never reads this key"),
    ],
)
def test_a_variable_that_a_newer_docker_cannot_use(
    doctor: Doctor, registry: str, world: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """SP403: malformed, or under a key that is not asked for; without the variable there is nothing to find."""
    newer_docker(world)
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", text.replace("REGISTRY", registry))
    finding = one(doctor())
    assert (finding["code"], finding["severity"]) == ("SP403", "error")
    assert said in " ".join([finding["cause"], *finding["evidence"]])
    monkeypatch.delenv("DOCKER_AUTH_CONFIG")
    assert found(doctor()) == []


def test_a_variable_before_a_stored_login(
    doctor: Doctor,
    docker: Program,
    private_image: str,
    users: dict[str, str],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SP402: a newer docker takes the variable's login, and not bob's that is stored; the same login is no finding."""
    registry = private_image.partition("/")[0]
    log_in(docker, registry, "bob", users["bob"])
    newer_docker(world)
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", variable(users, registry))
    for words in ((), (private_image,)):
        finding = one(doctor(*words, client="docker"))
        assert (finding["code"], finding["subject"]) == ("SP402", f"DOCKER_AUTH_CONFIG: {registry}")
    log_in(docker, registry, "alice", users["alice"])
    assert found(doctor(private_image), notes=True) == []


# SP404. snapd does not run here: a script gives the real docker the HOME that snapd gives to a snap.


def test_docker_from_a_snap(
    doctor: Doctor,
    docker: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    home: Path,
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SP404: docker from a snap does not see the login in ~/.docker; with one in the snap's own home it pulls."""
    snap, real = world / "snap/bin/docker", programs.require(programs.docker_programs()[-1])
    snap.parent.mkdir(parents=True)
    (home / "snap/docker/current").mkdir(parents=True)
    snap.write_text(f'#!/bin/sh\nHOME="$HOME/snap/docker/current" exec {shlex.quote(real)} "$@"\n')
    snap.chmod(0o755)
    log_in(docker, private_image.partition("/")[0], "alice", users["alice"])
    assert found(doctor()) == []
    monkeypatch.setenv("PATH", str(snap.parent))
    assert programs.run([str(snap), "pull", private_image], env=os.environ).returncode != 0
    finding = one(doctor(client="docker"))
    assert (finding["code"], finding["subject"]) == ("SP404", str(snap))
    program, *words = shlex.split(finding["fix"]["text"])
    done = run_shorepass(*words, "-u", "alice", "--password-stdin", stdin=users["alice"])
    assert (program, done.status) == ("shorepass", 0), done.stderr
    pulled = programs.run([str(snap), "pull", private_image], env=os.environ)
    assert pulled.returncode == 0, pulled.stderr
    assert found(doctor(client="docker")) == []
