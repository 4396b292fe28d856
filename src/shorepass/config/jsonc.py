"""JSON with comments and trailing commas, as dev containers and editors write it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.bounded_json import loads as loads_json

if TYPE_CHECKING:
    from typing import Any

__all__ = ["loads"]

STRING = r'"(?:\\.|[^"\\])*"'
COMMENT = re.compile(rf"({STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
TRAILING_COMMA = re.compile(rf"({STRING})|,(?=\s*[}}\]])", re.DOTALL)


def loads(text: str) -> Any:
    """Return the value of a text. Raises ValueError: it is not JSON with comments.

    >>> loads('{"a": "//b", /* c */}')
    {'a': '//b'}
    """
    without_comments = COMMENT.sub(_only_string, text.removeprefix("\ufeff"))
    return loads_json(TRAILING_COMMA.sub(_only_string, without_comments))


def _only_string(found: re.Match[str]) -> str:
    return found[1] or " "
