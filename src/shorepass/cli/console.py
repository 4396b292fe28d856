"""Tables and colour for people: plain where standard output is no terminal, and where NO_COLOR is set."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["paint", "print_table"]

UNBOUNDED = 100_000  # columns: off a terminal a row is one line, however long

ANSI = {"green": "32", "red": "31", "yellow": "33", "bold": "1", "dim": "2"}


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], wrapped: Sequence[str] = ()) -> None:
    """Print aligned columns, without frames. ``wrapped``: columns that take several lines where a terminal is narrow."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else UNBOUNDED, highlight=False, markup=False)
    if sys.stdout.isatty():
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _plain(cell: str) -> str:
    from shorepass.errors import printable

    return printable(cell)


def paint(text: str, colour: str) -> str:
    """Colour text on a terminal that wants colour."""
    import os

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{ANSI[colour]}m{text}\033[0m"
