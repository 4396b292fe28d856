"""The forwarder where it is used: docker starts it, with an agent and with the original program, and so do containers."""

from __future__ import annotations

import contextlib
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.real_clients import Docker
from forwarder.conftest import Forwarder, installed_for
from forwarder.fake_agent import Connection, answer, fake_agent
from memory_store import MemoryStore
from shorepass.helper.server import serve

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

pytestmark = pytest.mark.usefixtures("nothing_set")


@pytest.mark.parametrize("agent", ["answers", "none"])
@pytest.mark.parametrize("program", programs.docker_programs())
def test_docker_logs_in_pulls_and_logs_out(
    registry: str,
    users: dict[str, str],
    dockerd: str,
    busybox_image: str,
    program: str,
    agent: str,
    home: Path,
    world: Path,
    tmp_path: Path,
    our_helper: str,
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The login is stored behind the forwarder and in no file; docker pushes and pulls with it, until it is erased."""
    forwarder = Forwarder(installed_for(platform.system(), platform.machine()), tmp_path)
    forwarder.put_before(our_helper)
    path = f"{forwarder.path.parent}:{programs.SYSTEM_PATH}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(programs, "SYSTEM_PATH", path)
    assert run_shorepass("vault", "init").status == 0
    config = home / ".docker/config.json"
    config.parent.mkdir()
    config.write_text('{"credsStore": "harbour"}')
    store = MemoryStore()

    def behave(connection: Connection) -> None:
        call = connection.call()
        done = serve("harbour", [call.verb.decode()], lambda limit: call.input[:limit], lambda: store, "v1")
        connection.send(answer(*done))

    docker = Docker(program, dockerd, busybox_image)
    image = f"{registry}/team/forwarded:{agent}"
    with contextlib.ExitStack() as stack:
        if agent == "answers":
            stack.enter_context(fake_agent(world / "run/shorepass/agent.sock", behave))
        assert docker.login(registry, "alice", users["alice"]).returncode == 0
        assert json.loads(config.read_text())["auths"] == {registry: {}}
        for done in (docker.push(image), docker.pull(image), docker.logout(registry)):
            assert done.returncode == 0, done.stderr
        assert docker.pull(image).returncode != 0
    assert store.logins == {}


def test_in_a_container_without_a_library(engine: ContainerEngine, tmp_path: Path) -> None:
    """The program and the folder of the agent's socket are mounted, and nothing else is needed; the call is the container's."""
    program = installed_for(platform.system(), platform.machine())
    socket_path = tmp_path / "grant/agent.sock"
    inside = "/bin/docker-credential-harbour"

    def behave(connection: Connection) -> None:
        connection.send(answer(0, connection.call().input))

    with fake_agent(socket_path, behave) as calls:
        name = engine.make("-v", f"{socket_path.parent}:/run/shorepass", "-v", f"{program}:{inside}:ro", "-w", "/srv")
        done = engine.execute(name, inside, "get", stdin="registry.example")
        assert (done.returncode, done.stdout) == (0, "registry.example")
    assert [(call.name, call.directory) for call in calls] == [(b"harbour", b"/srv")]
    done = engine.execute(name, inside, "get", stdin="registry.example")
    assert (done.returncode, done.stdout) == (1, "credentials not found in native keychain\n")
