"""Clocks that differ: what a date, and a token's own times, tell about them."""

from __future__ import annotations

import base64
import json
from email.utils import formatdate

import pytest

from shorepass.http import Response, parse_url
from shorepass.registry.clock import claims, here, token_times

NOW = 1_800_000_000.0
REGISTRY = "reg.example"


def answer(*headers: tuple[str, str]) -> Response:
    return Response(401, headers, b"", parse_url("https://reg.example/v2/"))


def dated(seconds: float) -> Response:
    return answer(("Date", formatdate(NOW + seconds, usegmt=True)))


def token(**times: object) -> str:
    said = base64.urlsafe_b64encode(json.dumps(times).encode()).decode().rstrip("=")
    return f"e30.{said}.c2ln"


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (0, None),
        (59, None),
        (-59, None),
        (-7200, "2 hours ahead of"),
        (7200, "2 hours behind"),
        (300, "5 minutes behind"),
    ],
)
def test_this_machine(there: float, words: str | None) -> None:
    """A minute is as good as nothing; else this machine is ahead of the registry, or behind."""
    found = here(REGISTRY, dated(there), NOW)
    assert (found is None) if words is None else (found is not None and words in found.reason)


@pytest.mark.parametrize(
    "headers",
    [(), (("Date", "yesterday"),), (("Date", ""),), (("Date", formatdate(NOW - 7200)), ("Age", "7200"))],
    ids=["none", "no date", "empty", "from a cache"],
)
def test_no_date(headers: tuple[tuple[str, str], ...]) -> None:
    """Without a date, or with that of an answer that was kept, nothing is known."""
    assert here(REGISTRY, answer(*headers), NOW) is None


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"iat": NOW, "nbf": NOW - 10, "exp": NOW + 300}, None),
        ({"iat": NOW + 7200, "nbf": NOW + 7190, "exp": NOW + 7500}, "2 hours ahead of"),
        ({"nbf": NOW + 7200}, "2 hours ahead of"),
        ({"iat": NOW - 7200, "exp": NOW - 6900}, "2 hours behind"),
        ({"exp": NOW - 7200}, "2 hours behind"),
        ({"iat": "now", "nbf": True, "exp": None}, None),
        ({"exp": -1}, None),
        ({"exp": 1e300}, None),
    ],
)
def test_a_token_of_another_time(times: dict[str, object], words: str | None) -> None:
    """The registry judges a token by its own clock, whatever this machine's says."""
    found = token_times(REGISTRY, token(**times), dated(0), NOW - 86400)
    assert (found is None) if words is None else (found is not None and words in found.reason)


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.!.c", "a.bnVsbA.c", "a.W10.c", f"a.{'x' * 70000}.c"])
def test_a_token_that_says_nothing(text: str) -> None:
    """What cannot be read says nothing, and is no error."""
    assert claims(text) == {}
    assert token_times(REGISTRY, text, dated(0), NOW) is None
