"""All rows, and the scripts that have none yet."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from cases.case import Case

__all__ = ["SCRIPTS", "open_scripts", "rows"]

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"


def rows() -> list[Case]:
    """Return the rows of each table file, in the order of their names."""
    found: list[Case] = []
    for path in sorted(HERE.glob("rows_*.py")):
        found += import_module(f"cases.{path.stem}").ROWS
    return found


def open_scripts() -> Iterator[str]:
    """Yield the names of the scripts that no row uses."""
    used = {case.script for case in rows()}
    for path in sorted(SCRIPTS.glob("*.sh")):
        if path.stem not in used:
            yield path.stem
