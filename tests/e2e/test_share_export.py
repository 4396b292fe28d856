"""Mode ``export``: a target gets a file with the named logins, for as long as the grant lives."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.lending import end_agent, is_empty, share

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine
    from e2e.real_clients import RealClient

    Write = Callable[[dict[str, object]], None]

OTHER = "other.example"
OTHERS_LOGIN = base64.b64encode(b"alice:not-lent").decode()
FILE = "/run/shorepass/config/config.json"


@pytest.fixture(autouse=True)
def no_agent_remains(world: Path) -> Iterator[None]:
    """The agent that a grant starts ends with the test."""
    assert world
    yield
    end_agent()


@pytest.fixture
def write(nothing_set: None, home: Path) -> Write:
    """Return a function that writes the entries of docker's file."""
    assert nothing_set is None

    def config(auths: dict[str, object]) -> None:
        (home / ".docker").mkdir(exist_ok=True)
        (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))

    return config


def login(user: str, password: str) -> dict[str, object]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def lend(run_shorepass: RunShorepass, *words: str) -> tuple[str, Path]:
    """Make a grant in mode ``export``; return its id and its config file."""
    id_, flags, _ = share(run_shorepass, "--mode", "export", *words)
    folder = flags[0].split("source=")[1].split(",")[0]
    return id_, Path(folder, "config/config.json")


def test_each_client_uses_the_file(
    write: Write,
    client: RealClient,
    registry: str,
    private_image: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each real client pulls with the file, which has the named login alone and is for its owner; ``revoke`` removes it."""
    write({registry: login("alice", users["alice"]), OTHER: {"auth": OTHERS_LOGIN}})
    id_, config = lend(run_shorepass, "--registry", registry)
    assert json.loads(config.read_text()) == {"auths": {registry: login("alice", users["alice"])}}
    assert config.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("DOCKER_CONFIG", str(config.parent))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(config))
    done = client.pull(private_image)
    assert done.returncode == 0, done.stderr
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.delenv("REGISTRY_AUTH_FILE")
    assert run_shorepass("revoke", id_).status == 0
    assert not config.parents[1].exists()


def test_who_reads_it_in_a_container(
    engine: ContainerEngine, write: Write, registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """Root of the container reads it, and another user only with ``--any-user``; after ``revoke`` the file is gone."""
    write({registry: login("alice", users["alice"])})
    id_, flags, _ = share(run_shorepass, "--mode", "export", "--registry", registry)
    name = engine.make(*flags)
    assert engine.execute(name, "grep", "-q", registry, FILE).returncode == 0
    other = engine.make(*flags, "--user", "4711:4711")
    assert engine.execute(other, "cat", FILE).returncode != 0
    assert run_shorepass("revoke", id_).status == 0
    assert engine.execute(name, "cat", FILE).returncode != 0
    _, flags, _ = share(run_shorepass, "--mode", "export", "--any-user", "--registry", registry)
    other = engine.make(*flags, "--user", "4711:4711")
    assert engine.execute(other, "grep", "-q", registry, FILE).returncode == 0


def jwt(seconds: float) -> str:
    """Return a token that ends in so many seconds."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time() + seconds)}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


def test_a_login_that_ends_is_read_again(write: Write, run_shorepass: RunShorepass) -> None:
    """The file gets the newer login before the old one ends; a login that was removed is removed from the file, too."""
    write({"a.example": {"auth": "", "identitytoken": jwt(9)}})
    _, config = lend(run_shorepass, "--registry", "a.example")
    newer = {"a.example": {"auth": "", "identitytoken": jwt(9)}}
    write(newer)
    programs.wait_until(lambda: True if json.loads(config.read_text()) == {"auths": newer} else None, "the newer login")
    write({})
    programs.wait_until(lambda: is_empty(config), "an empty file")


def test_what_a_killed_agent_leaves(write: Write, run_shorepass: RunShorepass) -> None:
    """The file has the login until the next command, which says that none is lent, and so it is. Its use is not seen."""
    write({"a.example": login("alice", "secret")})
    id_, config = lend(run_shorepass, "--registry", "a.example")
    assert json.loads(run_shorepass("grants", "--json").stdout)["grants"][0]["last_use"] is None
    assert run_shorepass("agent", "lock").status == 0
    assert "the agent is locked" in run_shorepass("grants").stderr
    assert run_shorepass("unlock").status == 0
    programs.wait_until(lambda: True if config.read_text() != "{}\n" else None, "the login")
    end_agent()
    assert config.read_text() != "{}\n"
    done = run_shorepass("grants")
    assert "no agent runs, so no login is lent now" in done.stderr
    assert done.stdout.splitlines()[1].startswith(id_)
    assert done.stdout.splitlines()[1].endswith("not seen")
    assert config.read_text() == "{}\n"


def test_the_end_of_its_time_and_a_lock(write: Write, run_shorepass: RunShorepass) -> None:
    """``lock`` empties the file, and the end of the grant removes it."""
    write({"a.example": login("alice", "secret")})
    _, config = lend(run_shorepass, "--registry", "a.example", "--for", "6s")
    assert run_shorepass("agent", "lock").status == 0
    assert config.read_text() == "{}\n"
    programs.wait_until(lambda: True if not config.parents[1].exists() else None, "the end of the folder")


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("--registry", "nothing.example"), 1, "you have no login for it\nhint: shorepass login nothing.example"),
        (("--registry", "*.example"), 2, "needs each registry by its name"),
        (("--repo", "a.example/app"), 2, "lends the login for a whole registry"),
        (("--registry", "a.example", "--push"), 2, "lends the login for a whole registry"),
    ],
)
def test_what_is_not_exported(
    write: Write, run_shorepass: RunShorepass, words: tuple[str, ...], status: int, reason: str
) -> None:
    """What the mode cannot do is refused, and no grant remains."""
    write({"a.example": login("alice", "secret")})
    done = run_shorepass("share", "flags", "--mode", "export", *words)
    assert (done.status, reason in done.stderr) == (status, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
