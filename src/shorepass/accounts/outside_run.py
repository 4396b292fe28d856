"""What a client would find if ``shorepass run --as work`` had not given it files of its own: the last link of the chain.

``SHOREPASS_BEHIND`` says which client that is, and where its own file is: ``docker:DIR``, ``podman:FILE``. Nothing follows the
colon where the client's variable was not set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.clients import find
from shorepass.credential import ANONYMOUS, BearerToken
from shorepass.errors import InvalidReference, StoreBroken
from shorepass.names import Reference, registry_of_server, server_url

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential

__all__ = ["VARIABLE", "LoginsOutsideRun", "context_outside_run", "location_variable"]

VARIABLE = settings.BEHIND_VARIABLE


def location_variable(client: str) -> str:
    """Return the variable that tells a client where its file is."""
    return find(client).facts.variable


def context_outside_run(here: LocalContext) -> LocalContext:
    """Return the context as it was before ``shorepass run``; the same where there was none."""
    client, _, location = (here.getenv(VARIABLE) or "").partition(":")
    if not client:
        return here
    # an empty variable is to docker and to containers as one that is not set
    return here.with_env(**{VARIABLE: "", settings.ACCOUNT_VARIABLE: "", location_variable(client): location})


class LoginsOutsideRun:
    """The logins in the files that the private ones override. See ``chain.Link``. Raises UsageError: no such client.

    ``store``: the name of the store before it, for errors.
    """

    def __init__(self, here: LocalContext, store: str) -> None:
        self._client = find((here.getenv(VARIABLE) or "").partition(":")[0])
        self._store = store
        # docker reads this variable before it asks a helper
        self._before = context_outside_run(here).with_env(DOCKER_AUTH_CONFIG="")

    def get(self, key: str) -> Credential:
        """Return what the client would have found. Raises SourceError."""
        try:
            reference = Reference(registry_of_server(key))
        except InvalidReference:
            return ANONYMOUS
        if key not in (reference.registry, server_url(reference.registry)):
            return ANONYMOUS  # not the key of a registry's login, such as https://index.docker.io/v1/access-token
        found = self._client.resolve(self._before, reference)
        if isinstance(found.credential, BearerToken):
            where = found.source.path if found.source else self._client.name
            raise StoreBroken(self._store, f"{where}: a registry token, which no credential helper can pass on")
        return found.credential

    @staticmethod
    def erase(key: str) -> bool:  # noqa: ARG004  # a logout inside ``shorepass run`` is of the account alone
        """Erase nothing: these files are not those of the command that runs."""
        return False

    def list(self) -> dict[str, str]:
        """Return the user names that the client would have found. Raises SourceError."""
        seen: dict[str, str] = {}
        for entry in self._client.entries(self._before):
            try:
                key = server_url(registry_of_server(entry.key))
            except InvalidReference:
                continue
            if entry.error is None:
                seen.setdefault(key, entry.username)
        return seen
