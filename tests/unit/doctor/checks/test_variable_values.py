"""Variables with a value in another form than the one that docker reads."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth, lay_out
from shorepass.config.docker_config import load_variable
from shorepass.doctor.checks.variable_values import logins_meant, path_meant

if TYPE_CHECKING:
    from conftest import RunShorepass

AUTHS = {"quay.io": auth("alice:wonderland")}
TEXT = json.dumps({"auths": AUTHS})
NAME = "DOCKER_AUTH_CONFIG"
SECRET = AUTHS["quay.io"]["auth"]


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (base64.encodebytes(TEXT.encode()).decode(), "in base64"),
        (f"'{TEXT}'", "quotation marks around"),
        (f'"{TEXT}"', "quotation marks around"),
        (TEXT.replace('"', '\\"'), "a backslash before each"),
        (json.dumps(TEXT), "a backslash before each"),
        (json.dumps(AUTHS), 'without "auths" around'),
    ],
)
def test_the_line_for_a_shell_gives_the_logins(tmp_path: Path, value: str, cause: str) -> None:
    """The hint of each form makes a value that docker reads, with the same logins."""
    meant = logins_meant(lay_out(tmp_path, {}), NAME, value)
    assert meant is not None
    assert cause in meant.cause
    assert SECRET not in meant.advice
    line = f'{meant.advice}\nprintf %s "${NAME}"'
    done = subprocess.run(
        ["sh", "-c", line], env={"PATH": "/usr/bin:/bin", NAME: value}, capture_output=True, check=True
    )
    assert load_variable(done.stdout.decode()) == meant.auths == load_variable(TEXT)


@pytest.mark.parametrize("value", ["{auths:{quay.io:{auth:abcd}}}", TEXT[:-1], "", "$CONFIG", "null"])
def test_a_value_that_has_no_login(tmp_path: Path, value: str) -> None:
    """Nothing is guessed for a value that no form explains."""
    assert logins_meant(lay_out(tmp_path, {}), NAME, value) is None


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("/no/where\n", "export DOCKER_CONFIG=/no/where"),
        ("'/no/where'", "export DOCKER_CONFIG=/no/where"),
        ("~/.docker", 'export DOCKER_CONFIG="$HOME/.docker"'),
        ("${HOME}/.docker", 'export DOCKER_CONFIG="${HOME}/.docker"'),
        ("$UNKNOWN/.docker", "unset DOCKER_CONFIG"),
        ("~/$(id)/`id`", "unset DOCKER_CONFIG"),
        ('"a"; id; "', "unset DOCKER_CONFIG"),
        ("~/'; id; '", "unset DOCKER_CONFIG"),
    ],
)
def test_a_path_in_another_form(tmp_path: Path, value: str, advice: str) -> None:
    """The hint sets the path that was meant, and has nothing that a shell would run."""
    meant = path_meant(lay_out(tmp_path, {}), "DOCKER_CONFIG", value)
    assert meant is not None
    assert meant.advice == advice


@pytest.mark.parametrize("value", [TEXT, base64.b64encode(TEXT.encode()).decode(), TEXT.replace('"', "")])
@pytest.mark.parametrize("words", [("doctor",), ("explain", "--offline", "quay.io/acme/app"), ("who",)])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_path_that_is_a_text_with_logins(
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    words: tuple[str, ...],
    flags: tuple[str, ...],
) -> None:
    """No verb prints the secret of a text that was set in place of a path."""
    monkeypatch.setenv("DOCKER_CONFIG", value)
    done = run_shorepass(*words, *flags)
    assert SECRET not in done.stdout + done.stderr
    assert value not in done.stdout + done.stderr
