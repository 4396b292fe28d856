"""The lines of a TOML document on which its keys are. Python's own reader of TOML does not keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Key", "key_lines", "line_of"]

Key = tuple[str | int, ...]
"""The names that lead to a value, and the number of each table in a list of tables, from 0: ``("automatic", 0, "image")``."""

CLOSERS = ("]", '"""', "'''")  # of values with several lines


def key_lines(text: str) -> dict[Key, int]:
    r"""Return the line, from 1, on which each key and each table begins. ``text``: a document without errors.

    >>> key_lines('never = []\n[defaults]\nfor = "2h"')[("defaults", "for")]
    3
    """
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for line, parsed, is_heading in _statements(text):
        if is_heading:
            table = _numbered(_heading(parsed), counts)
            found.setdefault(table, line)
            continue
        for key in _keys(parsed):
            found.setdefault((*table, *key), line)
    return found


def line_of(lines: dict[Key, int], key: Key) -> int:
    """Return the line of a key, or of the table that has it; 1 if both are not known."""
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 1)


def _statements(text: str) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Yield each statement's first line, its meaning, and whether it is the heading of a table."""
    import tomllib  # late: few users have a policy, and a container waits for its grant

    first, statement = 1, ""
    for line, written in enumerate(text.split("\n"), 1):
        if statement and not any(closer in written for closer in CLOSERS):
            statement += written + "\n"
            continue
        if not statement:
            first = line
        statement += written + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # its value has more lines
        if parsed:
            yield first, parsed, statement.lstrip().startswith("[")
        statement = ""


def _heading(parsed: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return the names of a heading, each with whether it is a list of tables."""
    found = []
    value: Any = parsed
    while value:
        if isinstance(value, list):
            value = value[0]
            continue
        name, value = next(iter(value.items()))
        found.append((name, isinstance(value, list)))
    return found


def _numbered(names: list[tuple[str, bool]], counts: dict[Key, int]) -> Key:
    """Return the key of a table: the last one of a list of tables, or a new one if the heading adds it.

    ``counts``: the number of tables of each list so far.
    """
    key: Key = ()
    for at, (name, is_list) in enumerate(names, 1):
        key = (*key, name)
        if is_list and at == len(names):
            counts[key] = counts.get(key, 0) + 1
        if key in counts:
            key = (*key, counts[key] - 1)
    return key


def _keys(parsed: dict[str, Any]) -> Iterator[Key]:
    """Yield the keys that a statement sets, at any depth."""
    for name, value in parsed.items():
        yield (name,)
        if isinstance(value, dict):
            for key in _keys(value):
                yield (name, *key)
