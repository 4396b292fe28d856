"""Any other installed credential helper as a store: ``helper:pass`` is ``docker-credential-pass``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.helper import OURSELVES
from shorepass.helper.client import HelperClient
from shorepass.stores import check
from shorepass.stores.in_use import PREFIX

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.credential import Credential

__all__ = ["External"]


class External:
    """One helper in one context; ``suffix`` is the NAME in ``docker-credential-NAME``. See ``Store``.

    Raises UsageError for Shorepass's helper, which would ask itself endlessly.
    """

    def __init__(self, context: Context, suffix: str) -> None:

        use_vault = command(None, "stores", "use", "vault")
        if suffix.lower().removesuffix(".exe") == OURSELVES:
            raise UsageError("docker-credential-shorepass cannot be its own store", hint=use_vault)
        self.name = PREFIX + suffix
        self._client = HelperClient(context, suffix, as_program=True, named_in=f"config.toml: {use_vault}")

    def get(self, key: str) -> Credential:
        """Return the helper's login, ANONYMOUS if it reports that it has no login. Raises HelperError."""
        return self._client.get(key)

    def store(self, key: str, credential: Credential) -> None:
        """Store a login in the helper. Raises UsageError, HelperError."""
        check(key, credential)
        self._client.store(key, credential)

    def erase(self, key: str) -> bool:
        """Erase a key in the helper, False if it reports that it had no login (not all do). Raises HelperError."""
        return self._client.erase(key)

    def list(self) -> dict[str, str]:
        """Return user names by key. Raises HelperError."""
        return self._client.list()
