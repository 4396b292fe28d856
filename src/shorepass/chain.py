"""The answers of ``docker-credential-shorepass``: links, asked one after the other.

Without an account, the link has the default logins of the store. With rules or SHOREPASS_ACCOUNT, the account's logins are
asked first. Inside ``shorepass run``, the last link has what the client finds without Shorepass. A provider or an agent is a
link, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.accounts.keys import key_of, spellings
from shorepass.accounts.view import AccountLogins, DefaultLogins, choice_for
from shorepass.credential import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from shorepass.accounts.view import Choose
    from shorepass.credential import Credential
    from shorepass.stores import Store

    class Link(Protocol):
        """Something that may know a login. ANONYMOUS means "not mine": the next link is asked. An error ends the search."""

        def get(self, key: str) -> Credential:
            """Return the login for a key of the helper protocol."""

        def erase(self, key: str) -> bool:
            """Erase that login; False when the link has none."""

        def list(self) -> dict[str, str]:
            """Return user names by key."""


__all__ = ["Chain", "chain_of"]


class Chain:
    """The four verbs of the helper protocol over links. ``store`` is where new logins are stored.

    ``choose`` returns the account that a key means, None for the default login.

    >>> chain = chain_of(store)
    >>> chain.get("ghcr.io")
    Basic(username='alice', password=Secret(...))
    """

    def __init__(self, store: Store, links: Sequence[Link], choose: Choose) -> None:
        self.name = store.name
        self._store = store
        self._links = links
        self._choose = choose

    def get(self, key: str) -> Credential:
        """Return the first login that a link has, else ANONYMOUS. Raises UsageError, SourceError."""
        for link in self._links:
            found = link.get(key)
            if found != ANONYMOUS:
                return found
        return ANONYMOUS

    def store(self, key: str, credential: Credential) -> None:
        """Store a login for the account that the key means. Raises UsageError, WriteError, SourceError."""
        choice = choice_for(key, self._choose, self._store)
        account = choice.account if choice else ""
        self._store.store(key_of(key, account), credential)

    def erase(self, key: str) -> bool:
        """Erase the login that ``get`` returns, in each spelling of the key. Raises UsageError, WriteError, SourceError."""
        return any(link.erase(key) for link in self._links)

    def list(self) -> dict[str, str]:
        """Return the user name that ``get`` finds for each key. Raises UsageError, SourceError."""
        seen: dict[str, str] = {}
        for link in self._links:
            names = link.list()
            known: set[str] = set()
            for key in seen:
                known.update(spellings(key))
            seen |= {key: name for key, name in names.items() if key not in known}
        return seen


def chain_of(store: Store, choose: Choose | None = None, last: Link | None = None) -> Chain:
    """Return the chain over a store. ``choose``: None if no key means an account.

    ``last``: the link that is asked instead of the default logins, if an account has no login for a registry.
    """
    choose = choose or _never
    links: list[Link] = [] if choose is _never else [AccountLogins(store, choose, must_exist=last is None)]
    return Chain(store, [*links, last or DefaultLogins(store)], choose)


def _never(key: str) -> None:  # because a rule would read the key
    """Choose no account."""
