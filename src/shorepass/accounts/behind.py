"""What ``docker-credential-shorepass`` answers inside ``shorepass run --as work``.

The login of that account; for a registry where it has none, what the client would have found without us: by its own rules,
from the files that the private ones stand before. ``SHOREPASS_BEHIND`` says which: ``docker:DIR``, ``podman:FILE``, with
nothing behind the colon where the client's variable was not set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.accounts.keys import Accounts, key_of, spellings, split
from shorepass.clients import find
from shorepass.credential import ANONYMOUS, BearerToken
from shorepass.errors import InvalidReference, StoreBroken
from shorepass.names import Reference, registry_of_server, server_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.accounts.choice import Choice
    from shorepass.clients import Client
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores import Store

__all__ = ["VARIABLE", "Behind", "as_before", "location_of"]

VARIABLE = settings.BEHIND_VARIABLE


def location_of(client: str) -> str:
    """Return the variable that tells a client where its file is."""
    return find(client).facts.variable


def as_before(here: LocalContext) -> LocalContext:
    """Return the context as it was before ``shorepass run``; the same where there was none."""
    client, _, location = (here.getenv(VARIABLE) or "").partition(":")
    if not client:
        return here
    # an empty variable is to docker and to containers as one that is not set
    return here.with_env(**{VARIABLE: "", settings.ACCOUNT_VARIABLE: "", location_of(client): location})


class Behind(Accounts):
    """A store as a client sees it inside ``shorepass run``. See ``Accounts``. Raises UsageError: no such client."""

    def __init__(
        self,
        store: Store,
        choose: Callable[[str], Choice | None] | None,
        here: LocalContext,
    ) -> None:

        super().__init__(store, choose)
        self._client: Client = find((here.getenv(VARIABLE) or "").partition(":")[0])
        # where docker looks at this one, it has done so before it asks us
        self._before = as_before(here).with_env(DOCKER_AUTH_CONFIG="")

    def get(self, key: str) -> Credential:
        """Return the account's login, else what the client would have found. Raises SourceError."""
        choice = self._choice(key)
        found = self._first(key, choice.account) if choice else ANONYMOUS
        return found if found != ANONYMOUS else self._from_behind(key)

    def _from_behind(self, key: str) -> Credential:

        try:
            reference = Reference(registry_of_server(key))
        except InvalidReference:
            return ANONYMOUS
        if key not in (reference.registry, server_url(reference.registry)):
            return ANONYMOUS  # no key of a registry's login, such as https://index.docker.io/v1/access-token
        found = self._client.resolve(self._before, reference)
        if isinstance(found.credential, BearerToken):
            where = found.source.path if found.source else self._client.name
            raise StoreBroken(self.name, f"{where}: a registry token, which no credential helper can pass on")
        return found.credential

    def erase(self, key: str) -> bool:
        """Forget the account's login, and nobody else's. Raises WriteError, SourceError."""
        choice = self._choice(key)
        return choice is not None and self._forget(key, choice.account)

    def list(self) -> dict[str, str]:
        """Return the account's user names, and those that the client would have found beside them. Raises SourceError."""
        names, seen = self._store.list(), {}
        for key, account in map(split, names):
            choice = self._choice(key) if account else None
            if choice and choice.account == account:
                seen[key] = names[key_of(key, account)]
        for entry in self._client.entries(self._before):
            try:
                key = server_url(registry_of_server(entry.key))
            except InvalidReference:
                continue
            if entry.error is None and not any(spelled in seen for spelled in spellings(key)):
                seen[key] = entry.username
        return seen
