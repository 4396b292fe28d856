"""A word that is not known: the hint is the command with the nearest known word, and shows no password."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunShorepass

# What is typed, the exit code, and the command in the hint.
NEAREST = {
    "lst": (2, "list"),
    "logn ghcr.io": (2, "login ghcr.io"),
    "list --jsn": (2, "list --json"),
    "who --al --jsn": (2, "who --all --json"),
    "explain --pussh --offline ghcr.io/acme/app": (2, "explain --push --offline ghcr.io/acme/app"),
    "list --client dockr --json": (2, "list --client docker --json"),
    "list --client=podmn": (2, "list --client=podman"),
    "explain dockr --client dockr": (2, "explain dockr --client docker"),
    "list --in dokcer:web --json": (2, "list --in docker:web --json"),
    "who --in=usr:bob": (2, "who --in=user:bob"),
    "stores use valut": (2, "stores use vault"),
    "stores use helpr:pass": (2, "stores use helper:pass"),
    "migrate --to vualt": (2, "migrate --to vault"),
    "doctor --explain SP3O5": (2, "doctor --explain SP305"),
    "doctor --explain sp3o5": (2, "doctor --explain SP305"),
    "vault int --passphrase": (2, "vault init --passphrase"),
    "login --client dockr ghcr.io": (125, "login --client docker ghcr.io"),
    "login --usrname": (125, "login --username"),
    "logout --clent docker ghcr.io": (125, "logout --client docker ghcr.io"),
    "-q list": (2, "list -q"),
    "--json who": (2, "who --json"),
    "--in me list --json": (2, "list --in me --json"),
    "--config x login ghcr.io": (125, "login --config x ghcr.io"),
    "--frob list": (2, "list --help"),
    "run --as work --clint podman -- podman login -p hunter2": (125, "run --client"),
}


@pytest.mark.parametrize("line", NEAREST)
def test_the_nearest_word(run_shorepass: RunShorepass, line: str) -> None:
    """One hint, with the whole command, and the exit code of a wrong command line."""
    status, corrected = NEAREST[line]
    done = run_shorepass(*shlex.split(line))
    assert (done.status, done.stdout) == (status, "")
    assert done.stderr.splitlines()[1:] == [f"hint: shorepass {corrected}"]


@pytest.mark.parametrize(
    "line",
    [
        "login --usrname alice -p hunter2 ghcr.io",
        "login --username alice --pasword hunter2 ghcr.io",
        "login --username alice --stdin hunter2 ghcr.io",
        "login --client dockr -p hunter2 ghcr.io",
        "login --client dockr -phunter2 ghcr.io",
        "login --client dockr --password=hunter2 ghcr.io",
        "login --client dockr --pasword hunter2 ghcr.io",
        "login --in dokcer:web -u alice -p hunter2 ghcr.io",
        "--client docker -p hunter2 login ghcr.io",
        "--password=hunter2 login ghcr.io",
        "logn -u alice -p hunter2 ghcr.io",
        "explain --client dockr https://alice:hunter2@ghcr.io",
        "explain --ofline alice:hunter2@ghcr.io",
    ],
)
def test_a_password_is_not_repeated(run_shorepass: RunShorepass, line: str) -> None:
    """A command that may hold a password is not shown as a whole."""
    done = run_shorepass(*shlex.split(line))
    assert done.status in (1, 2, 125)
    assert "hint: shorepass " in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "status", "hint"),
    [
        ("frob", 2, "shorepass --help"),
        ("list --frob", 2, "shorepass list --help"),
        ("--json", 2, "shorepass --help"),
        ("login --secret x ghcr.io", 125, "shorepass login --help"),
    ],
)
def test_nothing_is_near(run_shorepass: RunShorepass, line: str, status: int, hint: str) -> None:
    """Then the help is the next step."""
    done = run_shorepass(*shlex.split(line))
    assert (done.status, done.stderr.splitlines()[-1]) == (status, f"hint: {hint}")
