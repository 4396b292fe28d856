"""The four kinds of credential that a client can send to a registry.

``config.auth_entry`` reads and writes them in files, and ``helper.protocol`` exchanges them with helpers.
"""

from typing import NamedTuple

from shorepass.secret import Secret

__all__ = ["ANONYMOUS", "Anonymous", "Basic", "BearerToken", "Credential", "IdentityToken", "kind_of"]


class Anonymous(NamedTuple):
    """No credential. Use the one instance, ``ANONYMOUS``."""


class Basic(NamedTuple):
    """A user name and a password (or personal access token, or robot secret)."""

    username: str
    password: Secret


class IdentityToken(NamedTuple):
    """A long-lived OAuth2 refresh token.

    In the helper protocol its user name is ``<token>``. ``username``: the name that the file or the registry has for it. It is
    for messages, and is not sent with the token.
    """

    token: Secret
    username: str = ""


class BearerToken(NamedTuple):
    """A short-lived bearer token (``registrytoken``), sent only to the registry."""

    token: Secret


Credential = Anonymous | Basic | IdentityToken | BearerToken

ANONYMOUS = Anonymous()


_KINDS = {Basic: "password", IdentityToken: "identity token", BearerToken: "bearer token"}


def kind_of(credential: Credential) -> str:
    """Return the word for a kind of credential, ``""`` for no credential."""
    return _KINDS.get(type(credential), "")
