"""The line on a terminal that shows what a command waits for: after a second, until the wait is over."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WaitLine"]

PATIENCE = 1.0  # seconds before a wait is shown
GLANCE = 0.1  # seconds between two looks at what is waited for
NAMES = 3  # that are shown of several


class WaitLine:
    """A ``shorepass.waiting.Watcher``. ``overwrite`` puts a text into the place of another on the terminal."""

    def __init__(self, overwrite: Callable[[str, str], None]) -> None:
        self._overwrite = overwrite
        self._lock = threading.RLock()
        self._waits: dict[int, tuple[int, float, str]] = {}  # by number: thread, beginning, what
        self._last = 0
        self._shown = ""
        self._is_watched = False

    def begin(self, what: str) -> int:
        """Note that a wait begins; return its number."""
        with self._lock:
            self._last += 1
            self._waits[self._last] = (threading.get_ident(), time.monotonic(), what)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, daemon=True).start()
            return self._last

    def end(self, number: int) -> None:
        """Note that a wait is over, and remove the line if no other wait is shown."""
        with self._lock:
            self._waits.pop(number, None)
            if self._shown and not self._text():
                self._show("")

    def settle(self) -> None:
        """Forget all waits, and remove the line."""
        with self._lock:
            self._waits.clear()
            self._show("")

    def _watch(self) -> None:
        while True:
            time.sleep(GLANCE)
            with self._lock:
                if not self._waits:
                    self._is_watched = False
                    return
                self._show(self._text())

    def _text(self) -> str:
        """Return the line for the waits that are long enough: of each thread the outermost."""
        outermost: dict[int, tuple[float, str]] = {}
        for thread, start, what in self._waits.values():
            outermost.setdefault(thread, (start, what))
        late = time.monotonic() - PATIENCE
        names = list(dict.fromkeys(what for start, what in outermost.values() if start <= late))
        more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
        return f"Asking {', '.join(names[:NAMES])}{more} ..." if names else ""

    def _show(self, text: str) -> None:
        if text != self._shown:
            self._overwrite(self._shown, text)
            self._shown = text
