"""How fast calls may follow each other. No clock of its own."""

from __future__ import annotations

from threading import Lock

__all__ = ["Pace"]


class Pace:
    """Allows ``burst`` calls at once, and then ``rate`` calls per second.

    >>> Pace(burst=1, rate=20).delay(now=0.0)
    0.0
    """

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._free = burst
        self._last: float | None = None
        self._lock = Lock()

    def delay(self, now: float) -> float:
        """Count one call, and return how many seconds it must wait. ``now``: in seconds of any clock."""
        with self._lock:
            self._fill(now)
            self._free -= 1
            return max(0.0, -self._free / self._rate)

    def allows(self, now: float, cost: float = 1.0) -> bool:
        """Count one call, or ``cost`` of another unit, if it need not wait; False: it is not counted."""
        with self._lock:
            self._fill(now)
            if self._free < cost:
                return False
            self._free -= cost
            return True

    def _fill(self, now: float) -> None:
        """Add what the time since the last look has freed."""
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        self._free = min(self._burst, self._free + passed * self._rate)
