"""``who`` and ``grants`` show what is lent, beside the real containers that have it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.lending import check_schema, end_agent, share

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

REGISTRY = "lent.example"
HELPER = "docker-credential-shorepass"


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    login = {"username": "alice", "password": "s3cret"}
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: login}}))
    yield
    end_agent()


def who(run_shorepass: RunShorepass, *names: str) -> list[dict[str, Any]]:
    done = run_shorepass("who", "--json", *(word for name in names for word in ("--in", name)))
    document = json.loads(done.stdout)
    check_schema("who", document)
    grants: list[dict[str, Any]] = document["grants"]
    return grants


def test_who_names_the_container_that_has_a_grant(
    engine: ContainerEngine, run_shorepass: RunShorepass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by its mount; another container has nothing. After a use, who and grants have its time and container."""
    for key, value in engine.leads.items():
        monkeypatch.setenv(key, value)
    grant = share(run_shorepass, "--registry", REGISTRY)
    holder, other = engine.make(*grant.flags), engine.make()
    holder, other = f"{engine.family}:{holder}", f"{engine.family}:{other}"
    [row] = who(run_shorepass, "me", holder, other)
    assert (row["id"], row["lender"], row["contexts"], row["last_use"]) == (grant.id, "me", [holder], None)
    assert who(run_shorepass, other) == []
    assert [row["contexts"] for row in who(run_shorepass, holder)] == [[holder]]
    name = holder.partition(":")[2]
    assert engine.execute(name, HELPER, "get", stdin=REGISTRY).returncode == 0
    id_ = engine.run("inspect", "-f", "{{.Id}}", name).strip()
    grants = json.loads(run_shorepass("grants", "--json").stdout)
    check_schema("grants", grants)
    assert [row["used_by"] for row in grants["grants"]] == [[id_]]
    assert who(run_shorepass, "me")[0]["last_use"]
    said = run_shorepass("who", "--in", "me", "--in", holder).stdout.splitlines()
    row_of_table = next(line.split() for line in said if line.startswith(grant.id))
    assert row_of_table[1:5] == ["me", holder, "forward", REGISTRY]
    assert run_shorepass("revoke", grant.id).status == 0
    assert who(run_shorepass, "me", holder) == []


def test_a_broken_file_of_grants_hides_no_login(run_shorepass: RunShorepass, home: Path) -> None:
    """The rows of the logins are there, and a note has the reason."""
    share(run_shorepass, "--registry", REGISTRY)
    (home / ".local/state/shorepass/grants.json").write_text("{")
    done = run_shorepass("who")
    assert done.status == 0
    assert REGISTRY in done.stdout
    assert "line 1 is not JSON, so no login is lent" in done.stderr
