"""Reports what this process waits for: a registry, a helper, another context.

Code that waits uses ``Wait``. A program with a terminal adds a watcher, which shows the waits there (``cli.wait_line``).
Without a watcher, ``Wait`` costs almost nothing.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["WATCHERS", "Wait", "Watcher", "settle"]


class Watcher(Protocol):
    """Gets each wait. Threads may call it at the same time."""

    def begin(self, what: str) -> int:
        """Begin a wait, and return its number."""

    def end(self, number: int) -> None:
        """End a wait."""

    def settle(self) -> None:
        """Forget the current waits, because something else will be printed or asked."""


WATCHERS: list[Watcher] = []  # of this process


class Wait:
    """Reports a wait while its ``with`` block runs; one inside another is not shown.

    ``what``: what this process waits for, as ``ghcr.io``.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._numbers: list[tuple[Watcher, int]] = []

    def __enter__(self) -> None:
        self._numbers = [(watcher, watcher.begin(self._what)) for watcher in WATCHERS]

    def __exit__(self, *_: object) -> None:
        for watcher, number in self._numbers:
            watcher.end(number)


def settle() -> None:
    """Stop showing the current waits, because a message or a question follows."""
    for watcher in WATCHERS:
        watcher.settle()
