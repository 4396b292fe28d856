"""A login is lent to a real container: its client pulls with it, sees no other, and has nothing after the grant has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

import agents
from e2e import programs
from e2e.containers import IMAGE
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from conftest import Done, RunShorepass
    from e2e.containers import ContainerEngine

HELPER = "/usr/local/bin/docker-credential-shorepass"
NOT_FOUND = "credentials not found in native keychain\n"
SCHEMAS = Path(__file__).parents[2] / "docs/reference/schema"
OTHER = "other.example"
OTHERS_SECRET = "s3cret-that-is-not-lent"


@pytest.fixture(autouse=True)
def no_agent_remains(world: Path) -> Iterator[None]:
    """The agent that a grant starts ends with the test."""
    assert world
    yield
    end_agent()


def end_agent() -> None:
    """Kill the agent, if one runs."""
    try:
        pid = AgentClient(LocalContext.current()).manage("status")["pid"]
    except NoAgent:
        return
    agents.kill(pid)


@pytest.fixture
def logins(
    nothing_set: None,
    our_helper: str,
    home: Path,
    users: dict[str, str],
    registry_with_tokens: str,
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Docker's logins in the vault: alice's for the registry, and one for another registry."""
    assert nothing_set is None
    assert run_shorepass("vault", "init").status == 0
    monkeypatch.setenv("PATH", f"{os.path.dirname(our_helper)}:{programs.SYSTEM_PATH}")
    for registry, secret in ((registry_with_tokens, users["alice"]), (OTHER, OTHERS_SECRET)):
        login = json.dumps({"ServerURL": registry, "Username": "alice", "Secret": secret})
        assert programs.run([our_helper, "store"], env=os.environ, stdin=login).returncode == 0
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "shorepass"}')


@pytest.fixture(scope="module")
def private_image(registry_with_tokens: str, users: dict[str, str], image_archive: Path) -> str:
    """An image that only alice and bob may pull."""
    name = f"{registry_with_tokens}/team/app:1"
    words = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", f"alice:{users['alice']}"]
    done = programs.run([programs.require("skopeo"), *words, f"docker-archive:{image_archive}", f"docker://{name}"])
    assert done.returncode == 0, done.stderr
    return name


def check_schema(verb: str, document: object) -> None:
    """Compare a document with its schema in the documentation."""
    Draft202012Validator(json.loads((SCHEMAS / f"{verb}.json").read_text())).validate(document)


def share(run_shorepass: RunShorepass, *words: str) -> tuple[str, list[str]]:
    """Return the id and the flags of a new grant."""
    done = run_shorepass("share", "flags", "--json", *words)
    assert done.status == 0, done.stderr
    document = json.loads(done.stdout)
    check_schema("share", document)
    return document["id"], document["flags"]


@pytest.mark.usefixtures("logins")
def test_a_container_pulls_with_a_lent_login_until_it_is_revoked(
    docker_containers: ContainerEngine, registry_with_tokens: str, private_image: str, run_shorepass: RunShorepass
) -> None:
    """Docker in a container pulls a private image with the host's login, and cannot after ``revoke``."""
    engine = docker_containers
    client = programs.require(programs.docker_programs()[-1])
    socket = engine.env["DOCKER_HOST"].removeprefix("unix://")
    id_, flags = share(run_shorepass, "--registry", registry_with_tokens)
    mounts = ("-v", f"{client}:/bin/docker:ro", "-v", f"{socket}:/var/run/docker.sock")
    name = engine.make(*flags, *mounts)

    def pull() -> CompletedProcess[str]:
        engine.try_run("rmi", private_image)
        return engine.execute(name, "/bin/docker", "pull", private_image)

    done = pull()
    assert done.returncode == 0, done.stderr
    assert run_shorepass("revoke", id_).stdout == f"revoked the grant {id_}\n"
    done = pull()
    assert done.returncode != 0, done.stdout


def own_lines(errors: str) -> list[str]:
    """Return the lines of standard error without podman's warnings about the machine of the tests."""
    return [line for line in errors.splitlines() if not line.startswith("time=")]


def ask(registry: str) -> tuple[str, ...]:
    """Return a command for a container that asks its helper for a login."""
    return ("sh", "-c", f"echo {registry} | {HELPER} get")


@pytest.mark.usefixtures("logins")
def test_run_lends_until_the_command_ends(
    engine: ContainerEngine,
    registry_with_tokens: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
) -> None:
    """``run --share`` adds the flags, passes the exit code through, and ends the grant; other registries are not lent."""

    def run(*words: str) -> Done:
        start = ("run", "--share", registry_with_tokens, "--", engine.program, "run", "--rm", "--network=none", IMAGE)
        return run_shorepass(*start, *words, env=engine.env)

    done = run(*ask(registry_with_tokens))
    assert (done.status, own_lines(done.stderr)) == (0, [])
    answer = {"ServerURL": registry_with_tokens, "Username": "alice", "Secret": users["alice"]}
    assert json.loads(done.stdout) == answer
    done = run(*ask(OTHER))
    assert (done.status, done.stdout) == (1, NOT_FOUND)
    assert "does not lend a login for other.example" in done.stderr
    assert run("sh", "-c", "exit 7").status == 7
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.mark.usefixtures("logins")
def test_a_container_in_the_background_keeps_its_grant(
    engine: ContainerEngine, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """The grant of ``docker run -d`` is listed, its use is logged with the container, and ``revoke --all`` ends it."""
    words = ("run", "--share", registry_with_tokens, "--", engine.program, "run", "-d", "--network=none", IMAGE)
    done = run_shorepass(*words, "sleep", "1000", env=engine.env)
    assert done.status == 0, done.stderr
    container = done.stdout.strip()
    try:
        assert engine.execute(container, *ask(registry_with_tokens)).returncode == 0
        document = json.loads(run_shorepass("grants", "--json").stdout)
        check_schema("grants", document)
        (grant,) = document["grants"]
        assert (grant["registries"], grant["last_use"] > grant["created"]) == ([registry_with_tokens], True)
        assert f"the grant {grant['id']} remains" in done.stderr
        (record,) = map(json.loads, run_shorepass("agent", "log", "--json").stdout.splitlines())
        assert (record["grant"], record["container"]) == (grant["id"], container)
        assert run_shorepass("revoke", "--all").status == 0
        done = engine.execute(container, *ask(registry_with_tokens))
        assert (done.returncode, done.stdout) == (1, NOT_FOUND)
        assert len(own_lines(done.stderr)) == 1
    finally:
        engine.try_run("rm", "-f", container)
