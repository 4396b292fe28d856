"""The logins and tokens that a file or a document hands over, and when the first of them ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import DEFAULT
from shorepass.contexts.command import command
from shorepass.credential import Anonymous, BearerToken
from shorepass.grants.grant import TOKEN
from shorepass.names import server_url
from shorepass.registry.client import Access, RegistryClient
from shorepass.registry.expiry import expires_at
from shorepass.share import registry_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant

    Resolve = Callable[[str], Credential]

__all__ = ["FoundLogins", "find_logins"]

REGISTRY_SECONDS = 10.0
KEEP_SECONDS = 600.0  # a login that does not say when it ends is read again in half of this time


class FoundLogins(NamedTuple):
    """``logins``: credentials by server URL. ``until``: when to have read them again, in seconds since 1970."""

    logins: dict[str, Credential]
    until: float


def find_logins(here: Context, grant: Grant, resolve: Resolve) -> FoundLogins:
    """Return what a grant in mode ``token`` or ``export`` hands over.

    ``resolve``: returns the user's login for a repository or a registry. Raises ShorepassError, and what ``resolve`` raises.
    """
    return (_tokens if grant.mode == TOKEN else _logins)(here, grant, resolve)


def _tokens(here: Context, grant: Grant, resolve: Resolve) -> FoundLogins:
    """Return one token per registry, for all repositories of it."""
    access = Access(client=DEFAULT, trusted_realms=grant.realms, timeout=REGISTRY_SECONDS)
    tokens: dict[str, Credential] = {}
    until = grant.until
    for registry in grant.registries:
        names = [name for name in grant.repositories if name.startswith(f"{registry}/")]
        repositories = [name.removeprefix(f"{registry}/") for name in names]
        credential = resolve(names[0])
        with RegistryClient(registry, access, here) as client:
            token = registry_token.make(client, repositories, push=grant.push, credential=credential)
        tokens[server_url(registry)] = BearerToken(token.secret)
        until = min(until, token.expires)
    return FoundLogins(tokens, until)


def _logins(_: Context, grant: Grant, resolve: Resolve) -> FoundLogins:
    now = time.time()
    logins: dict[str, Credential] = {}
    until = now + KEEP_SECONDS
    for registry in grant.registries:
        credential = resolve(registry)
        if isinstance(credential, Anonymous):
            raise registry_token.Unlendable(registry, "you have no login for it", hint=command(None, "login", registry))
        logins[server_url(registry)] = credential
        ends = expires_at(credential)
        if ends is not None and ends > now:
            until = min(until, ends)
    return FoundLogins(logins, until)
