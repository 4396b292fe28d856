"""One login by Shorepass, and the real clients pull and push with it, on real registries; and the other way round."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.real_clients import Docker, RealClient, Skopeo, Storage

if TYPE_CHECKING:
    from conftest import RunShorepass

REPOSITORY = "team/app"
REGISTRIES = ("registry", "registry_with_tokens")


@pytest.fixture
def every_client(world: Path, dockerd: str, busybox_image: str, image_archive: Path) -> Iterator[list[RealClient]]:
    """All real clients at once."""
    dockers = [Docker(program, dockerd, busybox_image) for program in programs.docker_programs()]
    with contextlib.ExitStack() as storages:
        podman, buildah = (
            storages.enter_context(contextlib.closing(Storage(program, world, image_archive)))
            for program in ("podman", "buildah")
        )
        yield [*dockers, podman, buildah, Skopeo(world, image_archive)]


@pytest.fixture(params=REGISTRIES)
def any_registry(request: pytest.FixtureRequest) -> str:
    """A registry with Basic, then one with Bearer authentication."""
    name: str = request.getfixturevalue(request.param)
    return name


def log_in(run_shorepass: RunShorepass, users: dict[str, str], user: str, registry: str, *flags: str) -> None:
    done = run_shorepass("login", "-u", user, "--password-stdin", *flags, registry, stdin=users[user] + "\n")
    assert done.status == 0, done.stderr
    assert done.stdout.startswith("Login Succeeded")


def test_a_client_pushes_and_pulls_with_our_login_and_not_after_logout(
    client: RealClient, any_registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """A login by shorepass lets the client push and pull; before it, and after shorepass logout, it can do neither."""
    image = f"{any_registry}/{REPOSITORY}:{client.rules}"
    assert client.push(image).returncode != 0
    log_in(run_shorepass, users, "alice", any_registry, "--client", client.rules)
    pushed = client.push(image)
    assert pushed.returncode == 0, pushed.stderr
    pulled = client.pull(image)
    assert pulled.returncode == 0, pulled.stderr
    done = run_shorepass("logout", "--client", client.rules, any_registry)
    assert done.status == 0, done.stderr
    assert client.pull(image).returncode != 0


def test_one_login_serves_every_client(
    every_client: list[RealClient], any_registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """One plain shorepass login, and every client on the machine pushes and pulls."""
    log_in(run_shorepass, users, "alice", any_registry)
    for number, client in enumerate(every_client):
        image = f"{any_registry}/{REPOSITORY}:all-{number}"
        for done in (client.push(image), client.pull(image)):
            assert done.returncode == 0, (client.rules, done.stderr)


def test_get_prints_the_login_that_the_client_itself_stored(
    client: RealClient, any_registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """After the client's own login, shorepass get prints that user name and password; after its logout, none."""
    reference = f"{any_registry}/{REPOSITORY}:1"
    done = client.login(any_registry, "bob", users["bob"])
    assert done.returncode == 0, done.stderr
    got = run_shorepass("get", "--client", client.rules, reference)
    assert (got.status, got.stderr) == (0, "")
    assert json.loads(got.stdout) == {"ServerURL": any_registry, "Username": "bob", "Secret": users["bob"]}
    assert client.logout(any_registry).returncode == 0
    got = run_shorepass("get", "--client", client.rules, reference)
    assert (got.status, got.stdout) == (1, "")


def test_the_client_itself_logs_out_from_our_login(
    client: RealClient, any_registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """What shorepass login stored, the client's own logout erases."""
    log_in(run_shorepass, users, "alice", any_registry, "--client", client.rules)
    assert client.logout(any_registry).returncode == 0
    assert run_shorepass("get", "--client", client.rules, any_registry).status == 1


@pytest.mark.parametrize("program", programs.docker_programs())
def test_an_identity_token_that_docker_stored_is_what_get_prints(
    program: str,
    dockerd: str,
    busybox_image: str,
    registry_with_identity_tokens: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
) -> None:
    """Where docker login keeps an identity token, get prints <token> and the token, and never the password."""
    docker = Docker(program, dockerd, busybox_image)
    image = f"{registry_with_identity_tokens}/{REPOSITORY}:1"
    done = docker.login(registry_with_identity_tokens, "alice", users["alice"])
    assert done.returncode == 0, done.stderr
    pushed = docker.push(image)
    assert pushed.returncode == 0, pushed.stderr
    stored = json.loads(Path(os.environ["HOME"], ".docker/config.json").read_text())
    token = stored["auths"][registry_with_identity_tokens]["identitytoken"]
    got = run_shorepass("get", image)
    assert got.status == 0, got.stderr
    assert json.loads(got.stdout) == {
        "ServerURL": registry_with_identity_tokens,
        "Username": "<token>",
        "Secret": token,
    }
    explained = run_shorepass("explain", "--push", image)
    assert explained.status == 0, explained.stdout + explained.stderr


@pytest.mark.parametrize("flags", [("--client", "docker"), ("--client", "podman")], ids=["docker", "podman"])
def test_a_refused_login_changes_no_file(
    flags: tuple[str, ...], any_registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """A wrong password makes no file where none was, and leaves a stored login as it was, to the byte and the time."""
    home, runtime = Path(os.environ["HOME"]), Path(os.environ["XDG_RUNTIME_DIR"])
    wrong = ("login", "-u", "alice", "--password-stdin", *flags, any_registry)
    assert run_shorepass(*wrong, stdin="not her password").status != 0
    assert [path.name for path in (*home.iterdir(), *runtime.iterdir())] == [".config"]
    log_in(run_shorepass, users, "alice", any_registry, *flags)
    before = _state(home, runtime)
    assert before
    done = run_shorepass(*wrong, stdin="not her password")
    assert done.status != 0
    assert any_registry in done.stderr
    assert _state(home, runtime) == before


def _state(*folders: Path) -> dict[Path, tuple[bytes, int, int]]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in files}


def test_explain_agrees_with_get(
    client: RealClient, any_registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """Explain names the user whose password get prints, with a fingerprint, and ends well where all is well."""
    log_in(run_shorepass, users, "alice", any_registry, "--client", client.rules)
    image = f"{any_registry}/{REPOSITORY}:1"
    got = json.loads(run_shorepass("get", "--client", client.rules, image).stdout)
    explained = run_shorepass("explain", "--client", client.rules, "--push", "--json", image)
    assert explained.status == 0, explained.stdout + explained.stderr
    told = json.loads(explained.stdout)["credential"]
    assert re.fullmatch("[0-9a-f]{8}", told.pop("fingerprint"))
    assert told == {"kind": "password", "user": got["Username"]}
    assert users["alice"] not in explained.stdout + explained.stderr


def test_explain_says_that_push_is_missing_where_the_registry_refuses_it(
    dockerd: str, busybox_image: str, registry_with_tokens: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """A user who may only pull: docker's push is denied, and explain --push says which action is missing."""
    docker = Docker(programs.docker_programs()[0], dockerd, busybox_image)
    image = f"{registry_with_tokens}/{REPOSITORY}:pull-only"
    log_in(run_shorepass, users, "alice", registry_with_tokens)
    assert docker.push(image).returncode == 0
    log_in(run_shorepass, users, "bob", registry_with_tokens)
    assert docker.pull(image).returncode == 0
    assert docker.push(image).returncode != 0
    assert run_shorepass("explain", image).status == 0
    explained = run_shorepass("explain", "--push", image)
    assert explained.status == 1
    assert "push" in explained.stdout.splitlines()[-1]
