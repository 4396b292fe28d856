"""Log out: erase the secret from the client's files and from every copy that Shorepass made.

The client's own logout erases the login in its file or helper. There may be more copies: in a Shorepass store that clients no
longer use, in the journal of fixes (it has old file contents), and in temporary files of killed commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass import settings
from shorepass.accounts.keys import key_of, split
from shorepass.clients import FAMILIES, Target, find
from shorepass.contexts.command import command
from shorepass.contexts.terminal import ask
from shorepass.errors import ShorepassError, SourceError, StoreLocked, UsageError, WriteError
from shorepass.files import run_folder
from shorepass.fixes.journal import Journal
from shorepass.helper import OURSELVES
from shorepass.logins import as_account
from shorepass.logins.helper_entry import end_override
from shorepass.logins.log_in import Erasure
from shorepass.logins.log_in import log_out as erase_as_client
from shorepass.logins.log_in import log_out_everywhere as erase_all_as_client
from shorepass.logins.remaining import Left, meant, remaining
from shorepass.names import HUB_HOSTS, HUB_REGISTRY, HUB_SERVER_URL
from shorepass.stores.os_keychain import OsKeychain
from shorepass.stores.vault.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shorepass.clients import Client
    from shorepass.contexts import Context
    from shorepass.contexts.local import LocalContext
    from shorepass.stores import Store

__all__ = ["Departure", "Left", "log_out", "log_out_everywhere"]


class Departure(NamedTuple):
    """What a logout did.

    ``erased``: what the client's own logout erases. ``ours``: Shorepass's stores that had the login or may still have it.
    ``repairs``: names of fixes that had a copy, and can no longer be undone. ``left``: what clients still find.
    """

    erased: list[Erasure]
    ours: list[Erasure]
    repairs: list[str]
    left: list[Left]


def log_out(here: LocalContext, context: Context, client: Client, server: str) -> Departure:
    """Erase what ``client``'s own logout erases, and every copy that Shorepass made. ``here``: this process's context.

    What cannot be erased is in the answer, not an exception. Raises UsageError; WriteError: a client's file cannot be written.
    """
    erased = erase_as_client(context, client, server)
    registry = meant(server or HUB_REGISTRY)
    keys = [erasure.target.key for erasure in erased]
    if registry == HUB_REGISTRY:
        keys += [HUB_REGISTRY, HUB_SERVER_URL]  # podman's key and docker's
    ours = list(_erase_ours(here, lambda _: keys, context, server))
    if not (context.name == "me" and as_account.accounts_left(here, client, server)):
        _end_override(here, context, client, keys, ours)
    repairs = _forget_copies(here, context, erased, _hosts(registry), ours)
    return Departure(erased, ours, repairs, list(remaining(here, context, registry, silent=_failed(erased))))


def log_out_account(here: LocalContext, client: Client, server: str, account: str) -> Departure:
    """Erase the login of an account, and every copy that Shorepass made. Raises UsageError, SourceError, WriteError."""
    erased = as_account.log_out(here, client, server, account)
    keys = [key_of(target.key, account) for target in client.erasures(here, server)]
    ours = list(_erase_ours(here, lambda _: keys, here, server, of_account=True))
    return Departure(erased, ours, _forget_copies(here, here, erased, _hosts(meant(server)), ours), [])


def log_out_everywhere(here: LocalContext, context: Context, client: Client) -> Departure:
    """Erase every login that ``client`` could use and every copy that Shorepass made. Find what is left.

    Raises as ``log_out`` does.
    """
    erased = erase_all_as_client(context, client)
    ours = list(_erase_ours(here, lambda store: store.list(), context, ""))
    _end_override(here, context, client, None, ours)
    repairs = _forget_copies(here, context, erased, {""}, ours)
    return Departure(erased, ours, repairs, list(remaining(here, context, None, silent=_failed(erased))))


def _end_override(
    here: LocalContext, context: Context, client: Client, keys: list[str] | None, failed: list[Erasure]
) -> None:
    """Undo what ``login --store`` changed in the client's file. A failure is added to ``failed``."""
    path = client.files(context, for_login=True)[0].path
    try:
        end_override(context, here, [path], keys)
    except (SourceError, WriteError) as error:
        failed.append(Erasure(Target(path, ""), found=False, error=error))


def _failed(erased: Iterable[Erasure]) -> set[str]:
    """Return the suffixes of the helpers that could not erase a login."""
    return {erasure.target.helper or "" for erasure in erased if erasure.error}


def _hosts(registry: str) -> Iterable[str]:
    return HUB_HOSTS if registry == HUB_REGISTRY else (registry,)


# Shorepass stores


def _erase_ours(
    here: LocalContext,
    keys_in: Callable[[Store], Iterable[str]],
    context: Context,
    server: str,
    *,
    of_account: bool = False,
) -> Iterator[Erasure]:
    """Erase keys from the Shorepass stores that no client asks for them. Yield what was found or failed."""
    if context.name != "me":
        return  # another context has its own stores

    for store, path in _our_stores(here):
        try:
            chosen = (settings.load(here).store or "vault") == store.name
            for key in dict.fromkeys(keys_in(store)):
                needed = chosen and not of_account and _is_asked_for(context, server or split(key)[0])
                if not needed and store.erase(key):
                    yield Erasure(Target(path, key), found=True)
        except (SourceError, WriteError) as error:
            again = command(None, "logout", server or "--all")
            reason = f"{path} may still hold the login: {error.message}"
            hint = f"run it in a terminal: {again}" if isinstance(error, StoreLocked) else error.hint
            yield Erasure(Target(path, server), found=False, error=ShorepassError(reason, hint=hint))


def _our_stores(here: LocalContext) -> Iterator[tuple[Store, str]]:
    """Yield the existing stores that only Shorepass writes, each with its file."""
    vault = Vault(here, ask=ask, tell=lambda _: None)  # an erase also makes a damaged one usable
    if vault.exists():
        yield vault, vault.path
    if here.platform in ("darwin", "windows"):
        keychain = OsKeychain(here)
        if here.status(keychain.index_path) is not None:
            yield keychain, keychain.index_path


def _is_asked_for(context: Context, server: str) -> bool:
    """Return whether a client's file names Shorepass's helper for a server. Raises SourceError."""
    for name in FAMILIES:
        try:
            if any(target.helper == OURSELVES for target in find(name).erasures(context, server)):
                return True
        except UsageError:
            continue  # that client has no such name, so it has no such login
    return False


# Copies


def _forget_copies(
    here: LocalContext, context: Context, erased: list[Erasure], hosts: Iterable[str], failed: list[Erasure]
) -> list[str]:
    """Forget the fixes that name a host, and the files of killed commands. Return the fixes' names."""
    run_folder.sweep(here.temporary_folder())
    journal = Journal(here)
    try:
        return journal.forget_what_names(hosts, context.name, {erasure.target.path for erasure in erased})
    except (SourceError, WriteError) as error:
        failed.append(Erasure(Target(journal.folder, ""), found=False, error=error))
        return []
