"""Flags that are for some actions of a verb, and values of flags that no command can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunShorepass

REFUSED = {
    "vault --passphrase": "--passphrase is only for init and rekey",
    "vault export --also age1x": "--also is only for init and rekey",
    "vault init --output x.json": "--output is only for export",
    "vault rekey --yes": "--yes is only for trust and export",
    "agent stop --follow": "--follow is only for log",
    "agent status --foreground": "--foreground is only for start",
    "agent start --systemd": "--systemd is only for enable",
    "stores use vault --json": "--json is only for the verb without an action",
    "accounts use work ghcr.io --json": "--json is only for the verb without an action",
    "grants deny 1a2b3c4d --json": "--json is only for the verb without an action",
    "explain --timeout x nginx": "argument --timeout: 'x' is not a number of seconds",
    "explain --timeout -1 nginx": "argument --timeout: '-1' is not a number of seconds",
    "explain --timeout 0 nginx": "argument --timeout: '0' is not a number of seconds",
    "who --timeout nan": "argument --timeout: 'nan' is not a number of seconds",
    "doctor --timeout inf": "argument --timeout: 'inf' is not a number of seconds",
    "unlock --time x": "--time: 'x' is not a time",
}


@pytest.mark.parametrize("line", REFUSED)
def test_refused(run_shorepass: RunShorepass, line: str) -> None:
    """The command does nothing, and the error names the flag and what it is for."""
    done = run_shorepass(*line.split())
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"shorepass: {REFUSED[line]}"


@pytest.mark.parametrize(
    ("words", "login"),
    [
        ("ghcr.io", "-u NAME --password-stdin ghcr.io"),
        ("-u alice ghcr.io", "-u alice --password-stdin ghcr.io"),
        ("--client podman -u alice ghcr.io", "--client podman -u alice --password-stdin ghcr.io"),
        ("", "-u NAME --password-stdin"),
    ],
)
def test_a_login_without_a_terminal(run_shorepass: RunShorepass, words: str, login: str) -> None:
    """The hint is the command that asks nothing, for the registry that was named."""
    done = run_shorepass("login", *words.split())
    assert (done.stdout, done.status != 0) == ("", True)
    assert done.stderr.splitlines()[-1] == f"""hint: printf %s "$TOKEN" | shorepass login {login}"""
