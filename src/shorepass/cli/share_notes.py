"""What ``shorepass share`` prints about a new grant, on standard error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.agent_client.client import AgentClient
from shorepass.cli import console
from shorepass.clients.registry_tokens import summary
from shorepass.contexts.command import command
from shorepass.errors import printable
from shorepass.grants.folder import is_on_disk
from shorepass.grants.grant import EXPORT, MOUNT, TOKEN

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["announce", "shown_time", "tell_token_end", "token_ends_of", "warn"]


def announce(here: LocalContext, grant: Grant) -> None:
    """Print what a grant lends, until when, what its mode leaves open, and how to end it."""
    until = shown_time(grant.until)
    what = ", ".join(grant.repositories or grant.registries)
    console.note(f"the grant {grant.id} lends {what} until {until}")
    warn(here, grant)
    console.note("to end it earlier:")
    console.hint(command(None, "revoke", grant.id))


def warn(here: LocalContext, grant: Grant) -> None:
    """Print what the mode of a grant leaves open. Raises UsageError."""
    if grant.mode == MOUNT:
        from shorepass.cli.mount_warning import warn_of_mounts  # late: `run --share` seldom needs it

        warn_of_mounts(here, grant)
    if grant.mode == TOKEN:
        console.note(summary())
        tell_token_end(grant, token_ends_of(AgentClient(here).manage("status")).get(grant.id, 0.0))
    if grant.mode == EXPORT:
        console.note("the container can read the logins and keep them; a copy ends only with a new password or token")
        if is_on_disk(grant):
            console.note(
                f"the logins are on a disk, in {printable(grant.folder)}; set XDG_RUNTIME_DIR to a folder in memory"
            )


def token_ends_of(status: dict[str, Any]) -> dict[str, float]:
    """Return when registry tokens of grants end, by the grant's id, out of the agent's status; none from an older agent."""
    ends: dict[str, float] = status.get("token_ends", {})
    return ends


def tell_token_end(grant: Grant, end: float) -> None:
    """Print until when a copy of a grant's registry token is valid, if that is known. ``end``: seconds since 1970, or 0."""
    if end <= time.time():
        return
    longer = end - grant.until
    after = f", {max(1, round(longer / 60))} minutes longer than the grant" if longer > 0 else ""
    console.note(f"the grant {grant.id}: a copy of its registry token is valid until {shown_time(end)}{after}")


def shown_time(seconds: float) -> str:
    """Return a time as it is printed. ``seconds``: since 1970."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
