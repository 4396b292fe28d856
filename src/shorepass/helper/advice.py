"""What a person does about a login that is not there, or not good: with the client's helper, or with Shorepass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command, said_there
from shorepass.helper.causes import sign_in
from shorepass.helper.protocol import program_name

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.resolution import Resolution

__all__ = ["asked_helper", "log_in"]

PREFIX = program_name("")


def asked_helper(resolution: Resolution) -> str | None:
    """Return the helper that a client has asked, the last where it has asked several; None for none."""
    asked = [step.subject for step in resolution.steps if step.kind == "helper" and step.subject.startswith(PREFIX)]
    return asked[-1].removeprefix(PREFIX) if asked else None


def log_in(context: Context, registry: str, *, client: str = "", helper: str | None = None) -> str:
    """Return what gives a client a login for a registry.

    ``client``: for ``--client``, empty for the default. ``helper``: which the client asks for this registry, None for none:
    one that gets its logins elsewhere stores none, so there it is that other program that logs in.
    """
    elsewhere = sign_in(helper)
    if not elsewhere:
        return command(context, "login", registry, client=client)
    return said_there(context, f"{PREFIX}{helper} stores no login, it gets one: {elsewhere}")
