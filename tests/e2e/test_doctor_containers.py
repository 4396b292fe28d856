"""Logins that are lent to a container and do not arrive: a real skopeo in a real container fails; found, and mended."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.containers import USER, ContainerEngine
from e2e.doctor import Doctor, Finding, found

if TYPE_CHECKING:
    from conftest import RunShorepass

REGISTRY = "registry.example"
# The programs of this machine, in a container that has none of its own; not on its PATH, nor are this machine's helpers.
FOLDERS = [folder for folder in ("/usr", "/lib", "/lib64") if os.path.isdir(folder)]
PROGRAMS = ("--env=PATH=/bin", *(f"-v={folder}:{folder}:ro" for folder in FOLDERS))


def config(user: str = "alice", **more: object) -> str:
    auth = base64.b64encode(f"{user}:secret".encode()).decode()
    return json.dumps({"auths": {REGISTRY: {"auth": auth}}, **more})


@pytest.fixture
def lent(tmp_path: Path) -> Iterator[Path]:
    """The config file of somebody on the host."""
    file = tmp_path / "lent" / "config.json"
    file.parent.mkdir(mode=0o755)
    file.write_text(config())
    file.chmod(0o600)
    return file


def who(engine: ContainerEngine, name: str, *flags: str) -> str:
    """Return the user name that skopeo in a container finds, or its error."""
    done = engine.try_run("exec", "-i", *flags, name, "/usr/bin/skopeo", "login", "--get-login", REGISTRY)
    return done.stdout.strip() or done.stderr


def examined(doctor: Doctor, engine: ContainerEngine, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    for key, value in engine.leads.items():
        monkeypatch.setenv(key, value)
    return found(doctor("--offline", "--in", f"{engine.family}:{name}"))


def test_sp601_a_socket_without_a_login(
    docker_containers: ContainerEngine,
    registry: str,
    doctor: Doctor,
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The docker in a container, over the mounted socket, has no login; after ``login --in`` it has one."""
    engine = docker_containers
    socket = engine.leads["DOCKER_HOST"].removeprefix("unix://")
    (tmp_path / "docker").symlink_to(programs.require("docker"))
    name = engine.make(
        f"-v={socket}:/var/run/docker.sock", f"-v={tmp_path}:/client", *PROGRAMS, "--env=PATH=/bin:/client"
    )
    pull = ("docker", "pull", f"{registry}/team/absent:1")
    assert "no basic auth credentials" in engine.execute(name, *pull).stderr
    (finding,) = examined(doctor, engine, name, monkeypatch)
    assert (finding["code"], finding["subject"], finding["severity"]) == ("SP601", "/var/run/docker.sock", "warning")
    words = finding["fix"]["text"].replace("REGISTRY", registry).split()
    assert words[:2] == ["shorepass", "login"]
    done = run_shorepass(*words[1:], "-u", "alice", "--password-stdin", stdin="alice's password")
    assert done.status == 0, done.stderr
    assert "manifest unknown" in engine.execute(name, *pull).stderr
    assert "SP601" not in {one["code"] for one in examined(doctor, engine, name, monkeypatch)}


def test_sp602_mounted_where_nobody_looks(
    engine: ContainerEngine, lent: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config for root's home, in a container whose HOME is another: nothing is found, and both ways out work."""
    mount = f"-v={lent.parent}:/root/.docker"
    name = engine.make(mount, "--env=HOME=/data", *PROGRAMS)
    assert "not logged into" in who(engine, name)
    (finding,) = examined(doctor, engine, name, monkeypatch)
    assert (finding["code"], finding["subject"]) == ("SP602", "/root/.docker/config.json")
    ways = re.fullmatch(r"run the container with (--env \S+); or mount its folder at (\S+)", finding["fix"]["text"])
    assert ways is not None
    for flags in ((mount, ways[1].replace(" ", "=", 1)), (f"-v={lent.parent}:{ways[2]}",)):
        mended = engine.make(*flags, "--env=HOME=/data", *PROGRAMS)
        assert who(engine, mended) == "alice"
        assert "SP602" not in {one["code"] for one in examined(doctor, engine, mended, monkeypatch)}


def test_sp603_the_hosts_helper(
    engine: ContainerEngine, lent: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's credHelpers name a program that the container lacks: its clients fail, and the host's file stays as it is."""
    lent.write_text(json.dumps({"credHelpers": {REGISTRY: "hosts-own"}}))
    name = engine.make(f"-v={lent.parent}:/root/.docker", *PROGRAMS)
    assert "docker-credential-hosts-own" in who(engine, name)
    (finding,) = examined(doctor, engine, name, monkeypatch)
    assert (finding["code"], finding["subject"]) == ("SP603", "docker-credential-hosts-own")
    assert finding["fix"]["text"].startswith("give the container its own config file: mount nothing at /root/.docker")
    mended = engine.make(*PROGRAMS)
    done = engine.execute(
        mended, "/bin/sh", "-c", "mkdir -p /root/.docker; cat > /root/.docker/config.json", stdin=config()
    )
    assert (done.returncode, who(engine, mended)) == (0, "alice")
    assert "SP603" not in {one["code"] for one in examined(doctor, engine, mended, monkeypatch)}


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_sp604_not_readable_for_the_containers_user(
    engine: ContainerEngine, lent: Path, mode: int, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Root's 0600 file, or 0700 folder, in the home of the container's user is closed to it; the advice's copy is not."""
    lent.parent.chmod(mode)
    name = engine.make(f"--user={USER}", f"-v={lent.parent}:/home/app/.docker", *PROGRAMS)
    assert "permission denied" in who(engine, name)
    (finding,) = examined(doctor, engine, name, monkeypatch)
    assert (finding["code"], finding["subject"]) == ("SP604", "/home/app/.docker/config.json")
    command = re.search(r"install .*", finding["fix"]["text"])
    assert command is not None
    install, *words = command[0].replace("COPY", str(tmp_path / "copy")).split()
    done = programs.run([programs.require(install), *words])
    assert done.returncode == 0, done.stderr
    mended = engine.make(f"--user={USER}", f"-v={tmp_path}/copy:/home/app/.docker", *PROGRAMS)
    assert who(engine, mended) == "alice"
    assert "SP604" not in {one["code"] for one in examined(doctor, engine, mended, monkeypatch)}


def test_a_config_for_root_is_nothing_to_another_user(
    engine: ContainerEngine, lent: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual mount at /root/.docker, in a container that runs as somebody else: SP602, though that user cannot look."""
    name = engine.make(f"--user={USER}", f"-v={lent.parent}:/root/.docker", *PROGRAMS)
    assert "not logged into" in who(engine, name)
    (finding,) = examined(doctor, engine, name, monkeypatch)
    assert (finding["code"], finding["subject"]) == ("SP602", "/root/.docker/config.json")


def test_sp605_replaced_on_the_host(
    engine: ContainerEngine,
    lent: Path,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    registry: str,
) -> None:
    """A file mounted by itself is the old one after the real docker has logged in on the host; a restart brings the new."""
    target = "/root/.docker/config.json"
    name = engine.make(f"-v={lent}:{target}", *PROGRAMS)
    assert "SP605" not in {one["code"] for one in examined(doctor, engine, name, monkeypatch)}
    docker = [programs.require("docker"), "--config", str(lent.parent), "login", "-u", "alice", "--password-stdin"]
    done = programs.run([*docker, registry], env={**os.environ}, stdin="alice's password")
    assert done.returncode == 0, done.stderr
    assert registry not in engine.execute(name, "/bin/cat", target).stdout
    (finding,) = [one for one in examined(doctor, engine, name, monkeypatch) if one["code"] == "SP605"]
    assert finding["subject"] == target
    command, mount = re.findall(rf"{engine.family} restart (\S+);|mount the folder: (\S+)", finding["fix"]["text"])
    engine.run("restart", "-t", "0", command[0])
    assert registry in engine.execute(name, "/bin/cat", target).stdout
    assert "SP605" not in {one["code"] for one in examined(doctor, engine, name, monkeypatch)}
    mended = engine.make(f"-v={mount[1]}")
    done = programs.run([*docker[:3], "logout", registry], env={**os.environ})
    assert done.returncode == 0, done.stderr
    assert registry not in engine.execute(mended, "/bin/cat", target).stdout
    assert "SP605" not in {one["code"] for one in examined(doctor, engine, mended, monkeypatch)}


def test_a_healthy_container_has_no_finding(
    engine: ContainerEngine, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A container with a home of its own, and one with a data folder mounted, running or stopped: nothing to report."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.json").write_text('{"colour": "blue"}')
    name = engine.make(f"--user={USER}", f"-v={tmp_path}/data:/app/config")
    assert examined(doctor, engine, name, monkeypatch) == []
    engine.stop(name)
    assert examined(doctor, engine, name, monkeypatch) == []
