"""The runner of ``challenges.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shorepass.registry.challenge import choose, parse_challenges

CASES = json.loads(Path(__file__).with_name("challenges.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_challenge(case: dict[str, Any]) -> None:
    """Each set of header lines is read as the vector says, and the challenge it names is the one to answer."""
    parsed = parse_challenges(case["lines"])
    assert [
        {"scheme": c.scheme, "params": dict(c.params), "token68": c.token68, "problem": bool(c.problem)} for c in parsed
    ] == [{"token68": "", "problem": False, **expected} for expected in case["challenges"]]
    assert choose(parsed) == (None if case["answer"] is None else parsed[case["answer"]])


@pytest.mark.parametrize("case", [c for c in CASES if len(c["lines"]) > 1], ids=lambda case: case["name"])
def test_joined_lines(case: dict[str, Any]) -> None:
    """Lines that a library joined with a comma mean the same, as long as none of them is broken."""
    if any(expected.get("problem") for expected in case["challenges"]):
        assert choose(parse_challenges([", ".join(case["lines"])])) is None
    else:
        assert parse_challenges([", ".join(case["lines"])]) == parse_challenges(case["lines"])
