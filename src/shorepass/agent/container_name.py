"""The name of a container, as its engine knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.containers.engines import endpoints
from shorepass.contexts.engine_family import Family
from shorepass.errors import ShorepassError

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["name_of"]

SECONDS = 3.0  # for an engine's answer


def name_of(here: LocalContext, container: str) -> str:
    """Return the name of a container by its id, "" if no engine that runs knows it. No engine is started."""
    for family in Family:
        for endpoint in endpoints(here, family):
            try:
                engine = endpoint.open(here) if endpoint.host else None
                found = engine.containers(timeout=SECONDS) if engine else []
            except ShorepassError:
                continue
            for summary in found:
                if summary.id == container:
                    return summary.name
    return ""
