"""What the tests of lent logins have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jsonschema import Draft202012Validator

import agents
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

__all__ = ["NOT_FOUND", "Shared", "check_schema", "end_agent", "share"]

NOT_FOUND = "credentials not found in native keychain\n"
SCHEMAS = Path(__file__).parents[2] / "docs/reference/schema"


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


def end_agent() -> None:
    """Kill the agent, if one runs."""
    try:
        pid = AgentClient(LocalContext.current()).manage("status")["pid"]
    except NoAgent:
        return
    agents.kill(pid)
