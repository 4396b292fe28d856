"""``--in ssh:HOST``: a host with busybox and no Python, behind a real sshd."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from e2e.ssh_host import SshHost, ssh_host

if TYPE_CHECKING:
    from conftest import Done, RunShorepass

HELPER = """#!/bin/sh
read -r url
printf '{"ServerURL":"%s","Username":"%s","Secret":"s3cret"}' "$url" "$(id -un)"
"""


@pytest.fixture(scope="module")
def host() -> Iterator[SshHost]:
    """The host; its user's home is emptied before each test."""
    with ssh_host() as host:
        yield host


@pytest.fixture(autouse=True)
def empty_home(host: SshHost) -> None:
    host.sh('cd "$HOME"; rm -rf .docker .config bin')


class There:
    """shorepass with ``--in ssh:virtual``."""

    def __init__(self, run: RunShorepass, host: SshHost) -> None:
        self._run = run
        self._env = {"PATH": str(host.bin)}

    def __call__(self, verb: str, *args: str, stdin: str = "", place: str = "ssh:virtual") -> Done:
        return self._run(verb, "--in", place, *args, env=self._env, stdin=stdin)


@pytest.fixture
def there(run_shorepass: RunShorepass, host: SshHost) -> There:
    """Runs shorepass for the host."""
    return There(run_shorepass, host)


def config(user: str) -> bytes:
    return json.dumps({"auths": {"reg.example": {"auth": base64.b64encode(f"{user}:pw".encode()).decode()}}}).encode()


def test_what_is_there(there: There, host: SshHost) -> None:
    """Files, home and user of the host decide, and none of ours."""
    assert (there("get", "reg.example/app").status, there("list").stdout) == (1, "")
    host.sh('mkdir -m 700 "$HOME/.docker"; umask 077; cat >"$HOME/.docker/config.json"', config("remote"))
    assert json.loads(there("get", "reg.example/app").stdout)["Username"] == "remote"
    assert json.loads(there("get", "--client", "podman", "reg.example/app").stdout)["Username"] == "remote"
    explained = there("explain", "--offline", "reg.example/app")
    assert explained.stdout.startswith(f"ok       context    ssh:virtual: uid {host.uid}, home {host.home}\n")
    assert f"from {host.home}/.docker/config.json" in explained.stdout
    assert explained.stderr == ""


def test_one_call_is_enough(there: There, host: SshHost) -> None:
    """What the clients read comes with the first call: one connection for docker, and one for podman."""
    host.sh('mkdir -m 700 "$HOME/.docker"; cat >"$HOME/.docker/config.json"', config("remote"))
    for client in ("docker", "podman"):
        before = host.words.count("virtual")
        assert there("get", "--client", client, "reg.example/app").status == 0
        assert host.words.count("virtual") - before == 1


def test_what_cannot_be_read(there: There, host: SshHost) -> None:
    """A file that the user there may not read is an error, with its owner and mode over there."""
    host.sh(
        'mkdir "$HOME/.docker"; umask 077; echo {} >"$HOME/.docker/config.json"; chmod 000 "$HOME/.docker/config.json"'
    )
    done = there("get", "reg.example/app")
    assert (done.status, done.stdout) == (3, "")
    expected = f"{host.home}/.docker/config.json (owner {host.user}({host.uid}), mode 0000): permission denied"
    assert expected in done.stderr


def test_helper_over_there(there: There, host: SshHost) -> None:
    """A credential helper runs on the host, and one that is missing there is missing."""
    host.sh('mkdir "$HOME/.docker"; echo \'{"credsStore": "there"}\' >"$HOME/.docker/config.json"')
    done = there("get", "reg.example/app")
    assert (done.status, done.stdout) == (3, "")
    assert "docker-credential-there get: no executable file of that name on PATH" in done.stderr
    host.install("/bin/docker-credential-there", HELPER)
    answer = json.loads(there("get", "reg.example/app").stdout)
    assert answer == {"ServerURL": "reg.example", "Username": host.user, "Secret": "s3cret"}


def test_login_and_logout(there: There, host: SshHost, registry: str, users: dict[str, str]) -> None:
    """A login is checked from here and stored there, 0600 in a folder 0700; logout takes it away."""
    done = there("login", "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    assert (done.status, done.stdout) == (0, "Login Succeeded\n")
    listing = host.sh('stat -c "%u %a" "$HOME/.docker" "$HOME/.docker/config.json"').decode().splitlines()
    assert listing == [f"{host.uid} 700", f"{host.uid} 600"]
    assert json.loads(there("get", registry).stdout)["Secret"] == users["alice"]
    assert registry in there("list").stdout
    done = there("logout", registry)
    assert (done.status, f"erased {registry} from {host.home}/.docker/config.json" in done.stdout) == (0, True)
    assert registry.encode() not in host.sh('cat "$HOME/.docker/config.json"')
    encoded = base64.b64encode(f"alice:{users['alice']}".encode()).decode()
    assert users["alice"] not in host.words
    assert encoded not in host.words


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unreachable", "connection timed out"),
        ("closed", "connection refused"),
        ("refusing", "permission denied (publickey"),
        ("unknown", "host key verification failed"),
        ("-oProxyCommand=id", "a name cannot begin with '-'"),
    ],
)
def test_what_cannot_be_reached(there: There, name: str, reason: str) -> None:
    """Why a host cannot be reached is said in ssh's words, soon, with what to try by hand."""
    started = time.monotonic()
    done = there("get", "reg.example/app", place=f"ssh:{name}")
    assert time.monotonic() - started < 60  # the system's own patience is two minutes
    assert (done.status, done.stdout) == (3, "")
    assert done.stderr.startswith(f"shorepass: ssh:{name}: ")
    assert reason in done.stderr.lower()


def test_without_ssh(run_shorepass: RunShorepass) -> None:
    """No ssh on PATH is said as just that."""
    done = run_shorepass("get", "--in", "ssh:virtual", "reg.example/app")
    assert (done.status, done.stderr) == (
        3,
        "shorepass: ssh:virtual: there is no ssh on PATH\nhint: install ssh, or add its folder to PATH\n",
    )
