"""shorepass migrate with the real clients: they pull as before, and the secret is in no file any more."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth
from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.real_clients import RealClient

pytestmark = pytest.mark.usefixtures("nothing_set", "system_path")

PASS = "docker-credential-pass"


@pytest.fixture
def system_path(our_helper: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our helper and the system's programs are on the PATH of every program of the test."""
    assert our_helper.startswith(str(world / "bin"))
    path = f"{world / 'bin'}:{programs.SYSTEM_PATH}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(programs, "SYSTEM_PATH", path)


def plain(users: dict[str, str]) -> list[str]:
    """Return every file of the test's home and run folders that holds a password, in plain text or base64."""
    words = [password.encode() for password in users.values()]
    words += [b64encode(f"{user}:{password}".encode())[:-4] for user, password in users.items()]
    folders = [Path(os.environ["HOME"]), Path(os.environ["XDG_RUNTIME_DIR"])]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(word in path.read_bytes() for word in words)]


def file_of(rules: str) -> Path:
    """Return the file in which a client keeps its logins; docker's is made, or docker would choose pass, which is on PATH."""
    if rules != "docker":
        return Path(os.environ["XDG_RUNTIME_DIR"], "containers/auth.json")
    file = Path(os.environ["HOME"], ".docker/config.json")
    file.parent.mkdir()
    file.write_text('{"auths": {"elsewhere.example": {}}}')
    return file


def test_what_a_client_wrote_moves_and_it_pulls_as_before(
    client: RealClient, private_image: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """It pulls with its own login, with the migrated one, and after --undo, which restores every byte of its file."""
    file = file_of(client.rules)
    done = client.login(private_image.partition("/")[0], "alice", users["alice"])
    assert done.returncode == 0, done.stderr
    before = file.read_bytes()
    assert plain(users) == [str(file)]
    assert client.pull(private_image).returncode == 0
    migrated = run_shorepass("migrate", "--apply")
    assert (migrated.status, plain(users)) == (0, []), migrated.stdout + migrated.stderr
    done = client.pull(private_image)
    assert done.returncode == 0, done.stderr
    assert run_shorepass("migrate", "--undo").status == 0
    assert (file.read_bytes(), plain(users)) == (before, [str(file)])
    assert client.pull(private_image).returncode == 0


@pytest.mark.parametrize("program", programs.docker_programs())
def test_podman_and_skopeo_find_dockers_login_as_before(
    program: str, dockerd: str, private_image: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """They read docker's file as well: what moves out of it for docker they are given, too."""
    file = file_of("docker")
    registry = private_image.partition("/")[0]
    docker = [programs.require(program), "-H", dockerd]
    login = [*docker, "login", "-u", "alice", "--password-stdin", registry]
    assert programs.run(login, env=os.environ, stdin=users["alice"]).returncode == 0
    assert plain(users) == [str(file)]
    skopeo = [programs.require("skopeo"), "inspect", "--tls-verify=false", f"docker://{private_image}"]
    podman = [programs.require("podman"), "login", "--get-login", registry]
    assert programs.run(skopeo, env=os.environ).returncode == 0
    assert run_shorepass("migrate", "--apply").status == 0
    assert plain(users) == []
    done = programs.run(skopeo, env=os.environ)
    assert done.returncode == 0, done.stderr
    done = programs.run(podman, env=os.environ)
    assert (done.returncode, done.stdout) == (0, "alice\n"), done.stderr
    logout = programs.run([*docker, "logout", registry], env=os.environ)
    assert logout.returncode == 0, logout.stderr
    assert programs.run(skopeo, env=os.environ).returncode != 0


@pytest.mark.parametrize("program", programs.docker_programs())
def test_docker_hub_in_docker_and_podman(
    program: str, dockerd: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """Docker Hub's login is found by docker under its URL and by podman under its name, from one entry in the store."""
    file = file_of("docker")
    hub = "https://index.docker.io/v1/"
    file.write_text(json.dumps({"auths": {hub: auth(f"alice:{users['alice']}")}}))
    assert run_shorepass("migrate", "--apply").status == 0
    podman = [programs.require("podman"), "login", "--get-login", "docker.io"]
    done = programs.run(podman, env=os.environ)
    assert (done.returncode, done.stdout) == (0, "alice\n"), done.stderr
    docker = [programs.require(program), "-H", dockerd]
    listed = programs.run(["docker-credential-shorepass", "list"], env=os.environ)
    assert json.loads(listed.stdout) == {hub: "alice"}
    assert programs.run([*docker, "logout"], env=os.environ).returncode == 0
    assert programs.run(podman, env=os.environ).returncode != 0


# From another helper


@pytest.fixture
def password_store(home: Path, system_path: None) -> Iterator[None]:
    """A password store for docker-credential-pass, and the key for it."""
    assert system_path is None
    (home / ".gnupg").mkdir(mode=0o700)
    key = "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\nSubkey-Curve: cv25519\n"
    argv = [programs.require("gpg"), "--batch", "--gen-key"]
    done = programs.run(argv, env=os.environ, stdin=f"{key}Name-Email: pass@example.org\n%commit\n")
    assert done.returncode == 0, done.stderr
    done = programs.run([programs.require("pass"), "init", "pass@example.org"], env=os.environ)
    assert done.returncode == 0, done.stderr
    yield
    programs.run([programs.require("gpgconf"), "--kill", "gpg-agent"], env=os.environ)


def listed(program: str) -> dict[str, str]:
    """Return what a helper lists."""
    done = programs.run([program, "list"], env=os.environ)
    assert done.returncode == 0, done.stdout
    found: dict[str, str] = json.loads(done.stdout)
    return found


FILES = {
    "credsStore": '{\n\t"auths": {\n\t\t"REG": {}\n\t},\n\t"credsStore": "pass"\n}',
    "credHelpers": '{"credHelpers": {"REG": "pass", "gcr.io": "gcloud"}}',
    "chosen by docker itself": None,
}


@pytest.mark.usefixtures("password_store")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("program", programs.docker_programs())
def test_from_pass(
    program: str, name: str, dockerd: str, private_image: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """What docker keeps with docker-credential-pass moves, docker pulls as before, pass is empty; --undo goes back."""
    registry = private_image.partition("/")[0]
    file = file_of("docker")
    file.unlink()
    if text := FILES[name]:
        file.write_text(text.replace("REG", registry))
    docker = [programs.require(program), "-H", dockerd]
    login = [*docker, "login", "-u", "alice", "--password-stdin", registry]
    assert programs.run(login, env=os.environ, stdin=users["alice"]).returncode == 0
    before = file.read_bytes()
    assert listed(PASS) == {registry: "alice"}
    pull = [*docker, "pull", private_image]
    assert programs.run(pull, env=os.environ).returncode == 0
    dry = run_shorepass("migrate", "--from", "pass")
    assert (dry.status, file.read_bytes(), listed(PASS)) == (0, before, {registry: "alice"}), dry.stderr
    done = run_shorepass("migrate", "--from", "pass", "--apply")
    assert done.status == 0, done.stdout + done.stderr
    assert (listed(PASS), listed("docker-credential-shorepass")) == ({}, {registry: "alice"})
    assert '"pass"' not in file.read_text()
    pulled = programs.run(pull, env=os.environ)
    assert pulled.returncode == 0, pulled.stderr
    assert "has no login" in run_shorepass("migrate", "--from", "pass").stdout
    assert run_shorepass("migrate", "--undo").status == 0
    assert (file.read_bytes(), listed(PASS)) == (before, {registry: "alice"})
    assert listed("docker-credential-shorepass") == {}
    assert programs.run(pull, env=os.environ).returncode == 0
