"""Members of the wrong type: what is plain is corrected, what is not plain is left."""

from __future__ import annotations

import json

import pytest

from shorepass.contexts import FileContent
from shorepass.fixes.wrong_types import reshaped

PAIR = "YWxpY2U6cHc="  # alice:pw


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"auths": [{"a.example": {"auth": PAIR}}, {"b": {}}]}, {"auths": {"a.example": {"auth": PAIR}, "b": {}}}),
        ({"auths": [{"a.example": PAIR}]}, {"auths": {"a.example": {"auth": PAIR}}}),
        ({"auths": {"a.example": PAIR}, "other": [1]}, {"auths": {"a.example": {"auth": PAIR}}, "other": [1]}),
        ({"auths": {}, "credsStore": 1, "credHelpers": "pass"}, {"auths": {}}),
    ],
)
def test_it_is_plain(before: object, after: object) -> None:
    """The logins remain, and so do the other members."""
    content, done = reshaped(FileContent("config.json", json.dumps(before).encode()))
    assert (json.loads(content.data), bool(done)) == (after, True)


@pytest.mark.parametrize(
    "before",
    ['{"auths": ["a.example"]}', '{"auths": {"a.example": "alice"}}', '{"auths": null}', "[]", "{", '{"auths": 1}'],
)
def test_it_is_not_plain(before: str) -> None:
    """Nothing is guessed."""
    content, done = reshaped(FileContent("config.json", before.encode()))
    assert (content.data.decode(), done) == (before, [])
