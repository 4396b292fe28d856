"""docs/reference/json.md names every member that a verb prints with --json."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth

if TYPE_CHECKING:
    from conftest import RunShorepass

PAGE = (Path(__file__).parents[2] / "docs/reference/json.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
WORDS = {
    "list": (),
    "who": ("--in", "me"),
    "accounts": (),
    "logout": ("a.example",),
    "explain": ("--offline", "a.example/app"),
    "doctor": ("--in", "me", "--offline"),
    "accelerate": ("--list",),
    "stores": (),
    "agent": ("status",),
    "share": ("flags", "--registry", "a.example"),
    "grants": (),
    "revoke": ("--all",),
    "policy": ("check", "--registry", "a.example"),
    "migrate": (),
    "uninstall": (),
}


def members(value: object) -> Iterator[str]:
    """Yield the names of all members of an object, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


@pytest.mark.usefixtures("nothing_set", "our_helper")
@pytest.mark.parametrize("verb", WORDS)
def test_every_member_is_documented(verb: str, run_shorepass: RunShorepass) -> None:
    """Each member has its name in the verb's section, and each member of the outer object that is named is printed."""
    assert run_shorepass("vault", "init").status == 0
    folder = Path(os.environ["HOME"], ".docker")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {"a.example": auth("alice:secret")}}))
    done = run_shorepass(verb, *WORDS[verb], "--json")
    run_shorepass("agent", "stop")  # which a grant has started
    printed = json.loads(done.stdout)
    assert printed.pop("schema_version") == 1
    documented = {*re.findall("`([a-z_]+)`", SECTIONS[verb])}
    assert {*members(printed)} <= documented
    if verb == "agent":  # none runs here: what its objects have is in the schema
        documented -= {"path", "seconds", "helper", "program", "answers", "calls", "from_memory", "slowest_ms"}
    if verb == "share":  # only of a target that gets one
        documented -= {"document"}
    rows = [line.split("|")[1] for line in SECTIONS[verb].splitlines() if line.startswith("| `")]
    outer = {*re.findall("`([a-z_]+)`", " ".join(rows))} & documented
    assert outer - {"null", "true"} == {*printed}


def test_every_verb_with_json_has_a_section() -> None:
    """The verbs that are tested here are those that the page has."""
    assert {*SECTIONS} == {*WORDS}
