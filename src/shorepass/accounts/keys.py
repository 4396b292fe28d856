"""More than one account for a registry: their keys in a store.

The login of the account ``work`` for ``ghcr.io`` is stored under the key ``ghcr.io#work``. No client asks for such a key:
``choice`` says which account it means, and ``docker-credential-shorepass`` answers with that account's login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.contexts.command import command
from shorepass.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.accounts.choice import Choice

__all__ = [
    "MARK",
    "WITHOUT_ROOM",
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
