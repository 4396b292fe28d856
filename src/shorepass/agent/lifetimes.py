"""The time of a grant by a clock that no one can set back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from shorepass.grants.grant import Grant

__all__ = ["Lifetimes", "since_boot"]


def since_boot() -> float:
    """Return seconds of a clock that is never set: since the boot, with the time asleep where the system counts it."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Lifetimes:
    """When grants end by ``clock``, from the first look at each. A clock that is set back does not lengthen them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}  # by the grant

    def is_over(self, grant: Grant) -> bool:
        """Tell whether the time of a grant is over by the clock."""
        now = self._clock()
        return now >= self._ends.setdefault(grant.id, now + grant.until - time.time())

    def keep(self, known: Container[str]) -> None:
        """Forget all other grants, by their ids."""
        self._ends = {id_: end for id_, end in self._ends.items() if id_ in known}
