"""The line of each key of a TOML document, whatever its value looks like."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shorepass.grants.key_lines import key_lines, line_of

DOCUMENT = '''\
# never = []

never = [
  "a", # ]
  "b",
]
text = """
[defaults]
for = "no key"
"""
[defaults]
  for = "2h"
inline = { a = 1, b.c = 2 }
[[automatic]]
image = "x"
[[automatic]]
"image" = 'x'
[automatic.below]
key = 3
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("never",), 3),
        (("text",), 7),
        (("defaults",), 11),
        (("defaults", "for"), 12),
        (("defaults", "inline", "b", "c"), 13),
        (("automatic", 0), 14),
        (("automatic", 1), 16),
        (("automatic", 1, "image"), 17),
        (("automatic", 1, "below", "key"), 19),
        (("automatic", 0, "unknown"), 14),
        (("unknown",), 1),
    ],
)
def test_lines(key: tuple[str | int, ...], line: int) -> None:
    """A key is where it begins; what is not there is where its table is."""
    assert tomllib.loads(DOCUMENT)
    assert line_of(key_lines(DOCUMENT), key) == line


VALUES = st.sampled_from(
    ['"a"', "1", "[]", "[\n]", '[\n"[x]",\n"]",\n]', '"""\n[b]\na = 1\n"""', "'''\n\n'''", "{ a = 1 }"]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(VALUES, max_size=6), blank=st.integers(0, 2))
def test_every_key_is_found(values: list[str], blank: int) -> None:
    """Each key of random documents has the line on which the test wrote it."""
    lines: list[str] = []
    written = {}
    for number, value in enumerate(values):
        lines += ["# a = [", *[""] * blank]
        written[f"key{number}"] = len(lines) + 1
        lines += f"key{number} = {value}".split("\n")
    text = "\n".join(lines)
    found = key_lines(text)
    assert {name: found[name,] for name in keys(tomllib.loads(text))} == written


def keys(parsed: dict[str, Any]) -> Iterator[str]:
    """Yield the keys of a document."""
    yield from parsed
