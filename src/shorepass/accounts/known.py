"""Which logins the store in use is known to have, without asking anyone for a passphrase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.terminal import nobody
from shorepass.errors import ShorepassError
from shorepass.stores.in_use import chosen

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["known_logins"]


def known_logins(here: LocalContext) -> dict[str, str] | None:
    """Return user names by key, accounts' keys included; None where the store would ask the user, or fails.

    The store ``file`` has none here: the client's own file is read as that client reads it.
    """
    try:
        store = chosen(here, ask=nobody, tell=lambda _: None)
        return {} if store.name == "file" else store.list()
    except ShorepassError:
        return None
