"""Numbers that another program has written."""

from __future__ import annotations

import pytest

from shorepass.numbers import LARGEST_SIZE, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("1000", 1000), ("4294967295", 4294967295), (b"42", 42), ("007", 7)],
)
def test_whole_numbers(text: str | bytes, number: int) -> None:
    """ASCII digits up to the largest number are that number."""
    assert whole(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_000",
        "0x1",
        "1e3",
        "1.0",
        "4294967296",
        "9" * 6000,
        "\u0661",
        "\u00b2",
        "abc",
        "1\n",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    """Signs, blanks, other alphabets' digits, and more digits than Python reads are no number; nothing raises."""
    assert whole(text) is None


def test_bases_and_sizes() -> None:
    """Hexadecimal digits, and sizes of files."""
    assert whole("81a4", base=16) == 0o100644
    assert whole(str(LARGEST_SIZE), LARGEST_SIZE) == LARGEST_SIZE
    assert whole(str(LARGEST_SIZE + 1), LARGEST_SIZE) is None
