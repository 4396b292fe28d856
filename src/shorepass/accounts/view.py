"""What a client sees of a store that has several logins for one registry: links of the chain (``chain``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.accounts.keys import MARK, key_of, require, require_room, spellings, split
from shorepass.credential import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from shorepass.accounts.choice import Choice
    from shorepass.credential import Credential
    from shorepass.stores import Store

    Choose: TypeAlias = Callable[[str], Choice | None]

__all__ = ["AccountLogins", "DefaultLogins", "choice_for", "first_of"]


def choice_for(key: str, choose: Choose, store: Store) -> Choice | None:
    """Return the account that is meant by a client's key, None for the default login. Raises UsageError.

    A key that has an account in it means that account's login, and no rule is asked.
    """
    choice = None if split(key)[1] else choose(key)
    if choice:
        require_room(store.name)
    return choice


def first_of(store: Store, key: str, account: str) -> Credential:
    """Return an account's login in any spelling of a key, ANONYMOUS if there is no login. Raises SourceError."""
    for spelled in spellings(key):
        found = store.get(key_of(spelled, account))
        if found != ANONYMOUS:
            return found
    return ANONYMOUS


def _erase(store: Store, key: str, account: str) -> bool:
    found = [store.erase(key_of(spelled, account)) for spelled in spellings(key)]
    return any(found)


class AccountLogins:
    """The logins of the account that is meant, and of no other. See ``chain.Link``.

    ``must_exist``: an account that has no login for any registry is an error, so that the default login is not used for it.
    """

    def __init__(self, store: Store, choose: Choose, *, must_exist: bool) -> None:
        self._store = store
        self._choose = choose
        self._must_exist = must_exist

    def get(self, key: str) -> Credential:
        """Return the account's login. Raises UsageError: there is no such account; SourceError."""
        choice = choice_for(key, self._choose, self._store)
        if choice is None:
            return ANONYMOUS
        found = first_of(self._store, key, choice.account)
        if found == ANONYMOUS and self._must_exist:
            require(choice.account, self._store.list(), choice)
        return found

    def erase(self, key: str) -> bool:
        """Erase the account's login in each spelling of the key. Raises UsageError, WriteError, SourceError."""
        choice = choice_for(key, self._choose, self._store)
        if choice is None:
            return False
        if _erase(self._store, key, choice.account):
            return True
        names = self._store.list() if self._must_exist else {}
        if any(
            spelled in names for spelled in spellings(key)
        ):  # a logout asks for other spellings of an erased key, too
            require(choice.account, names, choice)
        return False

    def list(self) -> dict[str, str]:
        """Return the account's user names by key. Raises UsageError, SourceError."""
        names = self._store.list()
        return dict(self._keys(names))

    def _keys(self, names: dict[str, str]) -> Iterable[tuple[str, str]]:
        for key in dict.fromkeys(split(key)[0] for key in names):
            choice = choice_for(key, self._choose, self._store)
            if choice is None:
                continue
            found = [spelled for spelled in spellings(key) if key_of(spelled, choice.account) in names]
            if found:
                yield key, names[key_of(found[0], choice.account)]
            elif self._must_exist:
                require(choice.account, names, choice)


class DefaultLogins:
    """The logins that belong to no account. See ``chain.Link``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> Credential:
        """Return the login, ANONYMOUS if there is no login. Raises SourceError."""
        return first_of(self._store, key, "")

    def erase(self, key: str) -> bool:
        """Erase the login in each spelling of the key. Raises WriteError, SourceError."""
        return _erase(self._store, key, "")

    def list(self) -> dict[str, str]:
        """Return the user names by key. Raises SourceError."""
        names = self._store.list()
        if not any(MARK in key for key in names):
            return names  # with ten thousand logins this takes a third of the time
        return {key: name for key, name in names.items() if not split(key)[1]}
