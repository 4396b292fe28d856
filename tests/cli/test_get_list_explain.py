"""``get``, ``list`` and ``explain``: data on standard output, words on standard error, and the exit codes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faults.canary import write_program
from shorepass.cli import VERBS
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass


def write(home: Path, document: object) -> Path:
    file = home / ".docker/config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document))
    return file


def auth(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("entry", "username", "secret"),
    [
        ({"auth": auth("alice", "pä:ss")}, "alice", "pä:ss"),
        ({"username": "bob", "password": "pw"}, "bob", "pw"),
        ({"auth": auth("alice", ""), "identitytoken": "refresh"}, "<token>", "refresh"),
        ({"registrytoken": "ready"}, "<bearer>", "ready"),
    ],
)
def test_get_prints_one_line(
    run_shorepass: RunShorepass, home: Path, entry: object, username: str, secret: str
) -> None:
    """One JSON line with the server URL, user name and secret that docker sends, and exit code 0."""
    write(home, {"auths": {"https://index.docker.io/v1/": entry}})
    done = run_shorepass("get", "nginx")
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.endswith("}\n")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {
        "ServerURL": "https://index.docker.io/v1/",
        "Username": username,
        "Secret": secret,
    }


@pytest.mark.parametrize("client", ["docker", "podman", "skopeo", "buildah"])
def test_get_without_a_login(run_shorepass: RunShorepass, client: str) -> None:
    """Anonymous is exit code 1, nothing on standard output, and on standard error what would give it a login."""
    for field in ((), ("--field", "secret")):
        done = run_shorepass("get", "--client", client, *field, "reg.example/app")
        assert (done.status, done.stdout) == (1, "")
        flag = "" if client == "docker" else f" --client {client}"
        assert done.stderr == (
            f"shorepass: no login for reg.example/app: {client} asks for it anonymously\n"
            f"hint: shorepass login{flag} reg.example\n"
        )


@pytest.mark.parametrize("field", ["serverurl", "username", "secret"])
def test_get_prints_one_field(run_shorepass: RunShorepass, home: Path, field: str) -> None:
    """--field prints the bare value and a line feed: what `jq -r` would, and another program can read."""
    write(home, {"auths": {"a.example": {"auth": auth("älice", 'pä:"ss')}, "b.example": {"identitytoken": "t k"}}})
    values = {"serverurl": "a.example", "username": "älice", "secret": 'pä:"ss'}
    done = run_shorepass("get", "--field", field, "a.example/app")
    assert (done.status, done.stdout, done.stderr) == (0, f"{values[field]}\n", "")
    values = {"serverurl": "b.example", "username": "<token>", "secret": "t k"}
    assert run_shorepass("get", "--field", field, "b.example").stdout == f"{values[field]}\n"


def test_get_prints_the_bytes_of_a_secret(home: Path) -> None:
    """A secret for a program is what it is, whatever bytes it has: a key file has several lines."""
    secret = b'{\n\t"key": "\x1b[31m"\n}'
    write(home, {"auths": {"a.example": {"auth": base64.b64encode(b"_json_key:" + secret).decode()}}})
    program = [sys.executable, "-m", "shorepass", "get", "--field", "secret", "a.example"]
    done = subprocess.run(program, capture_output=True, check=True, timeout=60)
    assert done.stdout == secret + b"\n"


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\x7f", "\u202e", "\r", "\n"])
def test_get_prints_no_name_that_a_terminal_obeys(run_shorepass: RunShorepass, home: Path, character: str) -> None:
    """--field refuses such a user name; the JSON has it, escaped, and is ASCII."""
    write(home, {"auths": {"a.example": {"username": f"al{character}ice", "password": "pw"}}})
    done = run_shorepass("get", "--field", "username", "a.example")
    assert (done.status, done.stdout) == (3, "")
    assert "control characters" in done.stderr
    done = run_shorepass("get", "a.example")
    assert done.stdout.isascii()
    assert done.stdout.rstrip("\n").isprintable()
    assert json.loads(done.stdout)["Username"] == f"al{character}ice"


def test_get_from_a_missing_helper(run_shorepass: RunShorepass, home: Path) -> None:
    """A helper that is not there is exit code 3 with cause and hint, never "no credentials"."""
    write(home, {"credsStore": "desktop"})
    done = run_shorepass("get", "reg.example/app")
    assert (done.status, done.stdout) == (3, "")
    assert "docker-credential-desktop" in done.stderr
    assert "hint:" in done.stderr


def test_get_from_bad_base64(run_shorepass: RunShorepass, home: Path) -> None:
    """A malformed entry is exit code 3 and names the file."""
    file = write(home, {"auths": {"reg.example": {"auth": "***"}}})
    done = run_shorepass("get", "reg.example/app")
    assert (done.status, done.stdout) == (3, "")
    assert str(file) in done.stderr


def test_get_refuses_a_bad_reference(run_shorepass: RunShorepass) -> None:
    """A reference that is none is exit code 2 and says why."""
    done = run_shorepass("get", "UPPER/Case:tag:tag")
    assert done.status == 2
    assert "invalid reference" in done.stderr


def test_list_shows_every_client(run_shorepass: RunShorepass, home: Path) -> None:
    """Docker's and podman's logins in one plain table without a terminal, and no secret in it."""
    write(home, {"auths": {"a.example": {"auth": auth("alice", "hidden-pw")}}})
    podman = home / ".config/containers/auth.json"
    podman.parent.mkdir(parents=True)
    podman.write_text(json.dumps({"auths": {"b.example/ns": {"auth": auth("bob", "hidden-pw")}}}))
    done = run_shorepass("list")
    assert done.status == 0
    assert done.stdout.split("\n")[0].split() == ["CLIENT", "REGISTRY", "USER", "KIND", "STORED", "IN"]
    assert "alice" in done.stdout
    assert "b.example/ns" in done.stdout
    assert "\x1b" not in done.stdout
    assert "hidden-pw" not in done.stdout
    rows = json.loads(run_shorepass("list", "--client", "docker", "--json").stdout)["logins"]
    assert [(row["client"], row["key"], row["user"]) for row in rows] == [("docker", "a.example", "alice")]


@pytest.mark.parametrize("client", ["docker", "podman"])
def test_list_asks_our_helper_once(run_shorepass: RunShorepass, home: Path, world: Path, client: str) -> None:
    """Every login names our helper for its registry: all of them are one call, and Docker Hub has two names."""
    hub = "https://index.docker.io/v1/"
    write_program(
        world / "bin/docker-credential-shorepass",
        f'#!/bin/sh\necho "$1" >> {world}/calls\necho \'{{"a.example":"alice","b.example":"<token>","{hub}":"hub"}}\'\n',
    )
    helpers = dict.fromkeys(["a.example", "b.example", "docker.io", "none.example"], "shorepass")
    file = home / ".docker/config.json" if client == "docker" else world / "run/containers/auth.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"credHelpers": helpers}))
    done = run_shorepass("list", "--json", "--client", client)
    assert [(row["key"], row["user"], row["kind"]) for row in json.loads(done.stdout)["logins"]] == [
        ("a.example", "alice", "password"),
        ("b.example", None, "identity token"),
        ("docker.io", "hub", "password"),
    ]
    assert (world / "calls").read_text() == "list\n"


@pytest.mark.usefixtures("nothing_set")
def test_an_old_copy_in_a_vaults_place_is_said(run_shorepass: RunShorepass, home: Path, our_helper: str) -> None:
    """Where the vault is damaged and a copy of it answers, all verbs say so: a login may be missing there."""
    assert run_shorepass("vault", "init").status == 0
    for key in ("a.example", "b.example"):
        login = json.dumps({"ServerURL": key, "Username": "alice", "Secret": "x"})
        subprocess.run([our_helper, "store"], input=login.encode(), check=True, timeout=60)
    write(home, {"credHelpers": dict.fromkeys(["a.example", "b.example"], "shorepass")})
    (home / ".local/share/shorepass/vault.age").write_text("x")
    done = run_shorepass("get", "a.example")
    assert json.loads(done.stdout)["Username"] == "alice"
    assert "instead, without what was stored since then" in done.stderr
    for words in (("list",), ("explain", "--offline", "b.example")):
        assert "instead, without what was stored since then" in run_shorepass(*words).stderr
    assert "instead, without what was stored since then" in run_shorepass("get", "b.example").stderr


def test_explain_offline_names_every_step(run_shorepass: RunShorepass, home: Path) -> None:
    """Explain --offline --json names context, file and key, shows a fingerprint and not the secret."""
    file = write(home, {"auths": {"reg.example": {"auth": auth("alice", "hidden-pw")}}})
    done = run_shorepass("explain", "--offline", "--json", "reg.example/app:1")
    document = json.loads(done.stdout)
    assert done.status == 0
    assert document["client"] == "docker"
    assert document["source"] == {"path": str(file), "key": "reg.example", "helper": None}
    assert document["credential"]["user"] == "alice"
    assert len(document["credential"]["fingerprint"]) == 8
    assert {"context", "file", "key"} <= {step["kind"] for step in document["steps"]}
    assert "hidden-pw" not in done.stdout


def test_explain_says_what_docker_does_without_its_helper(run_shorepass: RunShorepass, home: Path) -> None:
    """Where its helper is missing docker 28 goes on with an empty login, and docker 29 stops: explain prints that."""
    write(home, {"credsStore": "gone"})
    words = ("explain", "--offline", "reg.example/app", "--client")
    done = run_shorepass(*words, "docker@28.2")
    assert done.status == 3
    assert "docker-credential-gone" in done.stdout
    assert "silent" in done.stdout
    done = run_shorepass(*words, "docker@29.8")
    assert done.status == 3
    assert "docker pull stops" in done.stdout


def test_explain_asks_the_registry(run_shorepass: RunShorepass) -> None:
    """A good login with pull and without push permission: pull is granted, the missing action is named, exit code 1."""
    with Registry(users={"alice": "pw"}, auth="bearer", grants={"alice": {"acme/app": "pull"}}) as registry:
        run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin="pw")
        pull = run_shorepass("explain", f"{registry.host}/acme/app:1")
        push = run_shorepass("explain", "--push", f"{registry.host}/acme/app:1")
    assert (pull.status, push.status) == (0, 1), pull.stdout + push.stdout
    assert "push" in push.stdout


def test_explain_says_what_it_could_not_learn(run_shorepass: RunShorepass) -> None:
    """A registry that takes passwords tells of a push only when one begins: the verdict says that nobody knows."""
    with Registry(users={"alice": "pw"}) as registry:
        run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin="pw")
        done = run_shorepass("explain", "--push", f"{registry.host}/acme/app:1")
    assert done.status == 0
    assert "push: unknown" in done.stdout.splitlines()[-1]


def test_help(run_shorepass: RunShorepass) -> None:
    """Every verb's help has examples."""
    for verb in VERBS:
        assert "Examples:" in run_shorepass(verb, "--help").stdout
