"""Logout means gone: whatever happened to a login before, nothing of ours holds the secret afterwards."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shorepass
from cli.test_vault import TYPED, on_a_terminal
from e2e import programs
from e2e.doctor import log_in
from e2e.remains import Remains
from faults.canary import CANARY, ECHOES, encoded
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import Done, RunShorepass
    from e2e.doctor import Program

USERS = {"alice": CANARY, "bob": CANARY + "2"}  # a password, and what takes its place
SHOREPASS = [sys.executable, "-m", "shorepass"]


class Home:
    """A home in which things happen to a login at ``host``. Each method is one of them, and says in what order they go."""

    def __init__(self, world: Path, host: str, docker: Program, run_shorepass: RunShorepass, remains: Remains) -> None:
        self.world, self.host, self.run, self.remains = world, host, run_shorepass, remains
        self.typed: list[str] = []  # at each logout
        self._docker = docker

    @property
    def docker_file(self) -> Path:
        return self.world / "home/.docker/config.json"

    @property
    def podman_file(self) -> Path:
        return self.world / "run/containers/auth.json"

    @property
    def vault(self) -> Path:
        return self.world / "home/.local/share/shorepass/vault.age"

    def done(self, *words: str) -> Done:
        """Run shorepass, which succeeds, and learn what keys there are now."""
        done = self.run(*words)
        assert done.status == 0, done
        self.remains.learn()
        return done

    def docker(self, user: str = "alice") -> None:
        """The real docker logs in, as its file says."""
        log_in(self._docker, self.host, user, USERS[user])

    def podman(self, user: str = "alice") -> None:
        """The real podman logs in."""
        words = ["login", "--tls-verify=false", "-u", user, "--password-stdin", self.host]
        done = programs.run([programs.require("podman"), *words], env=os.environ, stdin=USERS[user])
        assert done.returncode == 0, done.stderr

    def plain_logins(self) -> None:
        """Both clients log in, in plain text."""
        self.docker()
        self.podman()

    def repairs(self) -> None:
        """Both files break, are too open, and doctor mends them; then other passwords come."""
        self.plain_logins()
        for file in (self.docker_file, self.podman_file):
            file.write_text(file.read_text().rstrip().removesuffix("}") + ",}\n")
            file.chmod(0o644)
        self.run("doctor", "--fix", "--yes")
        self.docker("bob")
        self.podman("bob")
        auth = b64encode(f"alice:{CANARY}".encode()).decode()
        cut = json.dumps({"auths": {self.host: {"auth": auth}}}).encode("utf-16")[:-8]
        self.docker_file.write_bytes(cut)  # as Windows' Notepad saves it, and a full disk
        self.run("doctor", "--fix", "--yes")
        kept = list((self.world / "home/.local/state/shorepass/doctor").glob("*.json"))
        assert len(kept) >= 5
        assert any(str(path) in self.remains.found() for path in kept)

    def killed_saves(self) -> None:
        """A login and a store are killed between their copy and its place."""
        self.docker()
        login = [*SHOREPASS, "login", "--store", "file", "-u", "bob", "--password-stdin", self.host]
        self._killed(login, USERS["bob"].encode(), self.docker_file)
        self.podman()
        self._killed([*login[:4], "--client", "podman", *login[4:]], USERS["bob"].encode(), self.podman_file)

    @staticmethod
    def _killed(argv: list[str], stdin: bytes, file: Path) -> None:
        """Kill a program at one rename after the other, until it leaves a copy beside the file."""
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # which Python renames, too
        for number in range(1, 4):
            inject = ["-e", "trace=rename", "-e", f"inject=rename:signal=KILL:when={number}"]
            strace = [programs.require("strace"), "-f", "-qq", "-o", "/dev/null", *inject]
            done = subprocess.run([*strace, *argv], input=stdin, capture_output=True, env=env, check=False)
            assert done.returncode == -9, done.stderr
            if any(file.parent.glob(f".{file.name}.shorepass-*")):
                return
        pytest.fail("no copy was left")

    def in_the_vault(self) -> None:
        """Docker keeps the login with our helper: replaced passwords, several generations, other keys, damage."""
        self.done("vault", "init")
        self.done("helper", "install", "--yes")
        self.docker()
        self.docker("bob")
        self._other_logins(2)
        key = self.world / "home/.ssh/id_ed25519"
        key.parent.mkdir(mode=0o700)
        made = programs.run([programs.require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
        assert made.returncode == 0, made.stderr
        self.done("vault", "rekey", "--ssh-key", str(key))
        self.docker("alice")
        self.done("vault", "rekey")
        self._other_logins(1)
        store = json.dumps({"ServerURL": self.host, "Username": "bob", "Secret": USERS["bob"]})
        self._killed([sys.executable, "-m", "shorepass.docker_credential", "store"], store.encode(), self.vault)
        self.vault.write_bytes(self.vault.read_bytes()[:-20])
        assert "instead, without what was stored since then" in self.run("vault").stderr

    def _other_logins(self, count: int) -> None:
        for number in range(count):
            login = json.dumps({"ServerURL": f"other{number}.example", "Username": "u", "Secret": "s"})
            helper = [sys.executable, "-m", "shorepass.docker_credential", "store"]
            subprocess.run(helper, input=login, text=True, check=True, env=os.environ)

    def helper_uninstalled(self) -> None:
        """Docker's file no longer names the helper that has the login."""
        self.in_the_vault()
        self.done("helper", "uninstall", "--yes")

    def another_store(self) -> None:
        """The helper is still named, and keeps its logins elsewhere by now."""
        self.in_the_vault()
        settings = self.world / "home/.config/shorepass/config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text('store = "file"\n')

    def passphrase(self) -> None:
        """The vault that nobody names any more opens with a passphrase, typed at the logout."""
        self.done("vault", "init")
        self.remains.learn()
        self.done("helper", "install", "--yes")
        self.docker()
        status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "rekey", "--passphrase"], [TYPED, TYPED])
        assert status == 0, shown
        self.remains.know(_typed_key(self.vault.with_name("vault.key.age")))
        self.done("helper", "uninstall", "--yes")
        self.typed = [TYPED]

    def by_ourselves(self) -> None:
        """Shorepass logs in for both clients, and keeps that in a vault that it makes."""
        for client, user in (("docker", "alice"), ("podman", "alice"), ("docker", "bob")):
            words = ["login", "--client", client, "-u", user, "--password-stdin", self.host]
            done = self.run(*words, stdin=USERS[user])
            assert done.status == 0, done
        assert self.vault.exists()

    def accounts(self) -> None:
        """A second account beside the default login; one of its commands logs in elsewhere and kills us, who would clean up."""
        self.by_ourselves()
        done = self.run("login", "--as", "work", "-u", "bob", "--password-stdin", self.host, stdin=USERS["bob"])
        assert done.status == 0, done
        elsewhere = self.host.replace("127.0.0.1", "localhost")
        login = f"{programs.require('podman')} login --tls-verify=false -u alice --password-stdin {elsewhere}"
        words = ["run", "--as", "work", "--client", "podman", "--", "/bin/sh", "-c", f"{login}; kill -9 $PPID"]
        assert self.run(*words, stdin=USERS["alice"]).status == -9
        assert any("/shorepass-run-" in path for path in self.remains.found())

    def migrated(self) -> None:
        """What was in plain text moves into a vault."""
        self.plain_logins()
        self.done("migrate", "--apply")
        assert self.vault.exists()
        assert str(self.docker_file) not in self.remains.found()

    def migrated_and_back(self) -> None:
        """And out of it again."""
        self.migrated()
        self.done("migrate", "--undo")
        assert str(self.docker_file) in self.remains.found()

    def everything(self) -> None:
        """All of it, one behind the other."""
        self.repairs()
        self.killed_saves()
        self.helper_uninstalled()
        self.repairs()
        self.migrated()
        self.repairs()


def _typed_key(path: Path) -> bytes:
    from pyrage import passphrase

    return bytes(passphrase.decrypt(path.read_bytes(), TYPED))


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry where the canary is everybody's password."""
    with Registry(users=USERS, auth="basic") as running:
        yield running


@pytest.fixture
def place(
    world: Path,
    tmp_path: Path,
    registry: Registry,
    docker: Program,
    run_shorepass: RunShorepass,
    nothing_set: None,  # noqa: ARG001
    our_helper: str,  # noqa: ARG001
) -> Home:
    """The home, with docker, podman and our helper on PATH, and nothing in it yet."""
    return Home(world, registry.host, docker, run_shorepass, Remains(tmp_path, world / "home", world / "run"))


HAPPENINGS = [
    *(Home.plain_logins, Home.repairs, Home.killed_saves, Home.in_the_vault, Home.helper_uninstalled),
    *(Home.another_store, Home.passphrase, Home.by_ourselves, Home.accounts, Home.migrated, Home.migrated_and_back),
    Home.everything,
]


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda method: method.__name__)
def test_nothing_is_left(place: Home, happening: Callable[[Home], None]) -> None:
    """After a logout, and those that it names, there is no piece of the secret in home, run and state folders."""
    happening(place)
    assert place.remains.found() != [], "the search finds it where it is"
    words = ["logout", place.host]
    for _ in range(6):
        status, shown, _ = on_a_terminal([*SHOREPASS, *words], place.typed)
        assert status == 0, shown
        hints = [line.partition(": shorepass ")[2] for line in shown.splitlines() if "is still logged in" in line]
        if not hints:
            break
        words = shlex.split(hints[0])
    assert place.remains.found() == []


@pytest.mark.parametrize("happening", [Home.repairs, Home.in_the_vault, Home.everything], ids=lambda m: m.__name__)
def test_nothing_is_left_after_python(place: Home, happening: Callable[[Home], None]) -> None:
    """So it is after ``shorepass.logout`` of both clients."""
    happening(place)
    assert place.remains.found() != []
    for client in ("docker", "podman"):
        erasures = shorepass.logout(place.host, client=client)
        assert [erasure.error for erasure in erasures if erasure.error] == []
    assert place.remains.found() == []


@pytest.mark.parametrize("happening", [Home.repairs, Home.accounts, Home.everything], ids=lambda m: m.__name__)
def test_nothing_is_left_after_all(place: Home, happening: Callable[[Home], None]) -> None:
    """And after ``logout --all`` of both clients."""
    happening(place)
    assert place.remains.found() != []
    for client in ("docker", "podman"):
        done = place.run("logout", "--all", "--client", client)
        assert done.status == 0, done
    assert place.remains.found() == []


def test_the_search_finds_every_form(tmp_path: Path) -> None:
    """The search finds the canary in each form it could have been left in; or nothing here says anything."""
    folder = tmp_path / "searched"
    folder.mkdir()
    remains = Remains(tmp_path, folder)
    forms = {name.replace(" ", "-"): echo(CANARY).encode() for name, echo in ECHOES.items()}
    forms |= {f"base64-behind-{n}": encoded("x" * n + CANARY).encode() for n in range(4)}
    forms["base64-of-base64"] = json.dumps({"before": encoded("." + encoded("alice:" + CANARY))}).encode()
    forms["UTF-16"] = CANARY.encode("utf-16")
    key = programs.run([programs.require("age-keygen")]).stdout
    (tmp_path / "old.key").write_text(key)
    recipient = next(line.split()[-1] for line in key.splitlines() if line.startswith("# public key"))
    remains.know(key.encode())
    for name, data in forms.items():
        (folder / name).write_bytes(data)
    (folder / "nothing").write_text("an ordinary file")
    done = programs.run([programs.require("age"), "-r", recipient, "-o", str(folder / "sealed")], stdin=CANARY)
    assert done.returncode == 0, done.stderr
    assert sorted(Path(path).name for path in remains.found()) == sorted([*forms, "sealed"])
