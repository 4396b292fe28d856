"""``doctor`` finds grants that lend nothing (SP8xx): each is caused with real containers, found, fixed, and gone."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs, test_share_mount
from e2e.doctor import Doctor, Finding, found
from e2e.lending import Lender, end_agent, share
from e2e.test_share import docker_in
from e2e.test_share_running import get, wait_until_removed

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

REGISTRY = "lent.example"
HELPER = "docker-credential-shorepass"
Lend = Callable[..., Lender]


@pytest.fixture(autouse=True)
def login(home: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lender's login, and shorepass on PATH; the agent that a grant starts ends with the test."""
    write_login(home, REGISTRY, "s3cret")
    (world / "bin/shorepass").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shorepass "$@"\n')
    (world / "bin/shorepass").chmod(0o755)
    monkeypatch.setenv("PATH", f"{world / 'bin'}:{programs.SYSTEM_PATH}")
    yield
    end_agent()


def write_login(home: Path, registry: str, secret: str) -> None:
    (home / ".docker").mkdir(mode=0o700, exist_ok=True)
    config = home / ".docker/config.json"
    config.write_text(json.dumps({"auths": {registry: {"username": "alice", "password": secret}}}))
    config.chmod(0o600)


@pytest.fixture
def led(engine: ContainerEngine, monkeypatch: pytest.MonkeyPatch) -> ContainerEngine:
    """Each engine, which doctor finds."""
    for key, value in engine.leads.items():
        monkeypatch.setenv(key, value)
    return engine


def findings(doctor: Doctor, place: str = "me") -> list[Finding]:
    return [one for one in found(doctor("--offline", "--in", place), notes=True) if one["code"].startswith("SP8")]


def one(doctor: Doctor, code: str, subject: object, place: str = "me") -> str:
    """Return the fix of the only finding about grants."""
    [finding] = findings(doctor, place)
    assert (finding["code"], finding["subject"]) == (code, str(subject)), finding
    text: str = finding["fix"]["text"]
    return text


def follow(advice: str) -> str:
    """Type the command behind the colon of an advice, if it has one, and return what it prints."""
    done = programs.run(["/bin/sh", "-c", advice.rpartition(": ")[2]], env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def place_of(engine: ContainerEngine, name: str) -> str:
    return f"{engine.family}:{name}"


def test_sp801_a_broken_file(run_shorepass: RunShorepass, doctor: Doctor, home: Path) -> None:
    """No grant counts. The file is moved away, and the folder that is left over then, too (SP805)."""
    grant = share(run_shorepass, "--registry", REGISTRY)
    assert findings(doctor) == []
    end_agent()  # because it would remove the folder soon
    path = home / ".local/state/shorepass/grants.json"
    path.write_text("{")
    assert run_shorepass("grants").status == 3
    follow(one(doctor, "SP801", path))
    folder = os.path.dirname(grant.socket)
    follow(one(doctor, "SP805", folder))
    assert not os.path.exists(folder)
    assert findings(doctor) == []
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_sp801_a_broken_policy(run_shorepass: RunShorepass, doctor: Doctor, home: Path) -> None:
    """It refuses every login, and doctor has the line; the hint checks it again."""
    path = home / ".config/shorepass/policy.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\nnevr = []\n")
    assert run_shorepass("share", "flags", "--registry", REGISTRY).status == 3
    assert one(doctor, "SP801", path) == "shorepass policy check"
    assert "line 2" in run_shorepass("policy", "check").stderr
    path.write_text("never = []\n")
    assert findings(doctor) == []


def test_sp802_no_agent(led: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor) -> None:
    """The agent was killed, then it is locked: doctor finds both, here and from the container, and the hint lends again."""
    grant = share(run_shorepass, "--registry", REGISTRY)
    name = led.make(*grant.flags)
    place = place_of(led, name)
    assert get(led, name).returncode == 0
    end_agent()
    assert get(led, name).returncode == 1
    assert one(doctor, "SP802", "agent", place) == "shorepass agent start"
    follow(one(doctor, "SP802", "agent"))
    assert (findings(doctor), findings(doctor, place)) == ([], [])
    assert get(led, name).returncode == 0
    assert run_shorepass("agent", "lock").status == 0
    assert get(led, name).returncode == 1
    assert one(doctor, "SP802", "agent") == "shorepass unlock"
    follow(one(doctor, "SP802", "agent", place))
    assert findings(doctor) == []
    assert get(led, name).returncode == 0


@pytest.fixture
def lend(tmp_path: Path) -> Iterator[Lend]:
    """Starts ``shorepass share`` for a container, and waits until it lends."""
    with contextlib.ExitStack() as started:

        def start(engine: ContainerEngine, name: str, registry: str = REGISTRY) -> Lender:
            said = tmp_path / f"said-{name}"
            lender = Lender(f"{engine.family}:{name}", said, "--registry", registry, env=engine.leads)
            started.callback(lender.close)
            lender.wait_until_ready()
            return lender

        yield start


def test_sp803_a_dead_relay(led: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, lend: Lend) -> None:
    """``share`` was killed, so the container has nothing; the grant remains until the hint ends it."""
    name = led.make()
    place = place_of(led, name)
    lender = lend(led, name)
    assert (findings(doctor), findings(doctor, place)) == ([], [])
    lender.end(signal.SIGKILL)
    wait_until_removed(led, name)
    assert one(doctor, "SP803", place, place).startswith("shorepass revoke ")
    follow(one(doctor, "SP803", place))
    assert findings(doctor) == []
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.mark.parametrize("what", ["stopped", "started", "removed"])
def test_sp804_another_container(
    led: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, lend: Lend, what: str
) -> None:
    """``share`` was killed, and the container ended, was started again, or was removed."""
    name = led.make()
    place = place_of(led, name)
    lend(led, name).end(signal.SIGKILL)
    led.stop(name)
    if what == "started":
        led.run("start", name)
    if what == "removed":
        led.remove(name)
    follow(one(doctor, "SP804", place))
    assert findings(doctor) == []
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_sp805_a_missing_folder(led: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor) -> None:
    """The folder was removed: the agent makes it again; the container has the old one until it starts again (SP806)."""
    grant = share(run_shorepass, "--registry", REGISTRY)
    name = led.make(*grant.flags)
    place = place_of(led, name)
    shutil.rmtree(os.path.dirname(grant.socket))
    assert get(led, name).returncode == 1
    follow(one(doctor, "SP805", grant.socket))
    assert findings(doctor) == []
    assert get(led, name).returncode == 1
    assert one(doctor, "SP806", "/run/shorepass", place) == f"{led.family} restart {name}"
    led.run("restart", "--time=0", name)
    assert findings(doctor, place) == []
    assert get(led, name).returncode == 0


@pytest.mark.parametrize("how", ["revoked", "over"])
def test_sp806_a_grant_that_has_ended(
    led: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, home: Path, how: str
) -> None:
    """The container still has the folder, and does not start again; with the flags of the hint another one gets the login."""
    grant = share(run_shorepass, "--registry", REGISTRY)
    name = led.make(*grant.flags)
    if how == "revoked":
        assert run_shorepass("revoke", grant.id).status == 0
    else:
        file = home / ".local/state/shorepass/grants.json"
        stored = json.loads(file.read_text())
        stored["grants"][0]["until"] = stored["grants"][0]["created"] + 0.001
        file.write_text(json.dumps(stored))
    assert get(led, name).returncode == 1
    advice = one(doctor, "SP806", "/run/shorepass", place_of(led, name))
    if how == "revoked":
        led.stop(name)
        assert led.try_run("start", name).returncode != 0
        advice = advice.replace("REGISTRY", REGISTRY)
    again = led.make(*shlex.split(follow(advice)))
    assert findings(doctor, place_of(led, again)) == []
    assert get(led, again).returncode == 0


@pytest.fixture
def docker_that_pulls(
    docker_containers: ContainerEngine,
    home: Path,
    private_image: str,
    users: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> ContainerEngine:
    """A docker with a private image, and the lender's login for it."""
    monkeypatch.setenv("DOCKER_HOST", docker_containers.leads["DOCKER_HOST"])
    write_login(home, private_image.partition("/")[0], users["alice"])
    return docker_containers


def pulls(engine: ContainerEngine, name: str, image: str, *flags: str) -> bool:
    """Tell whether docker in a container pulls."""
    engine.try_run("rmi", image)
    return engine.try_run("exec", *flags, name, "/bin/docker", "pull", image).returncode == 0


def env_of(advice: str) -> list[str]:
    """Return the flags of a ``docker run`` or ``docker exec`` in an advice."""
    words = shlex.split(advice.rpartition(": ")[2])
    assert words[1] in ("run", "exec")
    return words[2:]


@pytest.mark.xdist_group("docker")
def test_sp807_path(
    docker_that_pulls: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, private_image: str
) -> None:
    """An image whose PATH does not have /usr/local/bin: docker there does not find the helper."""
    engine = docker_that_pulls
    grant = share(run_shorepass, "--registry", private_image.partition("/")[0])
    flags = (*grant.flags, *docker_in(engine), "--env=PATH=/bin")
    name = engine.make(*flags)
    assert not pulls(engine, name, private_image)
    more = env_of(one(doctor, "SP807", HELPER, place_of(engine, name)))
    assert [one["code"] for one in found(doctor("--offline", "--in", place_of(engine, name)))] == ["SP807"]
    name = engine.make(*flags, *more)
    assert findings(doctor, place_of(engine, name)) == []
    assert pulls(engine, name, private_image)


@pytest.mark.xdist_group("docker")
def test_sp807_no_helper(
    docker_that_pulls: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, private_image: str
) -> None:
    """Only the folder was mounted: the hint prints flags that also mount the helper."""
    engine = docker_that_pulls
    grant = share(run_shorepass, "--registry", private_image.partition("/")[0])
    name = engine.make(*(flag for flag in grant.flags if "/usr/local/bin" not in flag))
    flags = shlex.split(follow(one(doctor, "SP807", HELPER, place_of(engine, name))))
    assert findings(doctor, place_of(engine, engine.make(*flags))) == []


@pytest.mark.xdist_group("docker")
def test_sp808_a_variable(
    docker_that_pulls: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, private_image: str
) -> None:
    """The container's own DOCKER_CONFIG overrides the grant's, so docker there has no login."""
    engine = docker_that_pulls
    grant = share(run_shorepass, "--registry", private_image.partition("/")[0])
    flags = (*grant.flags, *docker_in(engine), "--env=DOCKER_CONFIG=/root/.docker")
    name = engine.make(*flags)
    assert not pulls(engine, name, private_image)
    more = env_of(one(doctor, "SP808", "docker", place_of(engine, name)))
    name = engine.make(*flags, *more)
    assert findings(doctor, place_of(engine, name)) == []
    assert pulls(engine, name, private_image)


@pytest.mark.xdist_group("docker")
def test_sp808_an_own_file(
    docker_that_pulls: ContainerEngine, doctor: Doctor, private_image: str, tmp_path: Path, lend: Lend
) -> None:
    """A container that ran already has a file of its own: a note has the variable for its client."""
    engine = docker_that_pulls
    registry = private_image.partition("/")[0]
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"auths": {registry: {"auth": "YWxpY2U6d3Jvbmc="}}}))
    name = engine.make(*docker_in(engine), "-v", f"{own}:/root/.docker/config.json")
    lend(engine, name, registry)
    assert not pulls(engine, name, private_image)
    more = env_of(one(doctor, "SP808", "docker", place_of(engine, name)))
    assert pulls(engine, name, private_image, *more)


@pytest.mark.xdist_group("docker")
def test_sp808_another_engine(
    docker_that_pulls: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, private_image: str
) -> None:
    """Mode engine: the container's DOCKER_HOST leads to the engine itself, which gets no login."""
    engine = docker_that_pulls
    grant = share(run_shorepass, "--mode", "engine", "--registry", private_image.partition("/")[0])
    flags = (*grant.flags, *docker_in(engine), "--env=DOCKER_HOST=unix:///var/run/docker.sock")
    name = engine.make(*flags)
    assert not pulls(engine, name, private_image)
    more = env_of(one(doctor, "SP808", "docker", place_of(engine, name)))
    name = engine.make(*flags, *more)
    assert findings(doctor, place_of(engine, name)) == []
    assert pulls(engine, name, private_image)


@pytest.mark.xdist_group("docker")
@pytest.mark.parametrize("mode", ["forward", "engine", "export"])
def test_a_healthy_grant_has_no_finding(
    docker_that_pulls: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, private_image: str, mode: str
) -> None:
    """In each mode the container pulls, and doctor finds nothing, here and there."""
    engine = docker_that_pulls
    grant = share(run_shorepass, "--mode", mode, "--registry", private_image.partition("/")[0])
    name = engine.make(*docker_in(engine), *grant.flags)
    assert pulls(engine, name, private_image)
    assert (findings(doctor), findings(doctor, place_of(engine, name))) == ([], [])


def test_a_healthy_mount_has_no_finding(
    led: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, home: Path, world: Path
) -> None:
    """Mode mount: the container has a helper of the user and not Shorepass's."""
    (world / "helper.c").write_text(test_share_mount.SOURCE)
    helper = world / "bin/docker-credential-ecr-login"
    done = programs.run([programs.require("gcc"), "-static", "-o", str(helper), str(world / "helper.c")])
    assert done.returncode == 0, done.stderr
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text("key")
    registry = test_share_mount.REGISTRY
    (home / ".docker/config.json").write_text(json.dumps({"credHelpers": {registry: "ecr-login"}}))
    grant = share(run_shorepass, "--mode", "mount", "--registry", registry)
    name = led.make(*grant.flags)
    assert led.execute(name, "docker-credential-ecr-login", "get", stdin=registry).returncode == 0
    assert (findings(doctor), findings(doctor, place_of(led, name))) == ([], [])
