"""The logins and tokens that a file or a document hands over, and when the first of them ends."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import DEFAULT
from shorepass.credential import Anonymous, BearerToken
from shorepass.grants.grant import TOKEN
from shorepass.names import server_url
from shorepass.registry.client import Access, RegistryClient
from shorepass.registry.expiry import expires_at
from shorepass.share import registry_token
from shorepass.share.unlendable import Unlendable, no_login

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant

    Resolve = Callable[[str], Credential]

__all__ = ["FoundLogins", "find_logins"]

REGISTRY_SECONDS = 10.0
LONG_SECONDS = 3600.0  # a token that is valid for this time is lent also for a shorter grant
CLOCK_SECONDS = 60.0  # by which the registry's clock may be ahead
KEEP_SECONDS = 600.0  # a login that does not say when it ends is read again in half of this time


class FoundLogins(NamedTuple):
    """``logins``: credentials by server URL. ``until``: when to have read them again, in seconds since 1970.

    ``token_end``: when the last registry token ends, which no one can end before; 0 without one.
    """

    logins: dict[str, Credential]
    until: float
    token_end: float = 0.0


def find_logins(here: Context, grant: Grant, resolve: Resolve) -> FoundLogins:
    """Return what a grant in mode ``token`` or ``export`` hands over.

    ``resolve``: returns the user's login for a repository or a registry. Raises ShorepassError, and what ``resolve`` raises.
    """
    return (_tokens if grant.mode == TOKEN else _logins)(here, grant, resolve)


def _tokens(here: Context, grant: Grant, resolve: Resolve) -> FoundLogins:
    """Return one token per registry, for all repositories of it."""
    access = Access(client=DEFAULT, trusted_realms=grant.realms, timeout=REGISTRY_SECONDS)
    tokens: dict[str, Credential] = {}
    until, token_end = grant.until, 0.0
    for registry in grant.registries:
        names = [name for name in grant.repositories if name.startswith(f"{registry}/")]
        repositories = [name.removeprefix(f"{registry}/") for name in names]
        credential = resolve(names[0])
        with RegistryClient(registry, access, here) as client:
            token = registry_token.make(client, repositories, push=grant.push, credential=credential)
        lent = tokens[server_url(registry)] = BearerToken(token.secret)
        until = min(until, token.expires)
        end = max(token.expires, expires_at(lent) or 0.0)
        _check_time(registry, grant, end - time.time())
        token_end = max(token_end, end)
    return FoundLogins(tokens, until, token_end)


def _check_time(registry: str, grant: Grant, seconds: float) -> None:
    """Raise Unlendable if a token is valid for longer than the whole time of a grant, unless that is not long."""
    if seconds > max(LONG_SECONDS, grant.until - grant.created) + CLOCK_SECONDS:
        time_ = f"{math.ceil(seconds / LONG_SECONDS)}h"
        raise Unlendable(
            registry,
            f"its token is valid for {time_}, and revoke cannot end a copy; use --for {time_}, or --mode forward",
        )


def _logins(_: Context, grant: Grant, resolve: Resolve) -> FoundLogins:
    now = time.time()
    logins: dict[str, Credential] = {}
    until = now + KEEP_SECONDS
    for registry in grant.registries:
        credential = resolve(registry)
        if isinstance(credential, Anonymous):
            raise no_login(registry)
        logins[server_url(registry)] = credential
        ends = expires_at(credential)
        if ends is not None and ends > now:
            until = min(until, ends)
    return FoundLogins(logins, until)
