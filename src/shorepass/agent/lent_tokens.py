"""Mode ``token``: a config file with nothing but registry tokens, which the agent makes from the user's logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.agent.lent_file import LentFile, Made
from shorepass.client_table import DEFAULT
from shorepass.credential import BearerToken
from shorepass.names import server_url
from shorepass.registry.client import Access, RegistryClient
from shorepass.share import registry_token
from shorepass.share.writers import docker_config

if TYPE_CHECKING:
    from shorepass.agent.lender import Lender
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant

__all__ = ["lent_tokens"]

REGISTRY_SECONDS = 10.0


def lent_tokens(lender: Lender, grant: Grant) -> LentFile:
    """Serve a grant in mode ``token``."""
    return LentFile(lender, grant, _make)


def _make(lender: Lender, grant: Grant) -> Made:
    """Return a config file with one token per registry, for all repositories of it. Raises ShorepassError, NeedsPassphrase."""
    here = lender.context(grant)
    access = Access(client=DEFAULT, trusted_realms=grant.realms, timeout=REGISTRY_SECONDS)
    tokens: dict[str, Credential] = {}
    until = grant.until
    for registry in grant.registries:
        names = [name for name in grant.repositories if name.startswith(f"{registry}/")]
        repositories = [name.removeprefix(f"{registry}/") for name in names]
        credential = lender.resolve(grant, names[0]).credential
        with RegistryClient(registry, access, here) as client:
            token = registry_token.make(client, repositories, push=grant.push, credential=credential)
        tokens[server_url(registry)] = BearerToken(token.secret)
        until = min(until, token.expires)
    return Made(docker_config(tokens).encode(), until)
