"""Bounds of the challenge parser; what it reads is in ``tests/vectors/challenges.json``."""

from __future__ import annotations

import time

import pytest

from shorepass.registry.challenge import CHALLENGE_LIMIT, LINE_LIMIT, PARAMETER_LIMIT, choose, parse_challenges


def test_challenges_are_bounded() -> None:
    """Of a line with thousands of challenges only the first few are looked at."""
    assert len(parse_challenges(["Basic, " * 2000])) == CHALLENGE_LIMIT
    assert len(parse_challenges(["Basic"] * 2000)) == CHALLENGE_LIMIT


def test_parameters_are_bounded() -> None:
    """A challenge with hundreds of parameters cannot be used."""
    line = "Bearer realm=x," + ",".join(f"p{i}=1" for i in range(300))
    (challenge,) = parse_challenges([line])
    assert challenge.problem == f"more than {PARAMETER_LIMIT} parameters"


def test_length_is_bounded() -> None:
    """Lines longer than the limit, alone or together, are not read."""
    long = 'Bearer realm="' + "x" * LINE_LIMIT + '"'
    assert choose(parse_challenges([long])) is None
    half = f'Bearer realm="{"x" * (LINE_LIMIT // 2)}"'
    assert [bool(c.problem) for c in parse_challenges([half, half])] == [False, True]


@pytest.mark.parametrize(
    "text", ["=" * LINE_LIMIT, "," * LINE_LIMIT, "a " * (LINE_LIMIT // 2), 'a="' * (LINE_LIMIT // 3)]
)
def test_time_is_bounded(text: str) -> None:
    """No text of the greatest length takes more than a moment: nothing is read again and again."""
    begin = time.monotonic()
    parse_challenges([text])
    assert time.monotonic() - begin < 30  # what reads again and again needs minutes


def test_absent_and_empty_parameters_are_alike() -> None:
    """``get`` returns the empty string for both, as registries use both for "none"."""
    (challenge,) = parse_challenges(['Bearer realm="r",scope=""'])
    assert (challenge.get("scope"), challenge.get("service")) == ("", "")
