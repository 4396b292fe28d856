"""Mode ``export``: a config file with the named logins, as docker would send them here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.agent.lent_file import LentFile, Made
from shorepass.credential import Anonymous
from shorepass.names import server_url
from shorepass.registry.expiry import expires_at
from shorepass.share.registry_token import Unlendable
from shorepass.share.writers import docker_config

if TYPE_CHECKING:
    from shorepass.agent.lender import Lender
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant

__all__ = ["lent_logins"]

KEEP_SECONDS = 600.0  # a login that does not say when it ends is read again in half of this time


def lent_logins(lender: Lender, grant: Grant) -> LentFile:
    """Serve a grant in mode ``export``."""
    return LentFile(lender, grant, _make)


def _make(lender: Lender, grant: Grant) -> Made:
    """Return a config file with the login for each registry. Raises ShorepassError, NeedsPassphrase."""
    now = time.time()
    logins: dict[str, Credential] = {}
    until = now + KEEP_SECONDS
    for registry in grant.registries:
        credential = lender.resolve(grant, registry).credential
        if isinstance(credential, Anonymous):
            raise Unlendable(registry, "you have no login for it")
        logins[server_url(registry)] = credential
        ends = expires_at(credential)
        if ends is not None and ends > now:
            until = min(until, ends)
    return Made(docker_config(logins).encode(), until)
