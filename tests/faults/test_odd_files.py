"""What is not a regular file, at every path that is opened: no verb hangs, reads without end, or fails with a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client_files import auth, our_helper
from e2e import programs
from shorepass.testing import Registry

SECONDS = 30  # a verb takes less than one
OPENED = re.compile(r'(?:openat|newfstatat|statx|readlink)\([^"]*"(?P<path>/[^"]+)"')
VERBS = (
    ("get", "a.example/app"),
    ("get", "--client", "podman", "p.example/app"),
    ("list",),
    ("doctor",),
    ("who",),
    ("accounts",),
    ("logout", "v.example"),
    ("migrate",),
)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS: dict[str, Callable[[Path], None]] = {
    "a FIFO": lambda path: os.mkfifo(path),
    "an endless device": make_device,
    "a socket": make_socket,
    "a folder": make_folder,
}


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry where the login is right."""
    with Registry(users={"alice": "secret"}) as running:
        yield running.host


class Home:
    """A home with a login in each place, which is made again for each fault."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "home"
        self._model = folder / "model"
        self._bin = folder / "bin"
        self._bin.mkdir()
        our_helper(self._bin)
        self._trace = folder / "trace"
        self._make_model()

    def _make_model(self) -> None:
        for name in (".docker", "run/containers", ".config/containers", ".config/shorepass"):
            (self.path / name).mkdir(parents=True, mode=0o700)
        config = {"auths": {"a.example": auth("alice:secret")}, "credHelpers": {"v.example": "shorepass"}}
        (self.path / ".docker/config.json").write_text(json.dumps(config))
        podman = {"auths": {"p.example": auth("bob:secret")}}
        (self.path / "run/containers/auth.json").write_text(json.dumps(podman))
        (self.path / ".config/containers/registries.conf").write_text('unqualified-search-registries = ["a.example"]\n')
        rule = '[[account]]\nname = "work"\nrepository = "ghcr.io/acme/*"\n'
        (self.path / ".config/shorepass/config.toml").write_text(rule)
        assert self.run("vault", "init").returncode == 0
        for user in ("carol", "dave"):  # twice, so that there is an older generation
            login = json.dumps({"ServerURL": "v.example", "Username": user, "Secret": "secret"})
            stored = self.run(stdin=login, program=("shorepass.docker_credential", "store"))
            assert stored.returncode == 0
        shutil.copytree(self.path, self._model, symlinks=True)

    def renew(self) -> None:
        """Make the home again as it was."""
        shutil.rmtree(self.path)
        shutil.copytree(self._model, self.path, symlinks=True)

    def run(
        self,
        *words: str,
        stdin: str = "",
        program: tuple[str, ...] = ("shorepass",),
        before: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a verb; fail where it hangs."""
        env = {
            "HOME": str(self.path),
            "PATH": f"{self._bin}:/usr/bin:/bin",
            "XDG_RUNTIME_DIR": f"{self.path}/run",
            "PYTHONPATH": ":".join(entry for entry in sys.path if entry.endswith("/src")),
        }
        argv = [*before, sys.executable, "-m", *program, *words]
        return subprocess.run(
            argv, env=env, input=stdin, text=True, capture_output=True, timeout=SECONDS, check=False, errors="replace"
        )

    def opened(self, login: tuple[str, ...]) -> dict[str, list[tuple[str, ...]]]:
        """Return every path below the home that a verb looks at, there or not, with the verbs that do."""
        strace = (programs.require("strace"), "-f", "-qq", "--seccomp-bpf", "-e", "trace=file", "-o", str(self._trace))
        found: dict[Path, list[tuple[str, ...]]] = {}
        for words in (*VERBS, login):
            self.run(*words, stdin="secret", before=strace)
            seen = {match["path"] for match in OPENED.finditer(self._trace.read_text(errors="replace"))}
            self.renew()
            for path in map(Path, seen):
                if path.is_relative_to(self.path) and ".shorepass" not in path.name and not path.is_dir():
                    found.setdefault(path, []).append(words)
        folders = {parent for path in found for parent in path.parents}
        return {str(path.relative_to(self.path)): verbs for path, verbs in found.items() if path not in folders}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all faults."""
    return Home(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def opened(home: Home, registry: str) -> dict[str, list[tuple[str, ...]]]:
    """Every path below the home that a verb looks at, with the verbs that do: the same ones for all faults."""
    return home.opened(("login", "--store", "file", "-u", "alice", "--password-stdin", "--tls-verify=false", registry))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_an_error_at_once(home: Home, opened: dict[str, list[tuple[str, ...]]], kind: str) -> None:
    """At every path in turn: each verb ends by itself, says what is wrong without a traceback, and the file is as it was.

    All verbs open a path in the same way, so each is tried with every other kind, and each kind with every other verb.
    """
    assert {".docker/config.json", "run/containers/auth.json", ".local/share/shorepass/vault.age"} <= opened.keys()
    for path, verbs in opened.items():
        for words in verbs[list(KINDS).index(kind) % 2 :: 2] or verbs:
            odd = home.path / path
            odd.parent.mkdir(parents=True, exist_ok=True)
            odd.unlink(missing_ok=True)
            KINDS[kind](odd)
            before = odd.lstat()
            done = home.run(*words, stdin="secret")
            assert "Traceback" not in done.stderr, (path, words, done.stderr)
            assert done.returncode in range(7), (path, words, done.stderr)
            assert len(done.stdout) + len(done.stderr) < 100_000
            own = "/shorepass/" in path  # a logout removes old copies of the vault
            assert own or os.path.samestat(odd.lstat(), before), (path, words)
            home.renew()
