"""The logins that clients still find after a logout, and how to log out of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.accounts.keys import split
from shorepass.accounts.known import known_logins
from shorepass.client_table import FAMILIES, FILE_FLAG, row_of
from shorepass.clients import find
from shorepass.clients.helper_lists import HelperLists, user_name
from shorepass.contexts import is_untouched
from shorepass.errors import InvalidReference, SourceError, UsageError, without_user_info
from shorepass.helper import OURSELVES
from shorepass.names import registry_meant
from shorepass.stores.helper_backends import is_locked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from shorepass.clients import Entry, Target
    from shorepass.contexts import Context
    from shorepass.contexts.local import LocalContext

__all__ = ["LEGACY", "Left", "meant", "remaining"]

LEGACY = ".dockercfg"  # keeps keys at its top, where no logout looks for them
HELPER_SECONDS = 3  # for a helper to say what it has: the logout itself is done


class Left(NamedTuple):
    """A login that a client still finds: in ``path``, or by a helper, which is named there.

    ``flags``: those with which the client's logout erases it; None: its logout cannot erase it.
    """

    client: str
    key: str
    path: str
    flags: tuple[str, ...] | None


def remaining(
    here: LocalContext, context: Context, registry: str | None, *, silent: Collection[str] = ()
) -> Iterator[Left]:
    """Yield the logins that clients still find, each once; ``registry``: of that one alone, None for all.

    ``here``: the context of this process. ``silent``: suffixes of helpers that failed already, and are not asked again.
    What a helper or a store does not say is left out: no passphrase is asked for.
    """
    owners = {find(name).own_file(context): name for name in reversed(FAMILIES)}
    helpers = _Helpers(here, context, silent)
    seen = set()
    for name in FAMILIES:
        entries = find(name).entries(context, ask_helpers=False)
        own = {entry.key for entry in entries if entry.helper and entry.key}
        for entry in entries:
            if registry is not None and entry.key and meant(entry.key) != registry:
                continue
            for key in helpers.keys(entry, own):
                if (registry is None or meant(key) == registry) and (entry.path, key) not in seen:
                    seen.add((entry.path, key))
                    owner = owners.get(entry.path, name)
                    path = entry.path or find(name).own_file(context)  # empty: the client chose that helper by itself
                    yield Left(owner, key, path, _flags(context, owner, entry, key))


class _Helpers:
    """What the helpers of a context have, each asked once."""

    def __init__(self, here: LocalContext, context: Context, silent: Collection[str]) -> None:

        self._here = here
        self._context = context
        self._silent = silent
        self._lists = HelperLists(context.with_env(SHOREPASS_HELPER_TIMEOUT=f"{HELPER_SECONDS}"))

    def keys(self, entry: Entry, own: Collection[str]) -> list[str]:
        """Return the keys of the logins behind an entry. ``own``: the keys for which the client asks other helpers."""
        if entry.error is not None:
            return []
        if entry.kind or not entry.helper:
            return [entry.key]
        if entry.helper == OURSELVES and self._context.name == "me":
            kept = _keys_in_store(self._here, entry.key)
        else:
            kept = self._asked(entry)
        return kept if entry.key else [key for key in kept if key not in own]

    def _asked(self, entry: Entry) -> list[str]:

        suffix = entry.helper or ""
        if suffix in self._silent or is_untouched(self._context.name):
            return []
        if suffix == "secretservice" and is_locked(self._context):
            return []  # on a desktop, even its list would open a password window
        listed = self._lists.entries(entry.path, suffix, entry.key or None)
        return [found.key for found in listed if found.error is None]


def _keys_in_store(here: LocalContext, key: str) -> list[str]:
    """Return the key if Shorepass's store has the default login for it; all keys of default logins for ``""``."""
    names = known_logins(here) or {}
    if key:
        return [key] if user_name(OURSELVES, key, names) is not None else []
    return [name for name in names if not split(name)[1]]


def _flags(context: Context, client: str, entry: Entry, key: str) -> tuple[str, ...] | None:
    """Return the flags with which a client's logout erases a login, None where it cannot."""
    if entry.helper == OURSELVES:
        return ()
    if entry.path.endswith(LEGACY):
        return None
    server = without_user_info(key)  # as the user sees it
    if any(_is(target, entry, key) for target in _erasures(context, client, server)):
        return ()
    named = context.with_env(**{find(client).facts.variable: entry.path})
    if row_of(client).flag == FILE_FLAG and any(_is(target, entry, key) for target in _erasures(named, client, server)):
        return (FILE_FLAG, entry.path)
    return None


def _is(target: Target, entry: Entry, key: str) -> bool:
    return target.key == key and target.helper == entry.helper and entry.path in ("", target.path)


def _erasures(context: Context, client: str, server: str) -> list[Target]:
    try:
        return find(client).erasures(context, server)
    except (SourceError, UsageError):
        return []


def meant(server: str) -> str:
    """Return the registry that a server URL means, or the text itself if it names no registry."""
    try:
        return registry_meant(server)
    except InvalidReference:
        return server.lower()
