"""The error for what cannot be lent."""

from __future__ import annotations

from shorepass.contexts.command import command
from shorepass.errors import RegistryError

__all__ = ["Unlendable", "no_login"]


class Unlendable(RegistryError):
    """The user or the registry has nothing that can be lent."""


def no_login(registry: str) -> Unlendable:
    """Return the error for a registry for which the user has no login."""
    return Unlendable(registry, "you have no login for it", hint=command(None, "login", registry))
