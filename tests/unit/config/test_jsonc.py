"""JSON with comments is read as dev containers read it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shorepass.config.jsonc import loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, // one, "b": 2\n}', {"a": 1}),
        ('/* { */ {"a": [1, 2, /* 3 */ ], }', {"a": [1, 2]}),
        ('{"a": "http://b/*c*/,]", "d": "\\",}"}', {"a": "http://b/*c*/,]", "d": '",}'}),
        ("\ufeff[\n1,\n// 2\n]", [1]),
    ],
)
def test_comments_and_trailing_commas_are_left_out(text: str, value: object) -> None:
    """Those in a string are a part of it."""
    assert loads(text) == value


@given(VALUES)
def test_json_is_unchanged(value: object) -> None:
    """Every JSON text means what it means without comments."""
    assert loads(json.dumps(value, ensure_ascii=False, indent=1)) == value


@pytest.mark.parametrize("text", ["", "{", '{"a" 1}', "/* no end {}", '{"a": 1} // no\n2', "[" * 100000])
def test_what_is_not_json_is_an_error(text: str) -> None:
    """Nothing else is raised."""
    with pytest.raises(ValueError):  # noqa: PT011  # of whichever text
        loads(text)
