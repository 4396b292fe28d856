"""The runner of ``helper-protocol.json``: every program that answers a client answers the same."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.helper_programs import pass_helper
from forwarder.conftest import Forwarder, checked, installed_for
from forwarder.fake_agent import Connection, answer, fake_agent
from memory_store import MemoryStore
from shorepass.helper import protocol
from shorepass.helper.server import serve

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

CALLS = json.loads(Path(__file__).with_name("helper-protocol.json").read_text())
PYTHON_HELPER = [sys.executable, "-m", "shorepass.docker_credential"]
NOT_FOUND = "credentials not found in native keychain\n"


class NamedStore(MemoryStore):
    """Lists user names, too."""

    def list(self) -> dict[str, str]:
        fields = {key: protocol.answer_fields(key, credential) for key, credential in self.logins.items()}
        return {key: answer["Username"] for key, answer in fields.items()}


def answers(command: list[str], env: dict[str, str] | None = None) -> list[dict[str, object]]:
    """Make each call in turn; return the calls with their answers."""
    found = []
    for call in CALLS:
        done = checked([*command, call["verb"]], stdin=call["input"].encode(), env=env)
        found.append({**call, "status": done.returncode, "output": done.stdout.decode()})
    return found


def answers_of_pass(command: list[str], env: dict[str, str]) -> list[dict[str, object]]:
    """Return the answers of docker-credential-pass, but for two that tests/vectors/README.md names."""
    found = answers(command, env)
    for call in found:
        output = str(call["output"])
        if output.endswith('"Username":"","Secret":""}\n'):
            call |= {"status": 1, "output": NOT_FOUND}
        if "is not in the password store" in output:
            call |= {"status": 0, "output": NOT_FOUND}
    return found


@pytest.fixture
def forwarder(tmp_path: Path) -> Forwarder:
    """The forwarder of this installation."""
    return Forwarder(installed_for(platform.system(), platform.machine()), tmp_path, name="docker-credential-shorepass")


@pytest.fixture
def vault(run_shorepass: RunShorepass) -> None:
    """An empty vault."""
    assert run_shorepass("vault", "init").status == 0


@pytest.fixture
def agent(vault: None, run_shorepass: RunShorepass) -> Iterator[None]:
    """The agent of the test's user, with an empty vault."""
    assert run_shorepass("agent", "start").status == 0
    yield vault
    assert run_shorepass("agent", "stop").status == 0


@pytest.mark.usefixtures("vault")
def test_the_python_helper() -> None:
    """``docker-credential-shorepass`` as pip installs it."""
    assert answers(PYTHON_HELPER) == CALLS


def test_dockers_helper(tmp_path: Path) -> None:
    """docker-credential-pass, which the answers are from."""
    real = pass_helper(tmp_path / "pass")
    assert answers_of_pass([real.program], real.env) == CALLS


def test_dockers_helper_behind_the_forwarder(forwarder: Forwarder, tmp_path: Path) -> None:
    """Without an agent."""
    real = pass_helper(tmp_path / "pass")
    forwarder.put_before(real.program)
    assert answers_of_pass(forwarder.command(), real.env) == CALLS


@pytest.mark.usefixtures("agent")
def test_the_agent_behind_the_forwarder(forwarder: Forwarder) -> None:
    """There is no original, so each answer is the agent's."""
    assert answers(forwarder.command()) == CALLS


def test_the_forwarder_alone(forwarder: Forwarder, tmp_path: Path) -> None:
    """An agent that answers with the functions of the Python helper, and a store in memory."""
    store = NamedStore()

    def behave(connection: Connection) -> None:
        call = connection.call()
        done = serve("shorepass", [call.verb.decode()], lambda limit: call.input[:limit], lambda: store, "v1")
        connection.send(answer(*done))

    with fake_agent(tmp_path / "agent.sock", behave):
        assert answers(forwarder.command(), {"SHOREPASS_SOCK": str(tmp_path / "agent.sock")}) == CALLS
