"""A grant that the agent serves."""

from __future__ import annotations

__all__ = ["Served"]


class Served:
    """What every mode has. A mode that stores no secret in the target needs only ``close``."""

    def close(self) -> None:
        """End it at once, and remove its secrets."""
        raise NotImplementedError

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
