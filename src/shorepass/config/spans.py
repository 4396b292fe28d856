"""Where in a JSON text each member of an object is written. The values themselves are left to the C decoder: it is fast."""

import json
import re
from typing import Any, NamedTuple, NoReturn

__all__ = ["JsonSyntaxError", "Member", "members", "read_value", "skip_blank"]

INTEGER_LIMIT = 4000  # digits; Python refuses to convert more than 4,300, Go does not look at such a number at all

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
    try:
        return (_pairs_decoder if pairs else _decoder).raw_decode(text, offset)
    except json.JSONDecodeError as error:
        reason = re.sub(r":.*| (starting )?at$", "", error.msg, flags=re.DOTALL).lower()
        if text.startswith("\ufeff"):
            reason = "a byte order mark"
        raise JsonSyntaxError(f"not valid JSON: {reason}", error.pos) from None
    except RecursionError:
        raise JsonSyntaxError("nested too deeply for a config file") from None


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


def _no_constant(name: str) -> NoReturn:
    raise JsonSyntaxError(f"not valid JSON: {name} is not a number there")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < INTEGER_LIMIT else float(digits)


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)
_pairs_decoder = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_no_constant, parse_int=_integer)
