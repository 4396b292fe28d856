"""Which contexts exist here: everybody and everything on this machine where a client could run.

Each kind's module looks for its own; all look at the same time, and what has not answered in time is listed as such.
ssh hosts are never looked for: a name in a config file is no permission to connect.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from shorepass.contexts import Place
from shorepass.errors import trouble_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shorepass.contexts.local import LocalContext

__all__ = ["KINDS", "REACH_SECONDS", "discover"]

REACH_SECONDS = 3.0  # for a place to answer; what takes longer is shown as out of reach

# Modules with ``discover(here, timeout) -> Iterator[Place]``. An ended or absent engine is no place; one that is there
# and does not answer is a Place with ``trouble``. None raises.
KINDS = ("user", "sudo", "containers.container", "shells.remote")


def discover(here: LocalContext, *, timeout: float = REACH_SECONDS, kinds: Sequence[str] = KINDS) -> list[Place]:
    """Return every place that exists, this user's own first. Never raises for a place that does not answer."""
    found = [Place("me", open=lambda: here)]
    modules = [import_module(f"shorepass.contexts.{name}") for name in kinds]
    with ThreadPoolExecutor(len(modules)) as pool:
        for places in pool.map(lambda module: _listed(module.discover, here, timeout), modules):
            found += places
    return found


def _listed(look: Callable[[LocalContext, float], Iterator[Place]], here: LocalContext, timeout: float) -> list[Place]:
    """Return what one kind finds; whatever its module stumbles over, the other kinds are listed."""
    found: list[Place] = []
    try:
        found += look(here, timeout)
    except Exception as error:  # noqa: BLE001  # see trouble_in
        kind = look.__module__.rpartition(".")[2]
        found.append(Place(f"{kind}:*", trouble=trouble_in(f"{kind}:*", error).reason))
    return found
