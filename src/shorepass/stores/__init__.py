"""Stores: the places where secrets rest, one file each.

``key`` is the server URL as it stands on the wire, compared exactly: what differs in case, port or path is another key.
A store that has nothing for a key says so with a value (``ANONYMOUS``, False); one that is locked, missing or broken raises,
and never says "nothing" instead.
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
    """A place where secrets rest. ``shorepass.testing.StoreContract`` says what all of them do."""

    @property
    def name(self) -> str:
        """``vault``, ``keychain``, ``file``, ``helper:pass`` ...: what the setting ``store`` takes."""

    def get(self, key: str) -> Credential:
        """Return what was stored, ANONYMOUS when there is nothing. Raises SourceError."""

    def store(self, key: str, credential: Credential) -> None:
        """Keep a user name and password, or an identity token, in the place of what was there for this key.

        Raises UsageError: not a thing to keep; WriteError, SourceError: it could not be kept. Then nothing has changed.
        """

    def erase(self, key: str) -> bool:
        """Forget a key, in every copy; False when there was nothing. Raises WriteError, SourceError."""

    def list(self) -> dict[str, str]:
        """Return user names by key; ``<token>`` for an identity token. Raises SourceError."""


def check(key: str, credential: Credential) -> None:
    """Raise UsageError for what no store keeps, because a helper could not give it back as it is."""
    if not key:
        raise UsageError(protocol.Refusal.NO_SERVER_URL)
    if isinstance(credential, Basic) and not credential.username:
        raise UsageError(protocol.Refusal.NO_USERNAME)
    if isinstance(credential, Basic) and credential.username == protocol.TOKEN_USERNAME:
        raise UsageError(f"{credential.username} is no user name: it marks an identity token")
    if isinstance(credential, IdentityToken) and not credential.token:
        raise UsageError("the identity token is empty")
    protocol.encode_request(key, credential)
