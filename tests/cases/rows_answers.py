"""Servers whose answer names the cause: another server than the registry, or a registry with words of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.case import Case
from cases.repairs import with_login

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]


def at_the_registry(stage: Stage, offer: str) -> None:
    """Use the registry's own name and port, with a login there."""
    assert stage.found["subject"] == stage.registry, offer
    registry = stage.ground.registry
    stage.ref = stage.ref.replace(stage.registry, registry)
    stage.asks = ["doctor", stage.ref]
    with_login(stage, f"shorepass login --store file {registry}")


ROWS = [
    Case(
        "not-there",
        variant={"KIND": kind},
        fails=fails,
        asks="doctor {ref}",
        code="SP511",
        cause=cause,
        offers=offers,
        repair=at_the_registry,
    )
    for kind, fails, cause, offers in (
        ("page", "404", "it answered 404 with a web page", "is this the registry's own name and port?"),
        ("login", "unauthorized", "it answered 404 with a web page", "is this the registry's own name and port?"),
        ("json", "404", "it answered 404", "is this the registry's own name and port?"),
    )
]
