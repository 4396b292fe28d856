"""docker-credential-shorepass on the wire, beside the helpers of docker's own that it must be like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from faults.canary import CORE, HELPERS, leaks, write_program

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

OURS = [sys.executable, "-m", "shorepass.docker_credential"]
KEY = "https://registry.example/v1/"
LOGIN = json.dumps({"ServerURL": KEY, "Username": "alice", "Secret": "wonder<land> & \u2028é"})


def call(argv: list[str], *words: str, stdin: str | bytes = "") -> tuple[int, str]:
    """Run a helper as docker does; return its exit status and what stands on standard output."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([*argv, *words], input=data, capture_output=True, env=os.environ, timeout=60, check=False)
    assert done.stderr in (b"", b"docker-credential-shorepass: " + done.stdout)  # which may be told once more
    return done.returncode, done.stdout.decode()


@pytest.fixture
def ours(run_shorepass: RunShorepass) -> list[str]:
    """Our helper, with a new vault behind it."""
    assert run_shorepass("vault", "init").status == 0
    return OURS


@pytest.fixture
def theirs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """docker-credential-pass, with a new password store behind it."""
    folder = home / ".gnupg"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
    env = {"HOME": str(home)}
    key = "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\nSubkey-Curve: cv25519\n"
    done = programs.run(
        [programs.require("gpg"), "--batch", "--gen-key"],
        env=env,
        stdin=f"{key}Name-Email: pass@example.org\n%commit\n",
    )
    assert done.returncode == 0, done.stderr
    done = programs.run([programs.require("pass"), "init", "pass@example.org"], env=env)
    assert done.returncode == 0, done.stderr
    yield [programs.require("docker-credential-pass")]
    programs.run([programs.require("gpgconf"), "--kill", "gpg-agent"], env=env)


@pytest.mark.parametrize(
    "stdin", ["", "{", "[]", '"text"', '{"ServerURL": 1}', '{"ServerURL": "x", "Username": ["a"]}']
)
def test_refuses_what_is_no_login(ours: list[str], theirs: list[str], stdin: str) -> None:
    """Both fail where standard input is not what it must be (each in words of its own), and keep nothing."""
    for helper in (theirs, ours):
        status, said = call(helper, "store", stdin=stdin)
        assert (status, said.count("\n")) == (1, 1)
        assert call(helper, "list") == (0, "{}\n")


@pytest.mark.parametrize("words", [(), ("get", "more"), ("version", "more")])
def test_says_how_it_is_used(ours: list[str], theirs: list[str], words: tuple[str, ...]) -> None:
    """Another number of words than one: usage on standard output, exit status 1."""
    status, said = call(theirs, *words)
    assert call(ours, *words) == (status, said.replace(theirs[0], "docker-credential-shorepass"))


@pytest.mark.parametrize("word", ["version", "--version", "-v"])
def test_says_its_version(word: str) -> None:
    """NAME (PACKAGE) VERSION, as docker's helpers since 0.7 do; no store is needed for it."""
    from shorepass import __version__

    assert call(OURS, word) == (0, f"docker-credential-shorepass (shorepass) {__version__}\n")


@pytest.mark.parametrize("word", ["bogus", "GET", "", "--verbose"])
def test_refuses_what_is_no_verb(word: str) -> None:
    """A verb that it does not know: exit status 1, and its name on standard output."""
    assert call(OURS, word) == (1, f"docker-credential-shorepass: unknown action: {word}\n")


@pytest.mark.parametrize("verb", ["get", "erase", "list", "store"])
def test_without_a_vault(verb: str) -> None:
    """No vault is no empty vault: every verb fails and says which command makes one."""
    status, said = call(OURS, verb, stdin=LOGIN if verb == "store" else KEY)
    assert status == 1
    assert "shorepass vault init" in said
    assert "not found" not in said


def test_takes_more_than_64_kib(ours: list[str]) -> None:
    """Docker's own helpers fail at 64 KiB; here a login may have megabytes, and more than four of them is an error."""
    login = {"ServerURL": KEY, "Username": "alice", "Secret": "x" * 1024 * 1024}
    assert call(ours, "store", stdin=json.dumps(login)) == (0, "")
    assert json.loads(call(ours, "get", stdin=KEY)[1]) == login
    login["Secret"] *= 5
    status, said = call(ours, "store", stdin=json.dumps(login))
    assert (status, said) == (1, "standard input holds more than 4194304 bytes\n")


def test_the_store_is_a_setting(ours: list[str], home: Path) -> None:
    """``store`` in config.toml names another store; what it cannot be is an error that says what it can."""
    file = home / ".config/shorepass/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('store = "file"\n')
    assert call(ours, "store", stdin=LOGIN) == (0, "")
    assert KEY in json.loads((home / ".docker/config.json").read_text())["auths"]
    for text, reason in (
        ('store = "nowhere"', "no store is called 'nowhere'"),
        ("store = 1", '"store" is not a string'),
        ("store", "not TOML"),
        ('store = "helper:shorepass"', "cannot be its own store"),
        ('store = "helper:none"', "docker-credential-none get: no executable file"),
    ):
        file.write_text(text)
        status, said = call(ours, "get", stdin=KEY)
        assert (status, reason in said) == (1, True), said


BROKEN: dict[str, Callable[[str], str]] = {
    "cut": lambda secret: f'{{"ServerURL": "{KEY}", "Username": "alice", "Secret": "{secret}',
    "a list": lambda secret: f'{{"ServerURL": "{KEY}", "Username": "alice", "Secret": ["{secret}"]}}',
    "no user": lambda secret: f'{{"ServerURL": "{KEY}", "Secret": "{secret}"}}',
    "no URL": lambda secret: f'{{"Username": "alice", "Secret": "{secret}"}}',
    "a text": lambda secret: f'"{secret}"',
    "nothing else": lambda secret: secret,
    "a token of nothing": lambda secret: f'{{"ServerURL": "{KEY}{secret}", "Username": "<token>", "Secret": ""}}',
    "good": lambda secret: json.dumps({"ServerURL": KEY, "Username": "alice", "Secret": secret}),
}
STATES = ("no vault", "no key", "damaged", "unwritable", "another store", "a helper that repeats it")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("given", BROKEN)
def test_no_failure_repeats_a_secret(
    run_shorepass: RunShorepass, home: Path, world: Path, monkeypatch: pytest.MonkeyPatch, state: str, given: str
) -> None:
    """Whatever is given to ``store``, and whatever is the matter with the store: no piece of the secret is printed."""
    folder = home / ".local/share/shorepass"
    if state != "no vault":
        run_shorepass("vault", "init")
    if state == "no key":
        (home / ".local/state/shorepass/machine.key").unlink()
    elif state == "damaged":
        (folder / "vault.age").write_bytes(b"age-encryption.org/v1\n")
    elif state == "unwritable":
        (folder / "vault.age").unlink()
        (folder / "vault.age").mkdir()
    elif state in STATES[-2:]:
        (home / ".config/shorepass").mkdir(parents=True)
        (home / ".config/shorepass/config.toml").write_text(
            f'store = "{"file" if "another" in state else "helper:odd"}"'
        )
        write_program(world / "bin/docker-credential-odd", HELPERS["echoes to stdout, fails"])
        monkeypatch.setenv("PATH", f"{world / 'bin'}:/usr/bin:/bin")
    done = subprocess.run(
        [*OURS, "store"], input=BROKEN[given](CORE).encode(), capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr
    assert leaks(done.stdout + done.stderr) == set()


def test_what_docker_keeps_to_itself_is_told(ours: list[str], home: Path) -> None:
    """A vault that does not open is told on standard error, too, where docker passes it on."""
    (home / ".local/state/shorepass/machine.key").unlink()
    for verb in ("get", "erase", "list"):
        done = subprocess.run([*ours, verb], input=KEY.encode(), capture_output=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr == b"docker-credential-shorepass: " + done.stdout
        assert b"no key for" in done.stderr


def test_nothing_to_read(ours: list[str]) -> None:
    """A standard input that is closed names no registry, and keeps nothing."""
    for verb in ("get", "erase", "store"):
        argv = [programs.require("sh"), "-c", f'"$@" {verb} <&-', "sh", *ours]
        done = subprocess.run(argv, capture_output=True, env=os.environ, timeout=60, check=False)
        assert (done.returncode, done.stdout.count(b"\n")) == (1, 1)
        assert b"Traceback" not in done.stderr
