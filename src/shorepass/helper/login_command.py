"""The command that gives a client a login: with its helper, or with Shorepass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command, said_there
from shorepass.helper.cloud_logins import inputs
from shorepass.helper.protocol import program_name

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.resolution import Resolution

__all__ = ["asked_helper", "log_in", "why_none"]

PREFIX = program_name("")


def asked_helper(resolution: Resolution) -> str | None:
    """Return the last helper that a client asked, None if it asked no helper."""
    asked = [step.subject for step in resolution.steps if step.kind == "helper" and step.subject.startswith(PREFIX)]
    return asked[-1].removeprefix(PREFIX) if asked else None


def log_in(context: Context, registry: str, *, client: str = "", helper: str | None = None) -> str:
    """Return the command that gives a client a login for a registry.

    ``client``: for ``--client``, "" for the default. ``helper``: the one that the client asks for this registry, or None. A
    helper that gets its logins from another program cannot store one, so the command is that program's.
    """
    own = inputs(context, helper, registry)
    if own is None:
        return command(context, "login", registry, client=client)
    return said_there(context, f"{PREFIX}{helper} cannot store a login: {own.fix}")


def why_none(context: Context, registry: str, helper: str | None) -> str:
    """Return why a helper answered that it has no login: a helper that makes its own logins could not."""
    own = inputs(context, helper, registry)
    if own is None:
        return "it has no login for that"
    reason = "; ".join(part for part in (own.missing, *own.seen) if part)
    return f"it could not make a login: {reason}" if reason else "it could not make a login"
