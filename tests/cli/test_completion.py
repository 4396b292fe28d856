"""The TAB key in the real bash, zsh and fish, and the candidates behind it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from argparse import SUPPRESS, Action
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from client_files import auth
from conftest import RunShorepass
from e2e.programs import SYSTEM_PATH, require, wait_until
from faults.test_hostile_engine import engine, http
from shorepass.cli import VERBS, parser_of
from shorepass.cli.candidates import SOURCES
from shorepass.cli.cursor import PATHS

SCRIPTS = Path(__file__).parents[2] / "src/shorepass/completions"
CONTAINERS = [{"Id": "a" * 64, "Names": ["/web"], "State": "running", "Labels": {}}]
SECONDS = 30  # for a shell on a loaded machine


@pytest.fixture
def configured(world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Logins, an account, a container, a helper that must not be asked, and a shorepass on PATH that notes its arguments."""
    docker = world / "home/.docker/config.json"
    docker.parent.mkdir()
    logins = {"localhost:5050": auth("alice:wonderland"), "quay.io/acme": auth("bob:builder")}
    helpers = {"registry.example": "pass"}
    docker.write_text(json.dumps({"auths": logins, "credHelpers": helpers}))
    (world / "home/.config/shorepass/config.toml").write_text('[[account]]\nname = "work"\nrepository = "ghcr.io"\n')
    program(world / "bin/docker-credential-pass", f"touch {world}/asked")
    program(world / "bin/acme-build")
    program(
        world / "bin/shorepass",
        'if [ "$*" = "completion --offer" ]; then',
        f"    exec {sys.executable} -m shorepass completion --offer",
        "fi",
        f"printf '%s\\n' \"$@\" > {world}/typed.new",
        f"exec /bin/mv {world}/typed.new {world}/typed",
    )
    with engine(world / "engine.sock", {"containers/json": http(json.dumps(CONTAINERS).encode())}) as context:
        monkeypatch.setenv("DOCKER_HOST", context.getenv("DOCKER_HOST") or "")
        yield world
    assert not (world / "asked").exists()


def program(path: Path, *lines: str) -> None:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


# What is typed up to the TAB key, and the arguments that the shell then gives to shorepass.
TYPED = {
    "logo": ["logout"],
    "get --cl": ["get", "--client"],
    "get --in sudo-l": ["get", "--in", "sudo-login"],
    "get --in=sudo-l": ["get", "--in=sudo-login"],
    "get --in docker:w": ["get", "--in", "docker:web"],
    "who --in=docker:w": ["who", "--in=docker:web"],
    "get --client sk": ["get", "--client", "skopeo"],
    "logout localhost:5": ["logout", "localhost:5050"],
    "logout qua": ["logout", "quay.io/acme"],
    "explain --push regis": ["explain", "--push", "registry.example"],
    "login --as wo": ["login", "--as", "work"],
    "login --as=wo": ["login", "--as=work"],
    "login --store helper:p": ["login", "--store", "helper:pass"],
    "stores use va": ["stores", "use", "vault"],
    "doctor --explain SP30": ["doctor", "--explain", "SP301"],
    "login --authfile {}/home/.docker/con": ["login", "--authfile", "{}/home/.docker/config.json"],
    "login --authfile={}/home/.docker/con": ["login", "--authfile={}/home/.docker/config.json"],
    "list --config {}/home/.do": ["list", "--config", "{}/home/.docker"],
    "run --as work -- acme-b": ["run", "--as", "work", "--", "acme-build"],
    "run --as work -- acme-build home/.docker/con": [
        "run",
        "--as",
        "work",
        "--",
        "acme-build",
        "home/.docker/config.json",
    ],
}

SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        ["bind '\"\\t\": menu-complete'", f"source {SCRIPTS}/shorepass.bash"],
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        [
            f"fpath=({SCRIPTS} $fpath)",
            "autoload -U compinit && compinit -u -D",
            "setopt menu_complete",
            "zstyle ':completion:*' insert-tab false",
        ],
    ),
}


@contextlib.contextmanager
def terminal(argv: Sequence[str], folder: Path) -> Iterator[Callable[[str], int]]:
    """Start a shell on a terminal; yield what types there."""
    ours, theirs = pty.openpty()
    with open(folder / "screen", "wb") as screen:
        shell = subprocess.Popen(
            [require(argv[0]), *argv[1:]],
            stdin=theirs,
            stdout=screen,
            stderr=theirs,
            cwd=folder,
            env={**os.environ, "TERM": "xterm", "PATH": f"{folder}/bin:{SYSTEM_PATH}"},
            start_new_session=True,
        )
        os.close(theirs)
        try:
            yield lambda line: os.write(ours, f"{line}\n".encode())
        finally:
            shell.kill()
            shell.wait()
            os.close(ours)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab(shell: str, configured: Path) -> None:
    """Each beginning of a command line becomes the whole line at a TAB."""
    argv, setup = SHELLS[shell]
    typed = configured / "typed"

    def arguments() -> list[str] | None:
        if not typed.exists():
            return None
        return [word.removesuffix("/") for word in typed.read_text().splitlines()]  # zsh leaves a folder's slash out

    with terminal(argv, configured) as write:
        for line in setup:
            write(line)
        for beginning, expected in TYPED.items():
            write(f"shorepass {beginning}\t".replace("{}", str(configured)))
            found = wait_until(arguments, beginning, seconds=SECONDS)
            assert found == [word.replace("{}", str(configured)) for word in expected]
            typed.unlink()


# What fish offers; it has no way to insert the first candidate.
LISTED = {
    "logo": {"logout"},
    "get --in s": {"sudo", "sudo-login", "ssh:"},
    "get --in=sudo-": {"--in=sudo-login"},
    "who --in docker:": {"docker:", "docker:web"},
    "get --client s": {"skopeo"},
    "logout l": {"localhost:5050"},
    "login --as w": {"work"},
    "login --store helper:p": {"helper:pass"},
    "doctor --explain SP60": {path.stem for path in (Path(__file__).parents[2] / "docs/findings").glob("SP60*.md")},
    "login --authfile=home/.docker/c": {"--authfile=home/.docker/config.json"},
    "login --config home/.d": {"home/.docker/"},
    "run --as work -- acme-": {"acme-build"},
}


def test_tab_in_fish(configured: Path) -> None:
    """Every candidate is in the list that fish shows."""
    for beginning, expected in LISTED.items():
        asked = f"source {SCRIPTS}/shorepass.fish; complete -C 'shorepass {beginning}'"
        done = subprocess.run(
            [require("fish"), "--no-config", "-c", asked],
            env={**os.environ, "PATH": f"{configured}/bin:{SYSTEM_PATH}"},
            cwd=configured,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        assert {line.partition("\t")[0] for line in done.stdout.splitlines()} == expected
        assert done.stderr == ""


def offered(run_shorepass: RunShorepass, *words: str) -> str:
    """Return what the completion files are given for these words; the last is the one at the cursor."""
    done = run_shorepass("completion", "--offer", stdin="\n".join((*words, "")))
    assert (done.status, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.usefixtures("nothing_set")
def test_accounts_of_the_vault_and_no_secret(run_shorepass: RunShorepass, our_helper: str, tmp_path: Path) -> None:
    """An account in a vault that opens by itself is offered; with a passphrase no one is asked, and none is."""
    assert run_shorepass("vault", "init").status == 0
    login = json.dumps({"ServerURL": "ghcr.io#home", "Username": "alice", "Secret": "wonderland"})
    subprocess.run([our_helper, "store"], input=login, text=True, check=True, timeout=SECONDS)
    assert offered(run_shorepass, "login", "--as", "") == "words\nhome\tan account\n"
    key = tmp_path / "key"
    keygen = [require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)]
    subprocess.run(keygen, check=True, timeout=SECONDS)
    (Path(os.environ["HOME"]) / ".local/state/shorepass/machine.key").unlink()
    assert offered(run_shorepass, "login", "--as", "") == "words\n"


def test_names_from_outside_are_clean(run_shorepass: RunShorepass, home: Path) -> None:
    """A key that a shell or a terminal would obey is not offered, and no password in one is shown."""
    (home / ".docker").mkdir()
    keys = ["\x1b]0;owned\x07.example", "$(touch owned).example", "-rf.example", "https://bob:builder@ok.example/v1/"]
    (home / ".docker/config.json").write_text(json.dumps({"auths": {key: auth("alice:wonderland") for key in keys}}))
    assert offered(run_shorepass, "logout", "") == "words\nok.example\ta login is stored\n"


@pytest.mark.parametrize("words", [("logout", ""), ("nonsense", ""), ("get", "--nonsense=x"), ("get", "a", "b", "")])
def test_trouble_is_silent(words: Sequence[str], run_shorepass: RunShorepass, home: Path) -> None:
    """A broken file, or a command line that is wrong already, offers nothing and prints no error."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text("{")
    assert offered(run_shorepass, *words) in ("", "words\n")


def test_an_engine_that_does_not_answer(run_shorepass: RunShorepass, world: Path) -> None:
    """The other contexts are offered, and soon."""
    with engine(world / "engine.sock", {"containers/json": None}) as context:
        started = time.monotonic()
        done = run_shorepass(
            *("completion", "--offer"),
            stdin="who\n--in\n\n",
            env={"DOCKER_HOST": context.getenv("DOCKER_HOST") or ""},
        )
    assert "sudo-login" in done.stdout
    assert time.monotonic() - started < 5


def test_standard_input_that_never_ends(world: Path) -> None:
    """A shell is not held up: after two seconds there is no answer, and no error."""
    os.mkfifo(world / "pipe")
    silent = os.open(world / "pipe", os.O_RDWR)
    done = subprocess.run(
        [sys.executable, "-m", "shorepass", "completion", "--offer"],
        stdin=silent,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    os.close(silent)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_verb_prints_the_files_that_are_installed(run_shorepass: RunShorepass) -> None:
    """One file per shell: what the wheel installs is what the verb prints."""
    for shell, name in (("bash", "shorepass.bash"), ("zsh", "_shorepass"), ("fish", "shorepass.fish")):
        assert run_shorepass("completion", shell).stdout == (SCRIPTS / name).read_text()


# Values that only the user knows.
FREE = {
    "also",
    "duration",
    "image",
    "max_uses",
    "namespace",
    "object_name",
    "services",
    "password",
    "project",
    "time",
    "timeout",
    "tls_verify",
    "trust_realm",
    "undo",
    "username",
    "command",
}


def values() -> Iterator[Action]:
    """Yield every flag and argument that has a value which is none of a fixed list."""
    for verb in VERBS:
        for action in parser_of(verb).actions():
            if action.nargs != 0 and action.choices is None and action.help != SUPPRESS:
                yield action


def test_every_value_is_thought_of() -> None:
    """Each flag and argument has candidates, is a path, or is free text; no name is left over from one that is gone."""
    named = {each.dest for each in values()}
    paths = {each.dest for each in values() if each.metavar in PATHS}
    assert named == {*SOURCES, *FREE, *paths}
