"""``shorepass uninstall`` ends what is lent: the preview names it, and no folder of a grant remains."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agents import ask
from e2e.lending import check_schema, end_agent, share
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.agent_client.connection import ConnectionLost
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

REGISTRY = "lent.example"


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    login = {"username": "alice", "password": "s3cret"}
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: login}}))
    yield
    end_agent()


def folders(home: Path) -> list[str]:
    """Return what there is of Shorepass's own."""
    found = [*Path(os.environ["XDG_RUNTIME_DIR"]).glob("shorepass*"), *(home / ".local").rglob("*shorepass*")]
    return [str(path) for path in found]


@pytest.mark.parametrize("agent", ["runs", "was killed"])
@pytest.mark.parametrize("fate", ["--keep", "--delete"])
def test_what_is_lent_ends(run_shorepass: RunShorepass, home: Path, fate: str, agent: str) -> None:
    """The preview changes nothing. Afterwards no socket answers, no agent runs, and --delete leaves no folder at all."""
    grant = share(run_shorepass, "--registry", REGISTRY)
    if agent == "was killed":
        end_agent()
    done = run_shorepass("uninstall", fate)
    assert done.status == 2
    assert f"end the grant {grant.id}: flags has {REGISTRY}" in done.stdout
    planned = json.loads(run_shorepass("uninstall", fate, "--json").stdout)
    check_schema("uninstall", planned)
    assert (planned["state"], planned["grants"]) == ("planned", [grant.id])
    assert grant.id in run_shorepass("grants").stdout
    done = run_shorepass("uninstall", fate, "--yes")
    assert done.status == 0, done.stderr
    assert f"ended the grant {grant.id}" in done.stdout
    with pytest.raises((OSError, ConnectionLost)):
        ask("get", REGISTRY.encode(), path=grant.socket)
    with pytest.raises(NoAgent):
        AgentClient(LocalContext.current()).manage("status")
    assert not os.path.exists(os.path.dirname(os.path.dirname(grant.socket)))
    if fate == "--delete":
        assert folders(home) == []
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_a_broken_file_of_grants(run_shorepass: RunShorepass, home: Path) -> None:
    """It stops nothing: no grant counts, the folders are removed, and the file with them."""
    grant = share(run_shorepass, "--registry", REGISTRY)
    (home / ".local/state/shorepass/grants.json").write_text("{")
    done = run_shorepass("uninstall", "--delete", "--yes")
    assert done.status == 0, done.stderr
    assert not os.path.exists(grant.socket)
    assert folders(home) == []
