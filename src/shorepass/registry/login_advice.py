"""The command that gives a client a new login: the provider's own where the registry has one, else a usual login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.contexts.command import said_there
from shorepass.helper.known_helpers import sign_in
from shorepass.helper.login_command import log_in
from shorepass.registry.providers import login_command

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.resolution import Resolution

__all__ = ["login_place", "new_login"]


def new_login(context: Context, registry: str, *, client: str, helper: str | None = None) -> str:
    """Return the command. ``helper``: the one that the client asks for this registry, or None.

    A helper that gets its logins from another program comes first: a login elsewhere would not be used.
    """
    own = "" if sign_in(helper) else login_command(registry, client)
    if own:
        return said_there(context, own)
    return log_in(context, registry, client=client, helper=helper)


def login_place(resolution: Resolution) -> str:
    """Return what a new login must be for: the registry, or the namespace whose login the client uses instead."""
    source = resolution.source
    if source is None or source.helper or not find(resolution.client).facts.namespaces:
        return resolution.reference.registry
    return source.key if "/" in source.key and "://" not in source.key else resolution.reference.registry
