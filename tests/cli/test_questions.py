"""A passphrase is asked for once a command, whatever the verb looks at, and the two seconds that it costs pass once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.test_vault import HELPER, SHOREPASS, TYPED, on_a_terminal
from e2e import programs
from shorepass.testing import Registry

PROMPT = "Passphrase of"
LOGINS = ("alice", "wonderland")


class Home(NamedTuple):
    """A home with a vault that a passphrase opens, and the registry for which it has a login and an account's."""

    folder: Path
    registry: Registry


def make(folder: Path, registry: Registry, kind: str) -> Home:
    """Make a vault with two logins; docker's and podman's files name our helper for them."""
    if kind == "passphrase":
        status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "init", "--passphrase"], [TYPED, TYPED])
    else:
        key = folder / "id_ed25519"
        argv = [programs.require("ssh-keygen"), "-q", "-t", "ed25519", "-N", TYPED, "-f", str(key)]
        assert programs.run(argv).returncode == 0
        status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "init", "--ssh-key", str(key)], [TYPED])
    assert status == 0, shown
    for key in (registry.host, f"{registry.host}#work"):
        login = json.dumps({"ServerURL": key, "Username": LOGINS[0], "Secret": LOGINS[1]}).encode()
        status, shown, _ = on_a_terminal([*HELPER, "store"], [TYPED], stdin=login)
        assert status == 0, shown
    named = {registry.host: "shorepass", "b.example": "shorepass"}
    (folder / ".docker").mkdir()
    (folder / ".docker/config.json").write_text(json.dumps({"credHelpers": named, "credsStore": "shorepass"}))
    podman = Path(os.environ["XDG_RUNTIME_DIR"], "containers")
    podman.mkdir()
    (podman / "auth.json").write_text(json.dumps({"credHelpers": named}))
    return Home(folder, registry)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry(users={LOGINS[0]: LOGINS[1]}) as running:
        yield running


@pytest.fixture
def ssh_home(home: Path, registry: Registry, our_helper: str) -> Home:
    """Its key is an SSH key with a passphrase, which costs less time than a passphrase of age."""
    shutil.rmtree(home / ".config")
    assert our_helper
    return make(home, registry, "ssh")


@pytest.fixture
def passphrase_home(home: Path, registry: Registry, our_helper: str) -> Home:
    shutil.rmtree(home / ".config")
    assert our_helper
    return make(home, registry, "passphrase")


VERBS: dict[str, int] = {
    "get {host}": 0,
    "get --client podman {host}": 0,
    "explain {host}": 0,
    "explain --client podman {host}": 0,
    "list": 0,
    "who --in me": 0,
    "who --in me --check": 0,
    "who --in me --json": 0,
    "doctor": 1,  # no credential for b.example is no finding, and podman has no image to pull
    "doctor --check {host}": 1,
    "vault": 0,
    "vault trust --yes": 0,
    "vault export --yes": 0,
    "vault rekey --machine-key": 0,
    "accounts": 0,
    "login --get-login {host}": 0,
    "login --get-login --as work {host}": 0,
    "login {host}": 0,
    "login -u alice -p wonderland {host}": 0,
    "login -u alice -p wonderland --as work {host}": 0,
    "login -u alice -p wonderland --client podman {host}": 0,
    "logout {host}": 0,
    "logout --all": 0,
    "logout --as work {host}": 0,
    "logout --client podman {host}": 0,
    "stores use vault": 0,
    "migrate": 0,
}


@pytest.mark.parametrize("words", VERBS)
def test_each_verb_asks_once(ssh_home: Home, words: str) -> None:
    """On a terminal; what it does with the answer is what it does with a key that asks for nothing."""
    argv = words.format(host=ssh_home.registry.host).split()
    status, shown, _ = on_a_terminal([*SHOREPASS, *argv], [TYPED] * 8)
    assert shown.count(PROMPT) == 1, shown
    assert status in (0, VERBS[words]), shown
    assert "no terminal" not in shown


@pytest.mark.parametrize("words", ["get {host}", "list", "logout {host}", "logout --all", "doctor", "migrate"])
def test_a_wrong_passphrase_is_asked_for_once(ssh_home: Home, words: str) -> None:
    """One question, one answer: the command says that the passphrase is wrong, and does not ask again."""
    argv = words.format(host=ssh_home.registry.host).split()
    _, shown, _ = on_a_terminal([*SHOREPASS, *argv], ["wrong"] * 8)
    assert (shown.count(PROMPT), "wrong passphrase" in shown) == (1, True), shown


@pytest.mark.parametrize("words", ["get {host}", "list", "who --in me", "doctor", "logout {host}"])
def test_so_it_is_with_a_passphrase_of_age(passphrase_home: Home, words: str) -> None:
    """The key derivation is done once, too: it is what takes the time."""
    argv = words.format(host=passphrase_home.registry.host).split()
    code = "import pyrage, sys; from shorepass.cli import main; p = pyrage.passphrase; decrypt, calls = p.decrypt, []\n"
    code += "p.decrypt = lambda *a: calls.append(1) or decrypt(*a)\nmain(sys.argv[1:]); print('derived', len(calls))"
    _, shown, _ = on_a_terminal([sys.executable, "-c", code, *argv], [TYPED] * 8)
    assert (shown.count(PROMPT), "derived 1" in shown) == (1, True), shown


def test_who_says_locked_where_no_passphrase_is_typed(ssh_home: Home) -> None:
    """Locked is a state: nothing is broken, and the exit code is 0, without a terminal and after a wrong passphrase."""
    argv = [*SHOREPASS, "who", "--in", "me"]
    done = subprocess.run(argv, capture_output=True, text=True, start_new_session=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "locked" in done.stdout
    assert "0 broken" in done.stderr
    assert "no terminal to ask on\nhint: run it in a terminal" in done.stderr
    status, shown, _ = on_a_terminal(argv, ["wrong"])
    assert (status, shown.count(PROMPT), "locked" in shown, "0 broken" in shown) == (0, 1, True, True), shown
    assert "hint: run it again and type the passphrase" in shown
    rows = json.loads(subprocess.run([*argv, "--json"], capture_output=True, start_new_session=True, check=True).stdout)
    assert {row["state"] for row in rows["logins"]} == {"locked"}
    assert ssh_home.folder.exists()


def test_a_wrong_passphrase_is_asked_for_no_oftener_than_before(ssh_home: Home) -> None:
    """Once for what needs the vault once; nothing is changed, and the next command asks again."""
    host = ssh_home.registry.host
    status, shown, _ = on_a_terminal([*SHOREPASS, "get", host], ["wrong"] * 4)
    assert (status, shown.count(PROMPT)) == (3, 1), shown
    status, shown, _ = on_a_terminal([*SHOREPASS, "logout", host], ["wrong"] * 8)
    assert status == 1
    assert shown.count(PROMPT) <= 3
    status, shown, _ = on_a_terminal([*SHOREPASS, "get", host], [TYPED])
    assert (status, LOGINS[1] in shown) == (0, True)


def test_a_client_goes_on_asking_by_the_helper(ssh_home: Home) -> None:
    """Docker itself starts the helper, which asks on docker's terminal."""
    docker = [programs.docker_programs()[-1], "logout", ssh_home.registry.host]
    status, shown, _ = on_a_terminal(docker, [TYPED] * 8)
    assert (status, PROMPT in shown) == (0, True), shown


def test_another_program_of_that_name_is_asked_itself(ssh_home: Home, world: Path) -> None:
    """Where PATH has another docker-credential-shorepass, its answer counts, as it does for clients."""
    program = world / "bin/docker-credential-shorepass"
    program.write_text('#!/bin/sh\necho \'{"Username": "other", "Secret": "x"}\'\n')
    done = subprocess.run([*SHOREPASS, "get", ssh_home.registry.host], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["Username"] == "other"
