"""Any other installed credential helper as a store: ``helper:pass`` is ``docker-credential-pass``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.helper import OURSELVES
from shorepass.helper.client import HelperClient
from shorepass.stores import check

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.credential import Credential

__all__ = ["PREFIX", "External"]

PREFIX = "helper:"


class External:
    """One helper in one context; ``suffix`` is the NAME in ``docker-credential-NAME``. See ``Store``.

    Raises UsageError for our own helper, which would ask itself without end.
    """

    def __init__(self, context: Context, suffix: str) -> None:

        use_vault = command(None, "stores", "use", "vault")
        if suffix.lower().removesuffix(".exe") == OURSELVES:
            raise UsageError("docker-credential-shorepass cannot be its own store", hint=use_vault)
        self.name = PREFIX + suffix
        self._client = HelperClient(context, suffix, as_program=True, named_in=f"config.toml: {use_vault}")

    def get(self, key: str) -> Credential:
        """Return what the helper has, ANONYMOUS when it says that it has nothing. Raises HelperError."""
        return self._client.get(key)

    def store(self, key: str, credential: Credential) -> None:
        """Let the helper keep a login. Raises UsageError, HelperError."""
        check(key, credential)
        self._client.store(key, credential)

    def erase(self, key: str) -> bool:
        """Let the helper forget a key; False where it says that there was nothing (not all do). Raises HelperError."""
        return self._client.erase(key)

    def list(self) -> dict[str, str]:
        """Return user names by key. Raises HelperError."""
        return self._client.list()
