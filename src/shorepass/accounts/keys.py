"""More than one account for a registry: their keys in a store, and what of that store a client sees.

The login of the account ``work`` for ``ghcr.io`` rests in a store under the key ``ghcr.io#work``. No client asks for such a
key: ``choice`` says which account it means, and ``docker-credential-shorepass`` gives it that one's login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS
from shorepass.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shorepass.accounts.choice import Choice
    from shorepass.credential import Credential
    from shorepass.stores import Store

__all__ = [
    "WITHOUT_ROOM",
    "Accounts",
    "accounts_of",
    "key_of",
    "keys_of",
    "require",
    "require_room",
    "spellings",
    "split",
]

MARK = "#"
WITHOUT_ROOM = ("file", "helper:osxkeychain")  # docker reads the one itself; the other takes only keys that are URLs


def key_of(key: str, account: str) -> str:
    """Return the key under which a store keeps an account's login for ``key``; the account "" is the default login."""
    return f"{key}{MARK}{account}" if account else key


def split(key: str) -> tuple[str, str]:
    """Return what ``key_of`` was given: the key, and the account ("" for the default login)."""
    plain, mark, account = key.rpartition(MARK)
    if not mark or not plain:
        return key, ""
    try:
        return plain, settings.check_account(account)
    except UsageError:
        return key, ""


def spellings(key: str) -> tuple[str, ...]:
    """Return the keys that mean the same to clients: docker asks for Docker Hub by its URL, podman by its name."""
    if "docker.io" not in key:
        return (key,)  # nearly always, and without loading what follows
    from shorepass.names import HUB_REGISTRY, HUB_SERVER_URL

    if key in (HUB_REGISTRY, HUB_SERVER_URL):
        return key, HUB_SERVER_URL if key == HUB_REGISTRY else HUB_REGISTRY
    return (key,)


def accounts_of(keys: Iterable[str]) -> list[str]:
    """Return the accounts that have a login among a store's keys, sorted."""
    return sorted({account for _, account in map(split, keys) if account})


def keys_of(keys: Iterable[str], account: str) -> list[str]:
    """Return the keys for which an account has a login, sorted."""
    return sorted(key for key, of in map(split, keys) if of == account)


def require(account: str, keys: Iterable[str], choice: Choice | None = None) -> None:
    """Raise UsageError where an account has no login among a store's keys: it is a slip, or was never logged in.

    ``choice`` is what it was meant by, if it was not named on the command line.
    """
    there = accounts_of(keys)
    if account not in there:
        hint = f"these have: {', '.join(there)}" if there else command(None, "login", "--as", account, "REGISTRY")
        if choice and choice.rule:
            hint += f"; or take its rules out: {command(None, 'accounts', 'forget', account)}"
        why = f"; {choice.why}" if choice else ""
        raise UsageError(f"the account {account!r} has no login for any registry{why}", hint=hint)


def require_room(store: str) -> None:
    """Raise UsageError where a store of that name can keep no account's login beside the default one."""
    if store in WITHOUT_ROOM:
        raise UsageError(
            f"the store {store} keeps one login for a registry, and no accounts",
            hint=command(None, "stores", "use", "vault"),
        )


class Accounts:
    """A store as a client sees it: for each key the login of the account that is chosen, else the default login.

    See ``Store``. ``choose`` is given the key; None where no account is ever chosen. An account that has no login anywhere
    is an error, and not the default login. A key that has an account in it means that account's login.
    """

    def __init__(self, store: Store, choose: Callable[[str], Choice | None] | None) -> None:
        self.name = store.name
        self._store = store
        self._choose = choose

    def get(self, key: str) -> Credential:
        """Return the login that is meant. Raises UsageError: no such account; SourceError."""
        choice = self._choice(key)
        if choice:
            found = self._first(key, choice.account)
            if found != ANONYMOUS:
                return found
            require(choice.account, self._store.list(), choice)
        return self._first(key, "")

    def _first(self, key: str, account: str) -> Credential:
        for spelled in spellings(key):
            found = self._store.get(key_of(spelled, account))
            if found != ANONYMOUS:
                return found
        return ANONYMOUS

    def store(self, key: str, credential: Credential) -> None:
        """Keep a login as the account's own. Raises UsageError, WriteError, SourceError."""
        choice = self._choice(key)
        self._store.store(key_of(key, choice.account if choice else ""), credential)

    def erase(self, key: str) -> bool:
        """Forget the login that ``get`` returns, in each spelling of the key. Raises UsageError, WriteError, SourceError."""
        choice = self._choice(key)
        if choice:
            if self._forget(key, choice.account):
                return True
            names = self._store.list()
            if not any(spelled in names for spelled in spellings(key)):
                return False  # a logout asks for other ways to write the key, too: the last login may have gone by now
            require(choice.account, names, choice)
        return self._forget(key, "")

    def _forget(self, key: str, account: str) -> bool:
        found = [self._store.erase(key_of(spelled, account)) for spelled in spellings(key)]
        return any(found)

    def list(self) -> dict[str, str]:
        """Return the user name that ``get`` finds for each key. Raises UsageError, SourceError."""
        names = self._store.list()
        if self._choose is None and not any(MARK in key for key in names):
            return names  # nearly always, and with ten thousand logins a third of the time
        seen = {}
        for key in dict.fromkeys(split(key)[0] for key in names):
            choice = self._choice(key)
            accounts = (choice.account, "") if choice else ("",)
            places = [key_of(spelled, account) for account in accounts for spelled in spellings(key)]
            found = next((place for place in places if place in names), None)
            if choice and (found is None or not split(found)[1]):
                require(choice.account, names, choice)
            if found is not None:
                seen[key] = names[found]
        return seen

    def _choice(self, key: str) -> Choice | None:
        if self._choose is None or split(key)[1]:
            return None
        choice = self._choose(key)
        if choice:
            require_room(self._store.name)
        return choice
