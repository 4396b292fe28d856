"""shorepass vault, on the command line and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

SHOREPASS = [sys.executable, "-m", "shorepass"]
HELPER = [sys.executable, "-m", "shorepass.docker_credential"]
LOGIN = {"ServerURL": "ghcr.io", "Username": "alice", "Secret": "wonderland"}
TYPED = "correct horse"


def on_a_terminal(
    argv: Sequence[str], typed: Sequence[str] = (), *, stdin: bytes | None = None
) -> tuple[int, str, str]:
    """Run a program that has a terminal; type each answer when it has asked for one.

    Return its exit status, what stood on the terminal, and its standard output. ``stdin``: a pipe instead of the terminal,
    for standard input and output, as docker gives a helper.
    """
    outer, inner = pty.openpty()
    own = subprocess.PIPE if stdin is not None else inner
    with subprocess.Popen(
        [*WITH_TERMINAL, os.ttyname(inner), *argv], stdin=own, stdout=own, stderr=inner, env=os.environ
    ) as process:
        if stdin is not None:
            assert process.stdin
            process.stdin.write(stdin)
            process.stdin.close()
        shown, left, deadline = b"", [*typed], time.monotonic() + 60
        os.close(inner)
        while time.monotonic() < deadline:
            if left and shown.rstrip().endswith((b":", b"]:")) and not shown.endswith(b"\n"):
                os.write(outer, left.pop(0).encode() + b"\n")
                shown += b"\n"
            if select.select([outer], [], [], 0.05)[0]:
                try:
                    chunk = os.read(outer, 65536)
                except OSError:  # nobody has the other end any more
                    break
                if not chunk:
                    break
                shown += chunk
        else:
            process.kill()  # the end of ``with`` would wait for it
            os.close(outer)
            pytest.fail(f"it did not end within a minute: {shown.decode()}", pytrace=False)
        out = process.stdout.read() if process.stdout else b""
        status = process.wait(30)
    os.close(outer)
    return status, shown.decode(), out.decode()


# A session of its own with a terminal of its own, wherever standard input and output go.
WITH_TERMINAL = [
    sys.executable,
    "-c",
    """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), termios.TIOCSCTTY, 0)
os.execv(sys.argv[2], sys.argv[2:])
""",
]


@pytest.fixture
def vault(run_shorepass: RunShorepass, home: Path) -> Path:
    """A vault with one login in it."""
    done = run_shorepass("vault", "init")
    assert done.status == 0, done.stderr
    subprocess.run([*HELPER, "store"], input=json.dumps(LOGIN).encode(), check=True, timeout=60)
    return home / ".local/share/shorepass/vault.age"


def test_init_says_what_it_protects_from_and_what_not(run_shorepass: RunShorepass, home: Path) -> None:
    """A machine key is made without a question, in the folder for what stays on a machine, and its limits are said."""
    done = run_shorepass("vault", "init")
    assert (done.status, done.stderr) == (0, "")
    assert "does not protect them from a user who can read your files" in done.stdout
    key = home / ".local/state/shorepass/machine.key"
    for path in (key, home / ".local/share/shorepass/vault.age"):
        assert str(path) in done.stdout
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    again = run_shorepass("vault", "init")
    assert (again.status, "hint: shorepass vault rekey" in again.stderr) == (2, True)


def test_a_passphrase_is_asked_for_on_the_terminal_only(home: Path) -> None:
    """Init and the helper ask on the terminal, though standard input is a pipe; without one they are locked, not empty."""
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "init", "--passphrase"], [TYPED, TYPED])
    assert status == 0, shown
    assert TYPED not in shown
    status, shown, out = on_a_terminal([*HELPER, "store"], [TYPED], stdin=json.dumps(LOGIN).encode())
    assert (status, out) == (0, ""), shown
    status, shown, out = on_a_terminal([*HELPER, "get"], [TYPED], stdin=b"ghcr.io")
    assert (status, json.loads(out)) == (0, LOGIN), shown
    assert "Passphrase of" in shown
    done = subprocess.run([*HELPER, "get"], input=b"ghcr.io", capture_output=True, start_new_session=True, check=False)
    assert done.returncode == 1
    assert b"no terminal to ask on" in done.stdout
    folder = home / ".local/share/shorepass"
    age = [programs.require("age"), "--decrypt", "-i", str(folder / "vault.key.age"), str(folder / "vault.age")]
    status, shown, _ = on_a_terminal(age, [TYPED])
    assert status == 0, shown
    assert '"ghcr.io": {"username": "alice", "password": "wonderland"}' in shown


def test_shows_what_there_is(run_shorepass: RunShorepass, vault: Path) -> None:
    """Without a word it says where the vault is, how many logins it holds and what opens it, and no secret."""
    done = run_shorepass("vault")
    assert (done.status, done.stderr) == (0, "")
    assert f"{vault}: 1 login" in done.stdout
    assert "machine.key" in done.stdout
    assert "wonderland" not in done.stdout


def test_export_goes_to_a_terminal_or_a_new_private_file(run_shorepass: RunShorepass, vault: Path, home: Path) -> None:
    """It never goes into a pipe, asks first, replaces no file, and what it writes is 0600 and docker's own format."""
    done = run_shorepass("vault", "export", "--yes")
    assert (done.status, "wonderland" in done.stdout) == (2, False)
    file = home / "out.json"
    done = run_shorepass("vault", "export", "-o", str(file))
    assert (done.status, file.exists()) == (2, False)
    done = run_shorepass("vault", "export", "--yes", "-o", str(file))
    assert done.status == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["auths"] == {"ghcr.io": {"username": "alice", "password": "wonderland"}}
    assert run_shorepass("vault", "export", "--yes", "-o", str(file)).status == 1
    assert vault.exists()
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "export"], ["y"])
    assert (status, "wonderland" in shown) == (0, True)
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "export"], ["n"])
    assert (status, "wonderland" in shown) == (2, False)


def test_rekey_to_an_ssh_key(run_shorepass: RunShorepass, vault: Path, home: Path, tmp_path: Path) -> None:
    """After rekey the SSH key opens the vault, for us and for age, and the machine key is gone."""
    key = tmp_path / "id_ed25519"
    done = programs.run([programs.require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    assert done.returncode == 0
    done = run_shorepass("vault", "rekey", "--ssh-key", str(key))
    assert done.status == 0, done.stderr
    assert not (home / ".local/state/shorepass/machine.key").exists()
    done = programs.run([programs.require("age"), "--decrypt", "-i", str(vault.parent / "vault.key"), str(vault)])
    assert "wonderland" in done.stdout
    got = subprocess.run([*HELPER, "get"], input=b"ghcr.io", capture_output=True, check=True, timeout=60)
    assert json.loads(got.stdout) == LOGIN


@pytest.mark.parametrize(
    "words",
    [
        *(("bogus",), ("init", "-o", "x"), ("init", "--ssh-key", "/none"), ("init", "--also", "x")),
        ("init", "--machine-key", "--passphrase"),
    ],
)
def test_what_it_does_not_take(run_shorepass: RunShorepass, home: Path, words: tuple[str, ...]) -> None:
    """A wrong command line is exit code 2, and makes nothing."""
    done = run_shorepass("vault", *words)
    assert done.status == 2
    assert "Traceback" not in done.stderr
    assert list(home.iterdir()) == []


def test_a_key_is_called_by_its_own_name(run_shorepass: RunShorepass, vault: Path, tmp_path: Path) -> None:
    """Not by that of the link to it: where its passphrase is asked for, where it opens the vault, and where it is gone."""
    key = tmp_path / "id_rsa"
    argv = [programs.require("ssh-keygen"), "-q", "-t", "rsa", "-m", "PEM", "-N", TYPED, "-f", str(key)]
    assert programs.run(argv).returncode == 0
    done = run_shorepass("vault", "rekey", "--ssh-key", f"{key}.pub")
    assert (done.status, f"hint: name the private key: {key}\n" in done.stderr) == (2, True)
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "rekey", "--ssh-key", str(key)], [TYPED])
    assert status == 0, shown
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault"], [TYPED])
    assert (status, f"Passphrase of {key}: " in shown, f"opens with: {key}" in shown) == (0, True, True)
    status, shown, _ = on_a_terminal([programs.require("age"), "--decrypt", "-i", str(key), str(vault)], [TYPED])
    assert (status, "wonderland" in shown) == (0, True), "age finds the public half only beside the key itself"
    key.unlink()
    assert f"{key}, " in run_shorepass("vault").stderr


# A vault that a passphrase opens, from the command line


@pytest.fixture
def typed_vault(home: Path, our_helper: str) -> Path:
    """A vault that a passphrase opens, with one login in it, for which docker's file names our helper."""
    assert our_helper
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "init", "--passphrase"], [TYPED, TYPED])
    assert status == 0, shown
    status, shown, _ = on_a_terminal([*HELPER, "store"], [TYPED], stdin=json.dumps(LOGIN).encode())
    assert status == 0, shown
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credHelpers": {"ghcr.io": "shorepass"}}')
    return home / ".local/share/shorepass/vault.age"


def test_each_verb_asks_for_the_passphrase(typed_vault: Path) -> None:
    """On a terminal get, list and logout ask for it, as docker does by our helper; without one they say why not."""
    status, shown, _ = on_a_terminal([*SHOREPASS, "get", "ghcr.io"], [TYPED])
    assert (status, "wonderland" in shown) == (0, True), shown
    status, shown, _ = on_a_terminal([*SHOREPASS, "list", "--client", "docker"], [TYPED])
    assert (status, "alice" in shown) == (0, True), shown
    status, shown, _ = on_a_terminal([*SHOREPASS, "get", "ghcr.io"], ["something else"] * 4)
    assert (status, "wrong passphrase" in shown) == (3, True), shown
    status, shown, _ = on_a_terminal([*SHOREPASS, "logout", "ghcr.io"], [TYPED] * 4)
    assert (status, "erased ghcr.io" in shown) == (0, True), shown
    done = subprocess.run(
        [*SHOREPASS, "get", "ghcr.io"], capture_output=True, start_new_session=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert b"no terminal to ask on\nhint: run it in a terminal" in done.stderr
    assert typed_vault.exists()


def test_a_slip_of_the_passphrase(typed_vault: Path) -> None:
    """It is asked for once, and what the vault was before does not stand in for it."""
    for name in ("a.example", "b.example"):
        login = json.dumps({**LOGIN, "ServerURL": name}).encode()
        assert on_a_terminal([*HELPER, "store"], [TYPED], stdin=login)[0] == 0
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault"], ["a slip", TYPED])
    assert (status, shown.count("Passphrase of"), "stands in" in shown) == (3, 1, False), shown
    assert typed_vault.exists()


@pytest.mark.parametrize("argv", [("vault",), ("login", "-u", "alice", "localhost:1")])
def test_ctrl_d_where_something_is_asked_for(typed_vault: Path, argv: tuple[str, ...]) -> None:
    """It means that nothing is typed: an error that says so, and nothing is changed."""
    before = typed_vault.read_bytes()
    status, shown, _ = on_a_terminal([*SHOREPASS, *argv], ["\x04"])
    assert status == (1 if "login" in argv else 3)
    assert shown.strip().endswith("shorepass: password is empty" if "login" in argv else "no passphrase was given"), (
        shown
    )
    assert typed_vault.read_bytes() == before


def test_ctrl_c_where_a_passphrase_is_asked_for(typed_vault: Path) -> None:
    """It ends the verb, and what is typed afterwards can be seen again."""
    assert typed_vault.exists()
    script = 'trap : INT; "$@"; echo "status $?"; ' + programs.require("stty") + " -a"
    argv = [programs.require("sh"), "-c", script, "sh", *SHOREPASS, "get", "ghcr.io"]
    status, shown, _ = on_a_terminal(argv, ["\x03"])
    assert (status, "status 130" in shown) == (0, True), shown
    assert " echo " in shown


# Where nothing opens it any more


def lose_the_key(vault: Path, key: Path) -> None:
    """The key is gone."""
    assert vault.exists()
    key.unlink()


def take_another_key(vault: Path, key: Path) -> None:
    """The key is that of another vault."""
    assert vault.exists()
    key.write_text(programs.run([programs.require("age-keygen")]).stdout)


def damage_all(vault: Path, key: Path) -> None:
    """The file and all that it was before are damaged."""
    assert key.exists()
    for file in vault.parent.glob("vault.age*"):
        file.write_bytes(b"age-encryption.org/v1\n")


@pytest.mark.parametrize("mishap", [lose_the_key, take_another_key, damage_all], ids=lambda function: function.__name__)
def test_the_hints_lead_to_another_vault(
    run_shorepass: RunShorepass, vault: Path, home: Path, mishap: Callable[[Path, Path], None]
) -> None:
    """Whoever types what the hints say, one after the other, has a vault again; nothing is lost on the way."""
    mishap(vault, home / ".local/state/shorepass/machine.key")
    done = run_shorepass("vault")
    assert done.status == 3
    for _ in range(3):
        command = next(part for part in done.stderr.replace(",", ":").split(": ") if part.startswith(("mv ", "rm ")))
        assert programs.run(["/bin/sh", "-c", command]).returncode == 0
        done = run_shorepass("vault", "init")
        if done.status == 0:
            break
    assert "created" in done.stdout
    assert (home / ".local/share/shorepass.old/vault.age").exists()


def test_init_without_a_home(run_shorepass: RunShorepass, tmp_path: Path) -> None:
    """Where the home is not there it says so, and makes nothing."""
    done = run_shorepass("vault", "init", env={"HOME": str(tmp_path / "none")})
    assert (done.status, f"there is no home folder {tmp_path / 'none'}\nhint: set HOME" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
