"""What a client would find outside of ``shorepass run --as work``: the last link of the chain.

``SHOREPASS_BEHIND`` names the client and its own file: ``docker:DIR``, ``podman:FILE``. Nothing follows the colon if the
client's variable was not set.
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
    """Return the name of the variable that holds the path of a client's file."""
    return find(client).facts.variable


def context_outside_run(here: LocalContext) -> LocalContext:
    """Return the context as it was before ``shorepass run``, or the same context without a run."""
    client, _, location = (here.getenv(VARIABLE) or "").partition(":")
    if not client:
        return here
    # docker and podman treat an empty variable like one that is not set
    return here.with_env(**{VARIABLE: "", settings.ACCOUNT_VARIABLE: "", location_variable(client): location})


class LoginsOutsideRun:
    """The logins in the files that the private ones override. See ``chain.Link``. Raises UsageError: no such client.

    ``store``: the name of the store that is asked first, for errors.
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
            raise StoreBroken(self._store, f"{where}: a registry token, which a credential helper cannot return")
        return found.credential

    @staticmethod
    def erase(key: str) -> bool:  # noqa: ARG004  # a logout inside ``shorepass run`` is for the account only
        """Erase nothing: the running command does not own these files."""
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
