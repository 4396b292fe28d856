"""What the tests of lent logins have in common."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jsonschema import Draft202012Validator

import agents
from e2e import programs
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import RunShorepass

__all__ = ["NOT_FOUND", "Lender", "Shared", "check_schema", "end_agent", "is_empty", "share"]

NOT_FOUND = "credentials not found in native keychain\n"
SCHEMAS = Path(__file__).parents[2] / "docs/reference/schema"


class Lender:
    """``shorepass share`` as it runs for a target. ``said``: the file of all its output. ``path``: in front of PATH."""

    def __init__(
        self, target: str, said: Path, *words: str, env: Mapping[str, str] | None = None, path: str = ""
    ) -> None:
        self.said = said
        argv = [sys.executable, "-m", "shorepass", "share", target, *words]
        variables = {**os.environ, **(env or {}), "PATH": f"{path}:{programs.SYSTEM_PATH}".strip(":")}
        with said.open("wb") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output, env=variables)

    def wait_until_ready(self, *, ended: bool = False) -> str:
        """Wait until it lends, and return the grant's id. ``ended``: the command may have ended, and the relay goes on."""

        def ready() -> str | None:
            if self.process.poll() is not None and not ended:
                raise AssertionError(self.said.read_text())
            _, found, rest = self.said.read_text().partition("has the grant ")
            return rest.split()[0] if found and "\n" in rest else None

        return programs.wait_until(ready, "the relay")

    @property
    def variables(self) -> dict[str, str]:
        """What it says that the clients in the target need."""
        lines = (line.partition("=") for line in self.said.read_text().splitlines())
        return {name: value for name, found, value in lines if found and name.replace("_", "").isupper()}

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def fail(self) -> str:
        """Wait until it fails, and return what it said."""
        assert self.process.wait(60) != 0, self.said.read_text()
        return self.said.read_text()

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait()


class Shared(NamedTuple):
    """A grant that ``share`` has made, and the path of its socket."""

    id: str
    flags: list[str]
    socket: str


def share(run_shorepass: RunShorepass, *words: str) -> Shared:
    """Make a grant."""
    done = run_shorepass("share", "flags", "--json", *words)
    assert done.status == 0, done.stderr
    document = json.loads(done.stdout)
    check_schema("share", document)
    folder = document["flags"][0].split("source=")[1].split(",")[0]
    return Shared(document["id"], document["flags"], f"{folder}/agent.sock")


def check_schema(verb: str, document: object) -> None:
    """Compare a document with its schema in the documentation."""
    Draft202012Validator(json.loads((SCHEMAS / f"{verb}.json").read_text())).validate(document)


def is_empty(config: Path) -> bool | None:
    """Tell whether a grant's config file has no login; the agent removes it before it writes an empty one."""
    try:
        return config.read_text() == "{}\n" or None
    except FileNotFoundError:
        return None


def end_agent() -> None:
    """Kill the agent, if one runs."""
    try:
        pid = AgentClient(LocalContext.current()).manage("status")["pid"]
    except NoAgent:
        return
    agents.kill(pid)
