"""Lists the contexts of this machine: everywhere that a client could run.

Each kind's module looks for its own contexts. All look at the same time, and a context that does not answer in time is listed
with that trouble. No module looks for ssh hosts: a name in a config file does not give permission to connect.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from shorepass.contexts.place import Place
from shorepass.errors import trouble_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shorepass.contexts.local import LocalContext

__all__ = ["KINDS", "REACH_SECONDS", "discover"]

REACH_SECONDS = 3.0  # for a context to answer; one that needs longer is shown as out of reach

# Modules with ``discover(here, timeout) -> Iterator[Place]``. They leave out an engine that is stopped or not installed. An
# engine that does not answer is a Place with ``trouble``. They do not raise.
KINDS = ("user", "sudo", "containers.container", "shells.remote")


def discover(here: LocalContext, *, timeout: float = REACH_SECONDS, kinds: Sequence[str] = KINDS) -> list[Place]:
    """Return every context that exists, this user's own first.

    A context that does not answer raises nothing.
    """
    found = [Place("me", open=lambda: here)]
    modules = [import_module(f"shorepass.contexts.{name}") for name in kinds]
    with ThreadPoolExecutor(len(modules)) as pool:
        for places in pool.map(lambda module: _listed(module.discover, here, timeout), modules):
            found += places
    return found


def _listed(look: Callable[[LocalContext, float], Iterator[Place]], here: LocalContext, timeout: float) -> list[Place]:
    """Return what one kind finds.

    An error of its module is its trouble, so that the other kinds are listed.
    """
    found: list[Place] = []
    try:
        found += look(here, timeout)
    except Exception as error:  # noqa: BLE001  # see trouble_in
        kind = look.__module__.rpartition(".")[2]
        found.append(Place(f"{kind}:*", trouble=trouble_in(f"{kind}:*", error).reason))
    return found
