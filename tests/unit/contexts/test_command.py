"""One place builds the commands that hints show: for the right context, client and files, with sudo where it takes that."""

from __future__ import annotations

import ast
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shorepass
from dict_context import DictContext
from shorepass.cli import VERBS
from shorepass.contexts.command import by_hand, command
from shorepass.contexts.local import LocalContext
from shorepass.helper.login_command import log_in

SOURCES = Path(shorepass.__file__).parent
COMMAND = re.compile(rf"\bshorepass (?:{'|'.join(VERBS)})\b")


def texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the texts of a module, without those that are documentation."""
    quiet: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            quiet.add(node.value)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("EXAMPLES", "NOTES", "PARAGRAPH"):
            quiet.update(ast.walk(node))
        if isinstance(node, ast.keyword) and node.arg == "help":
            quiet.update(ast.walk(node))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in quiet)


def test_no_other_place_spells_a_command_of_ours() -> None:
    """A command in a text of its own knows neither the context nor the client it is shown for."""
    found = [
        f"{path.relative_to(SOURCES)}:{node.lineno}: {node.value}"
        for path in sorted(SOURCES.rglob("*.py"))
        if path.name != "command.py" and "testing" not in path.parts
        for node in texts(ast.parse(path.read_text()))
        if isinstance(node.value, str) and COMMAND.search(node.value)
    ]
    assert found == []


def test_a_command_names_the_context_and_the_client() -> None:
    """Quoted, so that it can be pasted."""
    assert command(LocalContext.current(), "login", "ghcr.io") == "shorepass login ghcr.io"
    there = DictContext("docker:we b", {}, uid=0, home="/root")
    said = command(there, "login", "ghcr.io", client="podman")
    assert shlex.split(said) == ["shorepass", "login", "--in", "docker:we b", "--client", "podman", "ghcr.io"]


def test_a_command_names_the_files_that_were_named_to_this_one() -> None:
    """What the environment says itself needs no flag."""
    here = LocalContext.current().with_env(DOCKER_CONFIG="/srv/my ci")
    assert command(here, "login", "ghcr.io") == "shorepass login --config '/srv/my ci' ghcr.io"
    here = LocalContext.current().with_env(REGISTRY_AUTH_FILE="/srv/auth.json")
    said = command(here, "logout", "quay.io", client="podman")
    assert said == "shorepass logout --client podman --authfile /srv/auth.json quay.io"


def test_a_command_for_root_names_a_program_that_sudo_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """secure_path has no folder of a home: the program that runs is named with its path."""
    program = tmp_path / "a b/shorepass"
    program.parent.mkdir()
    program.touch()
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command("user:bob", "doctor") == f"sudo '{program}' doctor --in user:bob"
    assert command("sudo", "doctor") == "shorepass doctor --in sudo"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command("user:bob", "doctor") == "shorepass doctor --in user:bob"
    monkeypatch.setenv("SUDO_UID", "1000")  # the person at the terminal is no root
    assert command(None, "doctor") == f"sudo '{program}' doctor"


def test_a_call_by_hand_is_of_the_verb_that_failed() -> None:
    """And where the helper has failed, as the user that it has failed for."""
    me, bob = LocalContext.current(), DictContext("user:bob", {}, uid=1001, home="/home/bob")
    assert by_hand(me, "/opt/h", "get", "ghcr.io") == "printf %s ghcr.io | /opt/h get"
    assert by_hand(me, "/opt/h", "list", "") == "/opt/h list"
    assert by_hand(bob, "/opt/h", "list", "") == "su - bob -c '/opt/h list'"
    assert by_hand(DictContext("sudo", {}, uid=0, home="/root"), "/opt/h", "list", "") == "sudo /opt/h list"


@pytest.mark.parametrize(("helper", "words"), [("gcloud", "gcloud auth login"), ("acr-linux", "az login")])
def test_no_login_is_offered_where_the_helper_stores_none(helper: str, words: str) -> None:
    """It is the program behind the helper that logs in."""
    said = log_in(LocalContext.current(), "reg.example", client="docker", helper=helper)
    assert words in said
    assert COMMAND.search(said) is None
    assert log_in(LocalContext.current(), "reg.example", helper="pass") == "shorepass login reg.example"
