"""Reads numbers and times that a user or another program has written."""

from __future__ import annotations

__all__ = ["LARGEST_ID", "LARGEST_SIZE", "seconds", "whole"]

LARGEST_ID = 2**32 - 1  # of a user or a group
LARGEST_SIZE = 2**63 - 1  # bytes of a file
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # in seconds
LONGEST = 366 * 86400  # seconds


def whole(text: str | bytes, largest: int = LARGEST_ID, *, base: int = 10) -> int | None:
    """Return a number from 0 to ``largest``; None if the text is anything else.

    Signs, blanks and underscores are not accepted. Python's ``int`` accepts them, and digits that are not ASCII, and raises
    ValueError for more than 4300 digits.

    >>> whole("1000")
    1000
    >>> whole("9" * 6000) is None
    True
    """
    digits = "0123456789abcdef"[:base]
    written = text.decode("latin-1") if isinstance(text, bytes) else text
    if not written or len(written) > len(str(largest)) or not set(written.lower()) <= set(digits):
        return None
    number = int(written, base)
    return number if number <= largest else None


def seconds(text: str) -> float | None:
    """Return a time such as ``90s``, ``5m``, ``2h`` or ``7d`` in seconds; None if it is anything else, or over a year.

    >>> seconds("2h")
    7200.0
    """
    number = whole(text[:-1], LONGEST)
    if number is None or text[-1] not in UNITS:
        return None
    found = float(number * UNITS[text[-1]])
    return found if found <= LONGEST else None
