"""Does a store really work here? Write a random entry, read it, erase it: what it says of itself is not enough."""

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

SECONDS = 2.0  # for all of it: at a login a person waits


def trouble(store: Store, seconds: float = SECONDS) -> ShorepassError | None:
    """Return why a store does not work, None where it does. What it was doing when its time was over goes on behind."""
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
            return StoreBroken(store.name, "it does not give back what was stored, or keeps what was erased")
    except ShorepassError as error:
        return error
    return None
