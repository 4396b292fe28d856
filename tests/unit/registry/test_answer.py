"""What a registry's answer says between the lines."""

from __future__ import annotations

import pytest

from shorepass.http import Response, parse_url
from shorepass.registry.answer import limit_reached


@pytest.mark.parametrize(
    ("left", "limit", "reason"),
    [
        ("0;w=21600", "100;w=21600", "no pull is left: 100 are allowed in 6 hours"),
        ("0", "100", "no pull is left: 100 are allowed"),
        ("0", "", "no pull is left"),
        ("0;w=x", "many", "no pull is left"),
        ("1;w=21600", "100;w=21600", None),
        ("00000000000001", "", None),
        ("", "", None),
        ("none", "", None),
        ("-1", "", None),
    ],
)
def test_limit_reached(left: str, limit: str, reason: str | None) -> None:
    """Nothing left is an error to come, whatever else the registry says of it; anything else is none."""
    headers = (("RateLimit-Remaining", left), ("RateLimit-Limit", limit))
    found = limit_reached("docker.io", Response(200, headers, b"", parse_url("https://registry-1.docker.io/v2/")))
    assert (found.reason if found else None) == reason
