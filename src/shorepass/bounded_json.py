"""Reads foreign JSON with a limit: objects may need 30 times the text's memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

__all__ = ["VALUES_LIMIT", "has_too_many_values", "loads"]

VALUES_LIMIT = 200_000  # 10,000 logins have 40,000; an empty list needs three bytes as a text, and 64 as an object


def has_too_many_values(text: str | bytes, limit: int = VALUES_LIMIT) -> bool:
    """Tell whether a JSON text may have more than ``limit`` values.

    It counts all commas, also those in strings.
    """
    return (text.count(b",") if isinstance(text, bytes) else text.count(",")) > limit


def loads(text: str | bytes, limit: int = VALUES_LIMIT) -> Any:
    """Return the value of a JSON text.

    Raises ValueError: it is not JSON, is nested too deeply, or has more than ``limit`` values.

    >>> loads('{"a": 1}')
    {'a': 1}
    """
    if has_too_many_values(text, limit):
        raise ValueError("too many values")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
