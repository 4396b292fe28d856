"""Root makes none of the agent's files in the home of another user, who could not use them, or whole folders of the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.errors import UsageError, printable

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["check_own_home"]


def check_own_home(here: LocalContext, *words: str) -> None:
    """Raise UsageError if root would write into the home of another user. ``words``: of the command that would."""
    for path in (here.home() or "/", here.getenv("XDG_STATE_HOME")):
        status = here.status(path) if path else None
        if here.uid == 0 and status is not None and status.uid != 0:
            raise UsageError(
                f"{printable(path or '')} belongs to {status.owner or status.uid}, and root changes only its own files",
                hint=f"run it as that user; for root itself: HOME=~root {command(None, *words)}",
            )
