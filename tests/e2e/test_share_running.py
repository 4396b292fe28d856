"""A login is lent to a real container that runs already, through a forwarder that is copied into it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.lending import NOT_FOUND, end_agent

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

HELPER = "/usr/local/bin/docker-credential-shorepass"
REGISTRY = "lent.example"
SECRET = "s3cret-that-is-lent"
PLACES = ("/run/shorepass", HELPER)


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    login = {"username": "alice", "password": SECRET}
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: login}}))
    yield
    end_agent()


class Lender:
    """``shorepass share`` as it runs for a container. ``said``: the file of its standard error."""

    def __init__(self, engine: ContainerEngine, name: str, folder: Path, *words: str) -> None:
        self.said = folder / f"said-{name}"
        argv = [sys.executable, "-m", "shorepass", "share", f"{engine.family}:{name}", "--registry", REGISTRY, *words]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                argv, stdout=said, stderr=said, env={**os.environ, **engine.leads, "PATH": programs.SYSTEM_PATH}
            )

    def wait_until_ready(self) -> str:
        """Wait until it lends, and return the grant's id."""

        def ready() -> str | None:
            if self.process.poll() is not None:
                raise AssertionError(self.said.read_text())
            _, found, rest = self.said.read_text().partition("has the grant ")
            return rest.split()[0] if found and "\n" in rest else None

        return programs.wait_until(ready, "the relay")

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)


Lend = Callable[..., Lender]


@pytest.fixture
def lend(engine: ContainerEngine, tmp_path: Path) -> Iterator[Lend]:
    """Starts ``shorepass share`` for a container of the engine."""
    with contextlib.ExitStack() as started:

        def start(name: str, *words: str) -> Lender:
            lender = Lender(engine, name, tmp_path, *words)
            started.callback(lender.process.wait)
            started.callback(lender.process.kill)
            return lender

        yield start


def get(engine: ContainerEngine, name: str, registry: str = REGISTRY) -> subprocess.CompletedProcess[str]:
    """Ask the helper in a container."""
    return engine.execute(name, HELPER, "get", stdin=registry)


def remaining(engine: ContainerEngine, name: str) -> list[str]:
    """Return what is left in a container that runs."""
    return [path for path in PLACES if engine.execute(name, "ls", "-d", path).returncode == 0]


def wait_until_removed(engine: ContainerEngine, name: str) -> None:
    """Wait until nothing is left in a container."""
    programs.wait_until(lambda: not remaining(engine, name) or None, "an empty container")


@pytest.mark.parametrize("flags", [(), ("--user", "1000:1000", "--cap-drop=ALL"), ("--tmpfs", "/run")])
def test_a_container_that_runs_gets_a_login_until_ctrl_c(
    engine: ContainerEngine, lend: Lend, flags: tuple[str, ...]
) -> None:
    """Any user in it gets the lent login and no other; after Ctrl-C the grant has ended and no file is left."""
    name = engine.make(*flags)
    lender = lend(name)
    lender.wait_until_ready()
    for _ in range(3):
        done = get(engine, name)
        assert (done.returncode, json.loads(done.stdout)["Secret"]) == (0, SECRET), done.stderr
    done = get(engine, name, "other.example")
    assert (done.returncode, done.stdout) == (1, NOT_FOUND)
    config = json.loads(engine.execute(name, "cat", "/run/shorepass/config/config.json").stdout)
    assert "shorepass" in config["credHelpers"].values()
    assert (
        engine.execute(name, "stat", "-c", "%a", "/run/shorepass", "/run/shorepass/agent.sock").stdout == "755\n666\n"
    )
    assert lender.end() == 0
    assert remaining(engine, name) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_after_the_lender_has_ended(engine: ContainerEngine, lend: Lend, number: int) -> None:
    """Also if the lender is killed, the socket, the config file and the program in the container are removed."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    lender.end(number)
    wait_until_removed(engine, name)


def test_revoke_ends_the_relay(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """``revoke`` ends the command with 0, and the container has no login and no file any more."""
    name = engine.make()
    lender = lend(name)
    id_ = lender.wait_until_ready()
    assert get(engine, name).returncode == 0
    assert run_shorepass("revoke", id_).status == 0
    assert lender.process.wait(60) == 0
    assert remaining(engine, name) == []
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_a_container_that_stops_ends_the_relay(
    engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass
) -> None:
    """The command fails with a sentence, the grant ends, and the container can be lent to again after its start."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    engine.stop(name)
    assert lender.process.wait(60) != 0
    assert f"{engine.family}:{name}: the container or its forwarder has ended" in lender.said.read_text()
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    engine.run("start", name)
    lender = lend(name)
    lender.wait_until_ready()
    assert get(engine, name).returncode == 0
    assert lender.end() == 0
    assert remaining(engine, name) == []


def test_garbage_from_inside_ends_nothing(engine: ContainerEngine, lend: Lend) -> None:
    """Bytes that are no frame, a cut frame and a frame of wrong fields get no login, and the next caller gets its own."""
    name = engine.make("--user", "1000:1000")
    lender = lend(name)
    lender.wait_until_ready()
    for garbage in (
        r"GET / HTTP/1.1\r\n\r\n",
        r"\001C\000\000\000\000\000\004\377\377\377\377",
        r"\001C\000\000\377",
        r"\001M",
    ):
        send = f"printf '{garbage}' | /bin/busybox nc local:/run/shorepass/agent.sock"
        done = engine.execute(name, "sh", "-c", send)
        assert SECRET not in done.stdout
        assert get(engine, name).returncode == 0
    assert lender.end() == 0
    assert remaining(engine, name) == []


def test_a_container_that_forges_the_forwarders_output_ends_the_relay(engine: ContainerEngine, lend: Lend) -> None:
    """Root in the container writes to the forwarder's output: the command ends with a sentence."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    find = "for p in /proc/[0-9]*; do grep -q -e --relay $p/cmdline && echo garbage-of-root > $p/fd/1; done; true"
    engine.execute(name, "sh", "-c", find)
    assert lender.process.wait(60) != 0
    assert "has sent what the forwarder does not send" in lender.said.read_text()


def test_two_relays_in_one_container(engine: ContainerEngine, lend: Lend) -> None:
    """The second is refused with a sentence, and the first goes on."""
    name = engine.make()
    first = lend(name)
    first.wait_until_ready()
    second = lend(name)
    assert second.process.wait(60) != 0
    assert "another relay is there already" in second.said.read_text()
    assert get(engine, name).returncode == 0
    assert first.end() == 0
    assert remaining(engine, name) == []


def test_places_where_no_program_can_be(engine: ContainerEngine, lend: Lend) -> None:
    """A file system that runs no program is named."""
    name = engine.make("--tmpfs", "/usr/local/bin:noexec")
    lender = lend(name)
    assert lender.process.wait(60) != 0
    said = lender.said.read_text()
    assert f"{HELPER} cannot serve there: " in said
    # docker copies below a tmpfs, and podman into it
    assert ("on a tmpfs" if engine.family == "docker" else "noexec") in said


@pytest.mark.xdist_group("docker")
def test_a_read_only_root(docker_containers: ContainerEngine, tmp_path: Path, run_shorepass: RunShorepass) -> None:
    """The command says that the root is read only, and nothing is lent."""
    name = docker_containers.make("--read-only")
    lender = Lender(docker_containers, name, tmp_path)
    assert lender.process.wait(60) != 0
    assert "read-only" in lender.said.read_text()
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_a_container_that_does_not_run(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """The command says so, and nothing is lent."""
    lender = lend(engine.make(running=False))
    assert lender.process.wait(60) != 0
    assert "it does not run" in lender.said.read_text()
    assert run_shorepass("grants").stdout == "nothing is lent\n"
