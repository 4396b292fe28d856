"""Test whether a store works here: write a random entry, read it, erase it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass.credential import ANONYMOUS, Basic
from shorepass.errors import ShorepassError, StoreBroken, StoreMissing
from shorepass.secret import Secret
from shorepass.stores.bounded import within

if TYPE_CHECKING:
    from shorepass.stores import Store

__all__ = ["SECONDS", "trouble"]

SECONDS = 2.0  # for the whole test, because the user waits at a login


def trouble(store: Store, seconds: float = SECONDS) -> ShorepassError | None:
    """Return why a store does not work, None if it works. Late work continues in its thread."""
    name = os.urandom(8).hex()
    key, login = f"shorepass-probe-{name}.invalid", Basic("shorepass-probe", Secret(name))

    def work() -> bool:
        store.store(key, login)
        try:
            return store.get(key) == login
        finally:
            store.erase(key)

    try:
        kept = within(seconds, work, StoreMissing(store.name, f"no answer within {seconds:g} s"))
        if not kept or store.get(key) != ANONYMOUS:
            return StoreBroken(store.name, "it loses what was stored, or keeps what was erased")
    except ShorepassError as error:
        return error
    return None
