"""Stores of logins, one per file.

``key`` is the server URL of the helper protocol, compared exactly: another case, port or path is another key. A store without
a login for a key returns a value (``ANONYMOUS``, False). A store that is locked, missing or broken raises an error, and never
returns that value instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shorepass.credential import Basic, IdentityToken
from shorepass.errors import UsageError
from shorepass.helper import protocol

if TYPE_CHECKING:
    from shorepass.credential import Credential

__all__ = ["Store", "check"]


class Store(Protocol):
    """Where logins are stored. ``shorepass.testing.StoreContract`` tests what every store does."""

    @property
    def name(self) -> str:
        """``vault``, ``keychain``, ``file``, ``helper:pass`` ...: what the setting ``store`` takes."""

    def get(self, key: str) -> Credential:
        """Return the stored login, ANONYMOUS if there is no login. Raises SourceError."""

    def store(self, key: str, credential: Credential) -> None:
        """Store a user name and password, or an identity token, and replace the key's earlier login.

        Raises UsageError: no store can store it; WriteError, SourceError: it failed. Then nothing has changed.
        """

    def erase(self, key: str) -> bool:
        """Erase a key in every copy, False if it had no login. Raises WriteError, SourceError."""

    def list(self) -> dict[str, str]:
        """Return user names by key; ``<token>`` for an identity token. Raises SourceError."""


def check(key: str, credential: Credential) -> None:
    """Raise UsageError for a login that a helper could not return unchanged."""
    if not key:
        raise UsageError(protocol.Refusal.NO_SERVER_URL)
    if isinstance(credential, Basic) and not credential.username:
        raise UsageError(protocol.Refusal.NO_USERNAME)
    if isinstance(credential, Basic) and credential.username == protocol.TOKEN_USERNAME:
        raise UsageError(f"{credential.username} is not a user name: it marks an identity token")
    if isinstance(credential, IdentityToken) and not credential.token:
        raise UsageError("the identity token is empty")
    protocol.encode_request(key, credential)
