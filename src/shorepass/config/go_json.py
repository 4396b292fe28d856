"""What Go's ``encoding/json`` makes of a text, where Python's decoder makes something else of it.

All clients and their helpers are written in Go. It takes the first value and leaves the rest, finds struct fields
without regard to case, lets the last of several that are not null count, and writes U+FFFD for what is not Unicode.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.config.spans import SHALLOW, read_value, skip_blank

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from typing import Any

__all__ = [
    "NotTextError",
    "field_name",
    "first_value",
    "may_hold_surrogates",
    "text",
    "text_fields",
    "without_surrogates",
]


class NotTextError(ValueError):
    """``field`` should be a text and is not. Go then reports an error for the whole value."""

    def __init__(self, field: str) -> None:
        super().__init__(f'"{field}" is not a text')
        self.field = field


def text(data: bytes) -> str:
    """Return bytes as text, each that is not UTF-8 as one U+FFFD."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _surrogates().sub("\ufffd", data.decode(errors="surrogateescape"))


def first_value(text: str) -> tuple[Any, int]:
    """Return the first JSON value of a text, and the offset behind it. Raises JsonSyntaxError.

    Every object is a tuple of (key, value) tuples: in order, and with the keys that repeat.
    """
    value, end = read_value(text, skip_blank(text, 0), pairs=True)
    return (without_surrogates(value) if may_hold_surrogates(text) else value), end


def may_hold_surrogates(text: str) -> bool:
    """Tell whether a JSON text may write a surrogate as an escape. One rare character is found faster than three."""
    return "\\" in text and ("\\ud" in text or "\\uD" in text)


def field_name(name: str) -> str:
    """Return the lower-case spelling by which a struct field is found.

    ``lower`` also turns the Kelvin sign into ``k``, as Go does; the long s it leaves alone, and Go does not.
    """
    return name.lower().replace("\u017f", "s")


def text_fields(members: Iterable[tuple[str, Any]], known: Container[str]) -> dict[str, str]:
    """Return an object's members as a struct with the ``known`` (lower-case) text fields. Raises NotTextError."""
    fields: dict[str, str] = {}
    for name, value in members:
        field = field_name(name)
        if field in known and value is not None:
            if not isinstance(value, str):
                raise NotTextError(field)
            fields[field] = value
    return fields


def without_surrogates(value: Any) -> Any:
    """Return a JSON value with every half of a surrogate pair replaced by U+FFFD, where a client may look at it."""
    pattern = _surrogates()

    def clean(value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return pattern.sub("\ufffd", value)
        if depth < SHALLOW and isinstance(value, list | tuple):
            return type(value)(clean(each, depth + 1) for each in value)
        if depth < SHALLOW and isinstance(value, dict):
            return {clean(k): clean(v, depth + 1) for k, v in value.items()}
        return value

    return clean(value)


def _surrogates() -> re.Pattern[str]:
    return re.compile("[\ud800-\udfff]")  # compiled when it is needed, which is hardly ever
