"""Real clients keep their logins with docker-credential-shorepass: nothing of them stands in a file."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.real_clients import RealClient

pytestmark = pytest.mark.usefixtures("nothing_set")

PROGRAM = "docker-credential-shorepass"


@pytest.fixture
def helper(our_helper: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Our helper, on the PATH of every program of the test."""
    path = f"{world / 'bin'}:{programs.SYSTEM_PATH}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(programs, "SYSTEM_PATH", path)
    return our_helper


@pytest.fixture
def vault(helper: str, run_shorepass: RunShorepass) -> None:
    """Our helper, and a vault for it."""
    assert run_shorepass("vault", "init").status == 0, helper


def installed(run_shorepass: RunShorepass, client: str, registry: str) -> None:
    words = () if client == "docker" else ("--client", "podman", "--for", registry)
    done = run_shorepass("helper", "install", "--yes", *words)
    assert (done.status, done.stderr) == (0, "")


def plain(password: str) -> list[str]:
    """Return every file of the test's home and run folders that holds a password, in plain text or base64."""
    folders = [Path(os.environ["HOME"]), Path(os.environ["XDG_RUNTIME_DIR"])]
    words = [password.encode(), *(b64encode(f"{user}:{password}".encode())[:-4] for user in ("alice", "bob"))]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(word in path.read_bytes() for word in words)]


@pytest.mark.usefixtures("vault")
def test_a_client_logs_in_pulls_pushes_and_logs_out(
    client: RealClient, registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """The client's own login is kept in the vault and in no file; it pushes and pulls with it; its logout erases it."""
    image = f"{registry}/team/app:{client.rules}"
    installed(run_shorepass, client.rules, registry)
    done = client.login(registry, "alice", users["alice"])
    assert done.returncode == 0, done.stderr
    listed = programs.run([PROGRAM, "list"], env=os.environ)
    assert json.loads(listed.stdout) == {registry: "alice"}
    assert plain(users["alice"]) == []
    for done in (client.push(image), client.pull(image)):
        assert done.returncode == 0, done.stderr
    for _ in range(2):  # podman 4.3 overflows its stack where a helper fails with "not found"
        done = client.logout(registry)
        assert done.returncode == 0, done.stderr[:2000]
    assert programs.run([PROGRAM, "list"], env=os.environ).stdout == "{}\n"
    assert client.pull(image).returncode != 0


@pytest.mark.usefixtures("vault")
def test_shorepass_login_uses_it_as_the_client_does(
    client: RealClient, registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """A login by shorepass goes to the helper that the client's file names, and the client pulls with it."""
    image = f"{registry}/team/app:ours-{client.rules}"
    installed(run_shorepass, client.rules, registry)
    words = ("--client", client.rules, "-u", "alice", "--password-stdin", registry)
    done = run_shorepass("login", *words, stdin=users["alice"])
    assert done.status == 0, done.stderr
    assert plain(users["alice"]) == []
    assert client.push(image).returncode == 0
    assert run_shorepass("logout", "--client", client.rules, registry).status == 0
    assert client.pull(image).returncode != 0


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("word", ["docker login", "shorepass login", "shorepass logout"])
@pytest.mark.parametrize("program", programs.docker_programs())
def test_what_was_plain_text_leaves_the_file(
    registry: str, users: dict[str, str], run_shorepass: RunShorepass, dockerd: str, program: str, word: str
) -> None:
    """A login from before the helper was installed: each of these takes it out of docker's file."""
    docker = [programs.require(program), "-H", dockerd]
    flags = ("-u", "alice", "--password-stdin", registry)
    file = Path(os.environ["HOME"], ".docker/config.json")
    file.parent.mkdir()
    auth = b64encode(f"alice:{users['alice']}".encode()).decode()
    file.write_text(
        json.dumps({"auths": {registry: {"auth": auth}}})
    )  # as docker writes it where it knows of no helper
    assert plain(users["alice"]) == [str(file)]
    done = run_shorepass("helper", "install", "--yes")
    assert registry in done.stderr
    if word == "docker login":
        assert programs.run([*docker, "login", *flags], env=os.environ, stdin=users["alice"]).returncode == 0
    elif word == "shorepass login":
        assert run_shorepass("login", *flags, stdin=users["alice"]).status == 0
    else:
        assert run_shorepass("logout", registry).status == 0
    assert plain(users["alice"]) == []


@pytest.mark.usefixtures("vault")
def test_docker_says_that_the_vault_is_damaged_and_goes_on(
    registry: str, users: dict[str, str], run_shorepass: RunShorepass, home: Path, dockerd: str
) -> None:
    """A damaged vault: docker shows what our helper says, and the youngest whole generation serves the pull."""
    docker = [programs.require(programs.docker_programs()[0]), "-H", dockerd]
    installed(run_shorepass, "docker", registry)
    login = [*docker, "login", "-u", "alice", "--password-stdin"]
    assert programs.run([*login, registry], env=os.environ, stdin=users["alice"]).returncode == 0
    assert (
        programs.run([*login, f"localhost:{registry.split(':')[1]}"], env=os.environ, stdin=users["alice"]).returncode
        == 0
    )
    vault = home / ".local/share/shorepass/vault.age"
    vault.write_bytes(vault.read_bytes()[:-20])
    done = programs.run([*docker, "pull", f"{registry}/none:1"], env=os.environ)
    assert "vault.age: damaged" in done.stderr
    assert "not found" in done.stderr  # the registry took the login, and has no such image


@pytest.mark.usefixtures("vault")
def test_docker_says_that_the_vault_does_not_open(
    registry: str, users: dict[str, str], run_shorepass: RunShorepass, home: Path, dockerd: str
) -> None:
    """Without its key: docker itself goes on as a stranger, and calls a logout done; our helper says what is wrong."""
    docker = [programs.require(programs.docker_programs()[-1]), "-H", dockerd]
    installed(run_shorepass, "docker", registry)
    login = [*docker, "login", "-u", "alice", "--password-stdin", registry]
    assert programs.run(login, env=os.environ, stdin=users["alice"]).returncode == 0
    (home / ".local/state/shorepass/machine.key").unlink()
    for words in (("pull", f"{registry}/none:1"), ("logout", registry)):
        done = programs.run([*docker, *words], env=os.environ)
        assert "docker-credential-shorepass: vault: no key for" in done.stderr, words


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("kind", ["registry", "registry_with_tokens"])
def test_docker_py_finds_it(
    request: pytest.FixtureRequest, kind: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """docker-py asks our helper as it asks docker's own."""
    from docker.auth import load_config

    registry = request.getfixturevalue(kind)
    installed(run_shorepass, "docker", registry)
    done = run_shorepass("login", "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    assert done.status == 0, done.stderr
    found = load_config().resolve_authconfig(registry)
    assert (found["Username"], found["Password"]) == ("alice", users["alice"])
    everything = load_config().get_all_credentials()
    assert everything[registry]["Password"] == users["alice"]


@pytest.mark.usefixtures("vault")
def test_oras_finds_it(registry: str, users: dict[str, str], run_shorepass: RunShorepass) -> None:
    """oras-py asks our helper, and the registry takes what it then sends."""
    import oras.client
    import requests

    installed(run_shorepass, "docker", registry)
    done = run_shorepass("login", "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    assert done.status == 0, done.stderr
    client = oras.client.OrasClient(hostname=registry, insecure=True, auth_backend="basic")
    client.auth.load_configs(client.get_container(f"{registry}/team/app"))
    url = f"http://{registry}/v2/"
    assert requests.get(url, timeout=60).status_code == 401
    assert requests.get(url, headers=client.auth.get_auth_header(), timeout=60).status_code == 200


@pytest.mark.usefixtures("helper")
@pytest.mark.parametrize("program", programs.docker_programs())
def test_a_first_login_serves_docker_and_podman_and_stands_in_no_file(
    registry: str, users: dict[str, str], run_shorepass: RunShorepass, dockerd: str, program: str, home: Path
) -> None:
    """Nothing is set: a vault is made, docker pushes and podman pulls with it; docker's own next login is kept there, too."""
    docker = [programs.require(program), "-H", dockerd]
    done = run_shorepass("login", "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    assert (done.status, done.stdout) == (0, "Login Succeeded\n")
    assert str(home / ".local/share/shorepass/vault.age") in done.stderr
    assert plain(users["alice"]) == []
    image = f"{registry}/team/first:1"
    for words in (["build", "-q", "-t", image, "-"], ["push", image]):
        done = programs.run([*docker, *words], env=os.environ, stdin="FROM scratch\nLABEL a=b\n")
        assert done.returncode == 0, done.stderr
    done = run_shorepass("get", "--client", "podman", image)
    assert json.loads(done.stdout)["Username"] == "alice"
    skopeo = [programs.require("skopeo"), "inspect", "--tls-verify=false", f"docker://{image}"]
    done = programs.run(skopeo, env=os.environ)
    assert done.returncode == 0, done.stderr
    other = f"localhost:{registry.rpartition(':')[2]}"
    login = [*docker, "login", "-u", "bob", "--password-stdin", other]
    assert programs.run(login, env=os.environ, stdin=users["bob"]).returncode == 0
    assert plain(users["bob"]) == []
    assert json.loads(programs.run([PROGRAM, "list"], env=os.environ).stdout) == {other: "bob", registry: "alice"}
    assert run_shorepass("logout", registry).status == 0
    assert programs.run(skopeo, env=os.environ).returncode != 0
