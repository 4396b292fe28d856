"""Real clients with more than one account for a registry: whose login arrives there, and whether we say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.token_server import TokenServer, token_registry

if TYPE_CHECKING:
    from conftest import RunShorepass

USERS = {"alice": "alice's password", "bob": "bob's password"}
GRANTS = {user: {"team/private": "pull,push", "other/private": "pull,push"} for user in USERS}
SHOREPASS = [sys.executable, "-m", "shorepass"]
DOCKERS = programs.docker_programs()


@pytest.fixture(scope="module")
def tokens() -> TokenServer:
    """The token server, which remembers to whom it gave tokens."""
    return TokenServer(USERS, GRANTS)


@pytest.fixture(scope="module")
def host(tokens: TokenServer, image_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with two private images."""
    with token_registry(tmp_path_factory.mktemp("accounts"), tokens) as name:
        for repository in ("team/private", "other/private"):
            words = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", f"alice:{USERS['alice']}"]
            image = f"docker://{name}/{repository}:1"
            done = programs.run([programs.require("skopeo"), *words, f"docker-archive:{image_archive}", image])
            assert done.returncode == 0, done.stderr
        yield name


pytestmark = pytest.mark.usefixtures("nothing_set")


@pytest.fixture(autouse=True)
def place(our_helper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our helper and the system's programs are on PATH, and nobody has set a store."""
    monkeypatch.setenv("PATH", f"{Path(our_helper).parent}:{programs.SYSTEM_PATH}")


Login = Callable[..., None]


@pytest.fixture
def login(run_shorepass: RunShorepass, host: str) -> Login:
    """Logs a user in for a client, as the account that the words name."""

    def log_in(user: str, client: str, *words: str) -> None:
        flags = ("--client", client, "-u", user, "--password-stdin")
        done = run_shorepass("login", *flags, *(words or (host,)), stdin=USERS[user])
        assert done.status == 0, done.stderr

    return log_in


@contextmanager
def users_seen(tokens: TokenServer) -> Iterator[set[str]]:
    """Whom the token server has given tokens by the end, strangers aside."""
    users: set[str] = set()
    before = len(tokens.served)
    yield users
    users |= {user for user in tokens.served[before:] if user}


class Puller:
    """A real client that pulls."""

    def __init__(self, program: str, dockerd: str, world: Path) -> None:
        self.rules = program if program in ("podman", "skopeo", "buildah") else "docker"
        # short, because podman takes no runroot of more than 50 characters
        run_folder = tempfile.mkdtemp(prefix="sp-")
        storage = ["--storage-driver", "vfs", "--root", str(world / "root"), "--runroot", run_folder]
        self._before = {
            "docker": [programs.require(program), "-H", dockerd, "pull"],
            "podman": [programs.require(program), *storage, "pull", "--tls-verify=false"],
            "buildah": [programs.require(program), *storage, "pull", "--policy=always", "--tls-verify=false"],
            "skopeo": [programs.require(program), "inspect", "--raw", "--tls-verify=false"],
        }[self.rules]

    def argv(self, image: str) -> list[str]:
        return [*self._before, f"docker://{image}" if self.rules == "skopeo" else image]


@pytest.fixture(params=[*DOCKERS, "podman", "skopeo", "buildah"])
def puller(request: pytest.FixtureRequest, dockerd: str, world: Path) -> Puller:
    """Each real client."""
    return Puller(request.param, dockerd, world)


def done(argv: Sequence[str], cwd: Path | None = None, status: int = 0, **env: str) -> str:
    """Run a program; return what it said to people."""
    ended = subprocess.run(
        list(argv), env={**os.environ, **env}, capture_output=True, text=True, cwd=cwd, timeout=120, check=False
    )
    assert ended.returncode == status, ended.stderr
    return ended.stderr


def said(client: str, image: str, cwd: Path | None = None, **env: str) -> tuple[str, dict[str, str]]:
    """Return whose login ``get`` prints, and the step of ``explain`` that is about the account."""
    answers = []
    for words in (("get",), ("explain", "--offline", "--json")):
        argv = [*SHOREPASS, *words, "--client", client, image]
        ended = subprocess.run(
            argv, env={**os.environ, **env}, capture_output=True, text=True, cwd=cwd, timeout=60, check=False
        )
        answers.append(json.loads(ended.stdout) if ended.stdout.startswith("{") else {})
    steps = [step for step in answers[1]["steps"] if step["kind"] == "account"]
    return answers[0].get("Username", ""), steps[0] if steps else {}


def test_run_and_the_variable(puller: Puller, host: str, tokens: TokenServer, login: Login, world: Path) -> None:
    """One command, or all of an environment, has the account; all else has the default login; nothing is left."""
    image = f"{host}/team/private:1"
    login("alice", puller.rules)
    login("bob", puller.rules, "--as", "work", host)
    for words, env, expected in (
        ([], {}, "alice"),
        ([*SHOREPASS, "run", "--as", "work", "--"], {}, "bob"),
        ([], {"SHOREPASS_ACCOUNT": "work"}, "bob"),
        ([], {"SHOREPASS_ACCOUNT": ""}, "alice"),
    ):
        with users_seen(tokens) as users:
            done([*words, *puller.argv(image)], **env)
        assert users == {expected}
        if not words:
            user, step = said(puller.rules, image, **env)
            assert (user, step.get("outcome")) == (expected, "ok" if expected == "bob" else None)
    assert not [name for name in os.listdir(world / "run") if "shorepass" in name]


def test_a_folder(
    puller: Puller, host: str, tokens: TokenServer, login: Login, run_shorepass: RunShorepass, world: Path
) -> None:
    """In a folder with a rule, and below it, the client uses the account, elsewhere not; ``get`` agrees in each."""
    image = f"{host}/team/private:1"
    login("alice", puller.rules)
    login("bob", puller.rules, "--as", "work", host)
    deep = world / "src/acme/deep"
    deep.mkdir(parents=True)
    (world / "link").symlink_to(deep)
    assert run_shorepass("accounts", "use", "work", "--directory", str(world / "src/acme")).status == 0
    for folder, expected in (
        (deep.parent, "bob"),
        (world / "link", "bob"),
        (deep.parents[1], "alice"),
        (Path("/"), "alice"),
    ):
        with users_seen(tokens) as users:
            done(puller.argv(image), cwd=folder)
        assert users == {expected}
        user, step = said(puller.rules, image, cwd=folder)
        assert (user, step.get("outcome")) == (expected, "ok" if expected == "bob" else None)


def test_a_whole_registry(
    puller: Puller, host: str, tokens: TokenServer, login: Login, run_shorepass: RunShorepass
) -> None:
    """A rule for all of a registry is one that every helper can carry."""
    image = f"{host}/team/private:1"
    login("alice", puller.rules)
    login("bob", puller.rules, "--as", "work", host)
    run_shorepass("accounts", "use", "work", f"{host}/*")
    with users_seen(tokens) as users:
        done(puller.argv(image))
    assert users == {"bob"}
    assert said(puller.rules, image)[0] == "bob"


def test_a_part_of_a_registry(
    puller: Puller, host: str, tokens: TokenServer, login: Login, run_shorepass: RunShorepass
) -> None:
    """Podman's keys carry such a rule, docker's protocol does not: explain says which, and get what is sent."""
    run_shorepass("accounts", "use", "work", f"{host}/team/*")
    login("alice", "docker")
    login("bob", puller.rules, "--as", "work", host)
    expected = {"team/private": "alice" if puller.rules == "docker" else "bob", "other/private": "alice"}
    for repository, name in expected.items():
        image = f"{host}/{repository}:1"
        with users_seen(tokens) as users:
            done(puller.argv(image))
        assert users == {name}
        user, step = said(puller.rules, image)
        assert user == name
        carried = "skipped" if puller.rules == "docker" else "ok"
        assert step.get("outcome") == (carried if repository == "team/private" else None)
    with users_seen(tokens) as users:
        if puller.rules == "docker":
            done([*SHOREPASS, "run", "--as", "work", "--", *puller.argv(f"{host}/team/private:1")])
        else:
            done(puller.argv(f"{host}/team/private:1"))
    assert users == {"bob"}


def test_a_slip_sends_nobody(puller: Puller, host: str, tokens: TokenServer, login: Login) -> None:
    """An account that nobody has: the client asks as a stranger or stops, never with the default login, and it is said."""
    login("alice", puller.rules)
    login("bob", puller.rules, "--as", "work", host)
    with users_seen(tokens) as users:
        status = 125 if puller.rules in ("podman", "buildah") else 1
        told = done(puller.argv(f"{host}/team/private:1"), status=status, SHOREPASS_ACCOUNT="wrok")
    assert users == set()
    assert "the account 'wrok' has no login for any registry" in told


# Inside of run


def plain_login(registry: str, user: str) -> str:
    auth = b64encode(f"{user}:{USERS[user]}".encode()).decode()
    return json.dumps({"auths": {registry: {"auth": auth}}})


@pytest.mark.parametrize("program", DOCKERS)
def test_docker_has_its_other_registries_and_contexts(
    program: str,
    host: str,
    tokens: TokenServer,
    private_image: str,
    login: Login,
    dockerd: str,
    home: Path,
    tmp_path: Path,
) -> None:
    """Inside of run base images of other registries come as before, the user's own context counts, and a build has both."""
    docker = programs.require(program)
    login("bob", "docker", "--as", "work", host)
    file = home / ".docker/config.json"
    other = json.loads(plain_login(private_image.partition("/")[0], "alice"))
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "credsStore": "", "auths": {**config["auths"], **other["auths"]}}))
    done([docker, "context", "create", "mine", "--docker", f"host={dockerd}"])
    done([docker, "context", "use", "mine"])
    before = file.read_text()
    run = [*SHOREPASS, "run", "--as", "work", "--", docker]
    with users_seen(tokens) as users:
        done([*run, "pull", f"{host}/team/private:1"])
        done([*run, "pull", private_image])
        done([docker, "rmi", f"{host}/team/private:1", private_image])
        (tmp_path / "Dockerfile").write_text(f"FROM {private_image} AS base\nFROM {host}/team/private:1\nLABEL a=b\n")
        done([*run, "build", "-t", "built-by-account", str(tmp_path)], DOCKER_BUILDKIT="0")
        done([docker, "rmi", "built-by-account"])
    assert users == {"bob"}
    assert file.read_text() == before


def test_podman_has_its_other_registries(
    host: str, tokens: TokenServer, private_image: str, login: Login, dockerd: str, world: Path
) -> None:
    """Podman, too: its own file stands behind the private one."""
    puller = Puller("podman", dockerd, world)
    login("bob", "podman", "--as", "work", host)
    file = world / "run/containers/auth.json"
    other = json.loads(plain_login(private_image.partition("/")[0], "alice"))
    file.write_text(json.dumps({**json.loads(file.read_text()), **other}))
    run = [*SHOREPASS, "run", "--as", "work", "--"]
    with users_seen(tokens) as users:
        done([*run, *puller.argv(f"{host}/team/private:1")])
        done([*run, *puller.argv(private_image)])
    assert users == {"bob"}


@pytest.mark.parametrize("program", DOCKERS)
def test_docker_login_is_the_accounts(
    program: str, host: str, dockerd: str, login: Login, run_shorepass: RunShorepass
) -> None:
    """Docker's own login and logout, in run or by the variable, are about the account and nothing else."""
    docker = [programs.require(program), "-H", dockerd]
    login("alice", "docker")
    for words, env in (([*SHOREPASS, "run", "--as", "work", "--"], {}), ([], {"SHOREPASS_ACCOUNT": "work"})):
        if not words:
            done([*docker, "login", "-u", "bob", "-p", USERS["bob"], host], **env)
        else:
            login("alice", "docker", "--as", "work", host)
            done([*words, *docker, "login", "-u", "bob", "-p", USERS["bob"], host])
        rows = json.loads(run_shorepass("accounts", "--json").stdout)["accounts"]
        assert [(row["account"], row["user"]) for row in rows] == [("work", "bob")]
        done([*words, *docker, "logout", host], **env)
        assert json.loads(run_shorepass("accounts", "--json").stdout)["accounts"] == []
        assert said("docker", host)[0] == "alice"
