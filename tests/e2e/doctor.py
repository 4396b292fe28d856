"""``shorepass doctor`` as the tests of findings use it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from conftest import Done

__all__ = ["Doctor", "found"]

Finding = dict[str, Any]


class Doctor(Protocol):
    """The type of the ``doctor`` fixture: runs ``shorepass doctor --json`` with these words."""

    def __call__(self, *words: str, client: str = "") -> Done: ...


def found(done: Done, *, notes: bool = False) -> list[Finding]:
    """Return the findings that doctor printed; without ``notes`` those alone that make a place unhealthy."""
    assert done.status in (0, 1), done.stderr
    findings: list[Finding] = json.loads(done.stdout)["findings"]
    return [finding for finding in findings if notes or finding["severity"] != "note"]
