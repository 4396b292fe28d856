"""What this process waits for: a registry, a helper, an engine, another context.

Whoever waits says so with ``Wait``; a program that has a terminal adds a watcher, and shows it there (``cli.wait_line``).
Without one it costs next to nothing.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["WATCHERS", "Wait", "Watcher", "settle"]


class Watcher(Protocol):
    """Is told of each wait. Threads call it at the same time."""

    def begin(self, what: str) -> int:
        """Note that a wait begins; return its number."""

    def end(self, number: int) -> None:
        """Note that a wait is over."""

    def settle(self) -> None:
        """Forget the waits that go on, because something else is about to be printed or asked."""


WATCHERS: list[Watcher] = []  # of this process


class Wait:
    """Around something that may take long. ``what``: who is waited for, as ``ghcr.io``. In another wait it is not shown."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._numbers: list[tuple[Watcher, int]] = []

    def __enter__(self) -> None:
        self._numbers = [(watcher, watcher.begin(self._what)) for watcher in WATCHERS]

    def __exit__(self, *_: object) -> None:
        for watcher, number in self._numbers:
            watcher.end(number)


def settle() -> None:
    """Let nothing be shown of the waits that go on: something else is about to be printed or asked."""
    for watcher in WATCHERS:
        watcher.settle()
