"""The Python API's own part: defaults, and a place by its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import shorepass
from shorepass.errors import ContextError, UsageError


def test_a_context_by_its_name(home: Path) -> None:
    """What ``--in`` takes names a place here too, and "me" is the default."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {"reg.example": {"auth": "YWxpY2U6cHc="}}}))
    named = shorepass.resolve("reg.example/app", context="me")
    assert named == shorepass.resolve("reg.example/app")
    assert named.credential == shorepass.Basic("alice", shorepass.Secret("pw"))


@pytest.mark.parametrize(("name", "error"), [("nowhere", UsageError), ("user:nobody-of-that-name", ContextError)])
def test_a_context_that_is_not_there(name: str, error: type[shorepass.errors.ShorepassError]) -> None:
    """Every verb says so, and none takes it for a place without a login."""
    with pytest.raises(error):
        shorepass.resolve("reg.example", context=name)
    with pytest.raises(error):
        shorepass.login("reg.example", "alice", "pw", context=name)
    with pytest.raises(error):
        shorepass.logout("reg.example", context=name)
