"""Mode ``token``: a target gets a registry token for exact repositories, and never the login."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.containers import IMAGE
from e2e.lending import end_agent, is_empty, share
from e2e.test_share import secrets_in
from e2e.token_server import TokenServer, token_registry
from shorepass.clients.registry_tokens import TOKEN_CLIENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    from conftest import RunShorepass
    from e2e.containers import ContainerEngine
    from e2e.real_clients import RealClient

    Log = Callable[..., None]

REPOSITORY = "team/app"
DAY = 86400  # seconds


@pytest.fixture(autouse=True)
def no_agent_remains(world: Path) -> Iterator[None]:
    """The agent that a grant starts ends with the test."""
    assert world
    yield
    end_agent()


@pytest.fixture
def log_in(nothing_set: None, home: Path, users: dict[str, str]) -> Iterator[None]:
    """Return a function that stores alice's login for a registry in docker's file."""
    assert nothing_set is None

    def store(*registries: str, user: str = "alice") -> None:
        auth = base64.b64encode(f"{user}:{users[user]}".encode()).decode()
        (home / ".docker").mkdir(exist_ok=True)
        config = {"auths": {registry: {"auth": auth} for registry in registries}}
        (home / ".docker/config.json").write_text(json.dumps(config))

    return store


@pytest.fixture(scope="module")
def private_image(registry_with_tokens: str, users: dict[str, str], image_archive: Path) -> str:
    """An image that only alice and bob may pull."""
    name = f"{registry_with_tokens}/{REPOSITORY}:token"
    words = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", f"alice:{users['alice']}"]
    done = programs.run([programs.require("skopeo"), *words, f"docker-archive:{image_archive}", f"docker://{name}"])
    assert done.returncode == 0, done.stderr
    return name


def lend(run_shorepass: RunShorepass, *words: str) -> tuple[str, Path]:
    """Make a grant in mode ``token``; return its id and its config file."""
    id_, flags, _ = share(run_shorepass, "--mode", "token", "--trust-realm", "127.0.0.1", *words)
    folder = flags[0].split("source=")[1].split(",")[0]
    assert flags[1:] == ["--env=DOCKER_CONFIG=/run/shorepass/config"]
    return id_, Path(folder, "config/config.json")


def claims(config: Path, registry: str) -> list[dict[str, object]]:
    """Return what the token in a file allows. The file has nothing else."""
    document = json.loads(config.read_text())
    assert list(document) == ["auths"]
    assert list(document["auths"]) == [registry]
    (name, token), *rest = document["auths"][registry].items()
    assert (name, rest) == ("registrytoken", [])
    payload = token.split(".")[1]
    found: list[dict[str, object]] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["access"]
    return found


def docker(dockerd: str, folder: Path, *words: str) -> CompletedProcess[str]:
    """Run the newest docker with a config folder and nothing else of the user."""
    program = programs.require(programs.docker_programs()[-1])
    env = {"DOCKER_HOST": dockerd, "DOCKER_CONFIG": str(folder), "HOME": str(folder.parent)}
    return programs.run([program, *words], env=env)


def test_the_file_has_a_token_for_exactly_one_repository(
    log_in: Log,
    dockerd: str,
    registry_with_tokens: str,
    private_image: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
) -> None:
    """Docker pulls with it, and cannot push; the login is in no file; ``revoke`` leaves no file."""
    registry = registry_with_tokens
    log_in(registry)
    id_, config = lend(run_shorepass, "--repo", f"{registry}/{REPOSITORY}")
    assert claims(config, registry) == [{"type": "repository", "name": REPOSITORY, "actions": ["pull"]}]
    assert (config.stat().st_mode & 0o777, config.parents[2].stat().st_mode & 0o777) == (0o644, 0o700)
    done = docker(dockerd, config.parent, "pull", private_image)
    assert done.returncode == 0, done.stderr
    assert docker(dockerd, config.parent, "push", private_image).returncode != 0
    kept = "".join(path.read_text() for path in config.parents[1].rglob("*") if path.is_file())
    assert users["alice"] not in kept
    assert base64.b64encode(f"alice:{users['alice']}".encode()).decode() not in kept
    assert run_shorepass("revoke", id_).status == 0
    assert not config.parents[1].exists()


def test_a_push_is_lent_by_name(
    log_in: Log, dockerd: str, registry_with_tokens: str, private_image: str, run_shorepass: RunShorepass
) -> None:
    """With ``--push`` docker also pushes; a user who may not push is refused when the grant is made."""
    registry = registry_with_tokens
    log_in(registry)
    words = ("--push", "--repo", f"{registry}/{REPOSITORY}")
    _, config = lend(run_shorepass, *words)
    assert claims(config, registry) == [{"type": "repository", "name": REPOSITORY, "actions": ["pull", "push"]}]
    assert docker(dockerd, config.parent, "pull", private_image).returncode == 0
    done = docker(dockerd, config.parent, "push", private_image)
    assert done.returncode == 0, done.stderr
    log_in(registry, user="bob")
    assert run_shorepass("revoke", "--all").status == 0
    done = run_shorepass("share", "flags", "--mode", "token", "--trust-realm", "127.0.0.1", *words)
    assert (done.status, "may not push team/app" in done.stderr) == (1, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_each_client_of_the_table(
    log_in: Log,
    client: RealClient,
    registry_with_tokens: str,
    private_image: str,
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each real client pulls with such a file, or does not, as the table says."""
    log_in(registry_with_tokens)
    _, config = lend(run_shorepass, "--repo", f"{registry_with_tokens}/{REPOSITORY}")
    monkeypatch.setenv("DOCKER_CONFIG", str(config.parent))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(config))
    done = client.pull(private_image)
    (row,) = (row for row in TOKEN_CLIENTS if row.name == client.rules)
    assert (done.returncode == 0, row.known_by) == (row.sends, "run"), done.stderr
    if not row.sends:
        assert "unauthorized" in done.stderr or "authentication required" in done.stderr


class Liar(TokenServer):
    """A token server with one fault: ``fault`` changes what it grants, or is "refuse"."""

    fault = ""

    def _access(self, user: str, scope: str) -> dict[str, object]:
        granted = super()._access(user, scope)
        if self.fault == "more":
            granted["actions"] = ["pull", "push", "delete"]
        elif self.fault == "other":
            granted["name"] = "team/other"
        return granted

    def by_get(self, fields: dict[str, list[str]], authorization: str | None) -> dict[str, object] | None:
        answer = super().by_get(fields, authorization)
        if answer and self.fault == "echo":
            secret = base64.b64encode(self.users["alice"].encode()).decode()
            answer = {"token": f"v1.{secret}"}
        if answer and self.fault.startswith("lifetime"):
            answer |= {"expires_in": 60, "issued_at": _some_seconds_ago()}
        if answer and self.fault == "long":
            answer |= {"expires_in": DAY}
        if answer and self.fault == "hidden":
            answer |= {"expires_in": 60}
        return None if self.fault == "refuse" else answer


def _some_seconds_ago() -> str:
    return datetime.fromtimestamp(time.time() - 48, UTC).isoformat()


@pytest.fixture
def liar(users: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Liar]]:
    """A registry and its token server."""
    tokens = Liar(users, {"alice": {REPOSITORY: "pull,push"}})
    with token_registry(tmp_path, tokens) as registry:
        yield registry, tokens


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("more", "its token allows more than was asked for: delete, push on team/app"),
        ("other", "its token allows more than was asked for: pull on team/other"),
        ("echo", "its token has your login in it"),
        ("refuse", "incorrect username or password"),
    ],
)
def test_a_token_that_is_not_what_was_asked_for(
    log_in: Log, liar: tuple[str, Liar], run_shorepass: RunShorepass, fault: str, reason: str
) -> None:
    """A token that allows more, or that has the login in it, is not handed on: there is no grant, and a reason."""
    registry, tokens = liar
    tokens.fault = fault
    log_in(registry)
    words = ("--mode", "token", "--trust-realm", "127.0.0.1", "--repo", f"{registry}/{REPOSITORY}")
    done = run_shorepass("share", "flags", *words)
    assert (done.status, reason in done.stderr) == (1, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.mark.parametrize("fault", ["long", "hidden"])
def test_a_token_that_outlives_the_grant_for_long(
    log_in: Log, liar: tuple[str, Liar], run_shorepass: RunShorepass, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not lent, whether the answer or only the token itself has its end; the printed flag lends it."""
    registry, tokens = liar
    tokens.fault = fault
    if fault == "hidden":
        monkeypatch.setattr("e2e.token_server.LIFETIME", DAY)
    log_in(registry)
    words = ("--repo", f"{registry}/{REPOSITORY}")
    for target in ("flags", "config"):
        done = run_shorepass("share", target, "--mode", "token", "--trust-realm", "127.0.0.1", *words)
        said = "its token is valid for 24h, and revoke cannot end a copy; use --for 24h, or --mode forward"
        assert (done.status, said in done.stderr) == (1, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    id_, _ = lend(run_shorepass, *words, "--for", "24h")
    (row,) = json.loads(run_shorepass("grants", "--json").stdout)["grants"]
    assert (row["id"], row["token_until"]) == (id_, pytest.approx(time.time() + DAY, abs=60))


def test_the_end_of_a_copy_is_shown(log_in: Log, registry_with_tokens: str, run_shorepass: RunShorepass) -> None:
    """``share`` and ``grants`` print when a copy of the token ends, and how much later than the grant that is."""
    log_in(registry_with_tokens)
    words = ("--mode", "token", "--trust-realm", "127.0.0.1", "--repo", f"{registry_with_tokens}/{REPOSITORY}")
    for time_, longer in (("2m", ", 3 minutes longer than the grant\n"), ("10m", "\n")):
        done = run_shorepass("share", "flags", *words, "--for", time_)
        for said in (done.stderr, run_shorepass("grants").stderr):
            (line,) = (line for line in said.splitlines(keepends=True) if "a copy of its registry token" in line)
            assert line.split("valid until ")[1].endswith(longer), line
            assert ("longer" in line) == (longer != "\n")
        assert run_shorepass("revoke", "--all").status == 0


def test_a_token_is_replaced_in_time_and_removed_if_that_fails(
    log_in: Log, liar: tuple[str, Liar], run_shorepass: RunShorepass
) -> None:
    """The agent writes a new token before the old one ends; if the registry refuses, it empties the file and logs why."""
    registry, tokens = liar
    log_in(registry)
    tokens.fault = "lifetime"
    _, config = lend(run_shorepass, "--repo", f"{registry}/{REPOSITORY}")
    first = config.read_text()
    programs.wait_until(lambda: True if config.read_text() != first else None, "another token")
    tokens.fault = "refuse"
    assert claims(config, registry)
    programs.wait_until(lambda: is_empty(config), "an empty file")
    records = [json.loads(line) for line in run_shorepass("agent", "log", "--json").stdout.splitlines()]
    assert [(record["verb"], record["result"]) for record in records] == [
        ("renew", "ok"),
        ("renew", "ok"),
        ("remove", "failed"),
    ]
    assert "incorrect username or password" in records[-1]["source"]
    assert {record["registry"] for record in records} == {f"{registry}/{REPOSITORY}"}


def test_what_a_locked_or_ended_agent_leaves(
    log_in: Log, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """``lock`` and ``stop`` remove the token, ``unlock`` writes one; a killed agent's is removed by the next command."""
    registry = registry_with_tokens
    log_in(registry)
    id_, config = lend(run_shorepass, "--repo", f"{registry}/{REPOSITORY}")
    assert run_shorepass("agent", "lock").status == 0
    assert config.read_text() == "{}\n"
    assert run_shorepass("unlock").status == 0
    programs.wait_until(lambda: True if config.read_text() != "{}\n" else None, "a token")
    assert run_shorepass("agent", "stop").status == 0
    programs.wait_until(lambda: is_empty(config), "an empty file")
    assert run_shorepass("agent", "start").status == 0
    programs.wait_until(lambda: True if config.read_text() != "{}\n" else None, "a token")
    end_agent()
    assert claims(config, registry)
    assert run_shorepass("revoke", id_).status == 0
    assert not config.parents[1].exists()


def test_an_ended_grant_leaves_no_file(log_in: Log, registry_with_tokens: str, run_shorepass: RunShorepass) -> None:
    """At the end of its time the folder is removed, also if the agent was killed: then by the next command."""
    log_in(registry_with_tokens)
    words = ("--repo", f"{registry_with_tokens}/{REPOSITORY}", "--for", "5s")
    _, config = lend(run_shorepass, *words)
    programs.wait_until(lambda: True if not config.parents[1].exists() else None, "the end of the folder")
    _, config = lend(run_shorepass, *words)
    end_agent()
    programs.wait_until(lambda: True if "nothing is lent" in run_shorepass("grants").stdout else None, "the end")
    assert not config.parents[1].exists()


def test_a_printed_config_has_a_token(
    log_in: Log, registry_with_tokens: str, users: dict[str, str], run_shorepass: RunShorepass, tmp_path: Path
) -> None:
    """``share config --repo`` prints a token instead of the login, and says how long it is valid."""
    registry = registry_with_tokens
    log_in(registry)
    done = run_shorepass("share", "config", "--trust-realm", "127.0.0.1", "--repo", f"{registry}/{REPOSITORY}")
    path = tmp_path / "config.json"
    path.write_text(done.stdout)
    assert claims(path, registry) == [{"type": "repository", "name": REPOSITORY, "actions": ["pull"]}]
    assert "the registry token is valid for 5 minutes" in done.stderr
    assert users["alice"] not in done.stdout + done.stderr


def test_run_lends_a_token_too(
    docker_containers: ContainerEngine, log_in: Log, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """``run --share --mode token`` mounts the file for one command, and nothing remains."""
    registry, engine = registry_with_tokens, docker_containers
    log_in(registry)
    mode = ("--share", registry, "--mode", "token", "--trust-realm", "127.0.0.1", "--repo", f"{registry}/{REPOSITORY}")
    words = (engine.program, "run", "--rm", "--network=none", IMAGE, "cat", "/run/shorepass/config/config.json")
    done = run_shorepass("run", *mode, "--", *words, env=engine.env)
    assert list(json.loads(done.stdout)["auths"][registry]) == ["registrytoken"], done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_another_home_sweeps_nothing(log_in: Log, registry_with_tokens: str, run_shorepass: RunShorepass) -> None:
    """With another state folder and the same run folder, ``grants`` and ``revoke`` remove nothing of a running agent."""
    log_in(registry_with_tokens)
    _, config = lend(run_shorepass, "--repo", f"{registry_with_tokens}/{REPOSITORY}")
    other = {"XDG_STATE_HOME": str(config.parents[3] / "other")}
    assert run_shorepass("grants", env=other).stdout == "nothing is lent\n"
    assert run_shorepass("revoke", "--all", env=other).status == 0
    assert claims(config, registry_with_tokens)


def test_a_registry_without_tokens(log_in: Log, registry: str, run_shorepass: RunShorepass) -> None:
    """A registry that asks for user name and password is refused, and the hint names the other mode."""
    log_in(registry)
    done = run_shorepass("share", "flags", "--mode", "token", "--repo", f"{registry}/{REPOSITORY}")
    assert (done.status, "gives no tokens; use --mode export" in done.stderr) == (1, True), done.stderr


def test_without_a_login(run_shorepass: RunShorepass) -> None:
    """The error names the command that logs in."""
    done = run_shorepass("share", "flags", "--mode", "token", "--repo", "nothing.example/app")
    assert (done.status, done.stdout) == (1, "")
    assert "you have no login for it\nhint: shorepass login nothing.example\n" in done.stderr


def test_no_byte_of_the_login_is_in_the_container(
    engine: ContainerEngine, log_in: Log, registry_with_tokens: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """Its files, variables, description and processes have the token, and nothing of a login."""
    log_in(registry_with_tokens)
    mode = ("--mode", "token", "--trust-realm", "127.0.0.1", "--repo", f"{registry_with_tokens}/{REPOSITORY}")
    _, flags, _ = share(run_shorepass, *mode)
    name = engine.make(*flags)
    assert "registrytoken" in engine.execute(name, "cat", "/run/shorepass/config/config.json").stdout
    assert secrets_in(engine, name, users["alice"]) == []


def test_a_policy_that_changes_takes_the_token_away(
    log_in: Log, home: Path, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """A policy that is written later removes the token within seconds; one that asks before a use allows no such grant."""
    log_in(registry_with_tokens)
    words = ("--repo", f"{registry_with_tokens}/{REPOSITORY}")
    _, config = lend(run_shorepass, *words)
    (home / ".config/shorepass").mkdir(parents=True)
    policy = home / ".config/shorepass/policy.toml"
    policy.write_text('never = ["127.0.0.1:*"]\n')
    programs.wait_until(lambda: is_empty(config), "an empty file")
    policy.write_text("[defaults]\nconfirm = true\n")
    done = run_shorepass("share", "flags", "--mode", "token", *words)
    assert (done.status, "does not see uses" in done.stderr) == (1, True), done.stderr


def test_a_container_sees_each_new_token(
    docker_containers: ContainerEngine, log_in: Log, liar: tuple[str, Liar], run_shorepass: RunShorepass
) -> None:
    """The folder is mounted, so that a running container reads the new token, and nothing after ``revoke``."""
    registry, tokens = liar
    tokens.fault = "lifetime"
    log_in(registry)
    mode = ("--mode", "token", "--trust-realm", "127.0.0.1", "--repo", f"{registry}/{REPOSITORY}")
    id_, flags, _ = share(run_shorepass, *mode)
    name = docker_containers.make(*flags, "--user", "4711:4711")

    def read() -> str:
        return docker_containers.execute(name, "cat", "/run/shorepass/config/config.json").stdout

    first = read()
    assert "registrytoken" in first
    programs.wait_until(lambda: True if read() not in ("", first) else None, "another token")
    assert run_shorepass("revoke", id_).status == 0
    assert read() == ""
