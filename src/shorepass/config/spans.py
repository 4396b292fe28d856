"""Where in a JSON text each member of an object is written. The values themselves are left to the C decoder: it is fast."""

import json
import re
from typing import Any, NamedTuple, NoReturn

__all__ = ["SHALLOW", "JsonSyntaxError", "Member", "members", "read_value", "skip_blank"]

DEPTH_LIMIT = 10_000  # of objects and lists in each other: Go's encoding/json, scanner.go maxNestingDepth
SHALLOW = 200  # no client knows a field as deep in a file, and Python's decoder reads no more than some 900
INTEGER_LIMIT = 4000  # digits; Python refuses to convert more than 4,300, Go does not look at such a number at all

_bracket = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)  # with the strings, in which brackets mean nothing
_blank = re.compile(r"[ \t\r\n]*")  # JSON's white space, less than Python's


class JsonSyntaxError(Exception):
    """``reason`` quotes nothing of the text: it may hold secrets. ``offset`` is None where it says nothing."""

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class Member(NamedTuple):
    """One ``"key": value``: offsets of the key and of the value (each ``start`` to ``end``), and the value."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int
    value: Any


def skip_blank(text: str, offset: int) -> int:
    """Return the offset of the first character at or behind ``offset`` that is not white space."""
    blank = _blank.match(text, offset)
    return blank.end() if blank else offset


def read_value(text: str, offset: int, *, pairs: bool = False) -> tuple[Any, int]:
    """Return the JSON value that begins at ``offset``, and the offset behind it. Raises JsonSyntaxError.

    ``pairs`` makes every object a tuple of (key, value) tuples: in order, and with the keys that repeat.
    """
    decoder = _pairs_decoder if pairs else _decoder
    try:
        return decoder.raw_decode(text, offset)
    except json.JSONDecodeError as error:
        raise _syntax_error(text, error) from None
    except RecursionError:
        return read_value(_shallow(text, offset), offset, pairs=pairs)


def members(text: str, start: int) -> tuple[list[Member], int]:
    """Return the members of the object that opens at ``start``, and the offset behind it. Raises JsonSyntaxError."""
    found: list[Member] = []
    offset = skip_blank(text, start + 1)
    if text[offset : offset + 1] == "}":
        return found, offset + 1
    while True:
        if text[offset : offset + 1] != '"':
            raise JsonSyntaxError("not valid JSON: expecting a key in double quotes", offset)
        key, key_end = read_value(text, offset)
        colon = skip_blank(text, key_end)
        if text[colon : colon + 1] != ":":
            raise JsonSyntaxError("not valid JSON: expecting a colon", colon)
        value_start = skip_blank(text, colon + 1)
        value, end = read_value(text, value_start)
        found.append(Member(key, offset, key_end, value_start, end, value))
        offset = skip_blank(text, end)
        delimiter = text[offset : offset + 1]
        if delimiter == "}":
            return found, offset + 1
        if delimiter != ",":
            raise JsonSyntaxError("not valid JSON: expecting a comma or a closing brace", offset)
        offset = skip_blank(text, offset + 1)


def _shallow(text: str, offset: int) -> str:
    """Return a text of the same length with 0 for every value that is deep in the one at ``offset``.

    Raises JsonSyntaxError: a deep value is not JSON, or deeper than any client reads.
    """
    opened: list[int] = []
    pieces: list[list[str]] = [[]]  # of the text itself, and of each value that becomes 0
    at = offset
    for found in _bracket.finditer(text, offset):
        kind = found[0]
        if kind in "[{":
            opened.append(found.start())
            if len(opened) > DEPTH_LIMIT:
                raise JsonSyntaxError("not valid JSON: nested deeper than 10,000", found.start())
            if len(opened) % SHALLOW == 0:
                pieces[-1].append(text[at : found.start()])
                pieces.append([])
                at = found.start()
        elif kind in "]}":
            if len(opened) % SHALLOW == 0 and len(pieces) > 1:
                value = "".join([*pieces.pop(), text[at : found.end()]])
                _check(value, opened[-1])
                pieces[-1].append("0".ljust(len(value)))
                at = found.end()
            opened.pop()
            if not opened:
                break
    if opened:
        raise JsonSyntaxError("not valid JSON: it has no end", len(text))
    return text[:offset] + "".join(map("".join, pieces)) + text[at:]


def _check(value: str, start: int) -> None:
    """Raise JsonSyntaxError if a value is not JSON; it begins at ``start`` of its text."""
    try:
        _decoder.raw_decode(value)
    except json.JSONDecodeError as error:
        raise JsonSyntaxError(_syntax_error(value, error).reason, start + error.pos) from None


def _syntax_error(text: str, error: json.JSONDecodeError) -> JsonSyntaxError:
    reason = re.sub(r":.*| (starting )?at$", "", error.msg, flags=re.DOTALL).lower()
    if text.startswith("\ufeff"):
        reason = "a byte order mark"
    return JsonSyntaxError(f"not valid JSON: {reason}", error.pos)


def _no_constant(name: str) -> NoReturn:
    raise JsonSyntaxError(f"not valid JSON: {name} is not a number there")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < INTEGER_LIMIT else float(digits)


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)
_pairs_decoder = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_no_constant, parse_int=_integer)
