"""The four kinds of credential a container client can send to a registry.

They are what is left when every file, key and helper has been asked; how they are written down is the
business of ``config.auth_entry`` (files) and ``helper.protocol`` (the wire).
"""

from __future__ import annotations

from typing import NamedTuple

from shorepass.secret import Secret

__all__ = ["ANONYMOUS", "Anonymous", "Basic", "BearerToken", "Credential", "IdentityToken", "kind_of"]


class Anonymous(NamedTuple):
    """No credential: the client asks as a stranger. Use the one instance, ``ANONYMOUS``."""


class Basic(NamedTuple):
    """A user name and a password (or personal access token, or robot secret)."""

    username: str
    password: Secret


class IdentityToken(NamedTuple):
    """A long-lived OAuth2 refresh token; ``<token>`` as the user name on the helper wire.

    ``username`` is what the file or registry said beside it, for people; it is not sent with the token.
    """

    token: Secret
    username: str = ""


class BearerToken(NamedTuple):
    """A ready short-lived bearer token (``registrytoken`` in a file), sent as it is to the registry only."""

    token: Secret


Credential = Anonymous | Basic | IdentityToken | BearerToken

ANONYMOUS = Anonymous()


_KINDS = {Basic: "password", IdentityToken: "identity token", BearerToken: "bearer token"}


def kind_of(credential: Credential) -> str:
    """Return the word for a kind of credential, ``""`` for no credential."""
    return _KINDS.get(type(credential), "")
