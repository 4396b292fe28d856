"""A grant that the agent serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shorepass.errors import ShorepassError

__all__ = ["FIX", "Served", "with_fix"]

FIX = "; fix: "  # between an error and its hint


def with_fix(error: ShorepassError) -> str:
    """Return an error and its hint in one line."""
    return FIX.join(filter(None, (error.message, error.hint)))


class Served:
    """What every mode has. A mode that stores no secret in the target needs only ``close``."""

    def close(self) -> None:
        """End it at once, and remove its secrets."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise ShorepassError if a new grant has nothing to lend. What has a first try says it by ``trouble``."""

    def withdraw(self) -> None:
        """Remove its secrets from the target, because the agent is locked."""

    def wake(self) -> None:
        """Undo ``withdraw``."""

    def token_end(self) -> float:
        """Return when the last registry token in the target ends, in seconds since 1970; 0 without one."""
        return 0.0

    def trouble(self) -> str:
        """Return why nothing is lent now, "" if it is; wait for the first try."""
        return ""
