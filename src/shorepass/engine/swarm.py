"""The services of a swarm whose nodes cannot pull their image.

A node has no login of its own: it uses what ``docker service create --with-registry-auth`` sent with the service, and keeps that
until the service is updated. Source: docker/cli cli/command/service/opts.go, swarmkit agent/exec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.engine.question import opened
from shorepass.errors import ContextError, InvalidReference, printable
from shorepass.names import parse

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts import Context

__all__ = ["Service", "failing_services"]

SECONDS = 3.0  # for each list: both come from the engine itself
MISSING = "No such image"  # what a node says of an image that it could not pull
ENDED = frozenset(("running", "complete"))


class Service(NamedTuple):
    """``error``: what a node said; "" if the service has no such problem."""

    name: str
    registry: str
    error: str


def failing_services(context: Context) -> list[Service]:
    """Return the services that wait for an image that no node of theirs could pull. Empty if the engine cannot be asked."""
    try:
        engine = opened(context)
        if engine is None:
            return []
        services = engine.listed("services", timeout=SECONDS)
        tasks = engine.listed("tasks", timeout=SECONDS)
    except ContextError:
        return []
    found = [_service(service, tasks) for service in services]
    return [service for service in found if service is not None and service.error]


def _service(service: dict[str, Any], tasks: list[dict[str, Any]]) -> Service | None:
    try:
        spec = service["Spec"]
        image = str(spec["TaskTemplate"]["ContainerSpec"]["Image"])
        own = [task for task in tasks if task.get("ServiceID") == service["ID"]]
        return Service(printable(str(spec["Name"])), parse(image).registry, _error(own))
    except (KeyError, TypeError, AttributeError, InvalidReference):
        return None


def _error(tasks: list[dict[str, Any]]) -> str:
    """Return the error of a slot in which no task runs, "" for none."""
    slots: dict[object, list[dict[str, Any]]] = {}
    for task in tasks:
        slots.setdefault(task.get("Slot") or task.get("NodeID"), []).append(task["Status"])
    for states in slots.values():
        if not any(status.get("State") in ENDED for status in states):
            errors = [str(status["Err"]) for status in states if MISSING in str(status.get("Err"))]
            if errors:
                return printable(errors[-1])
    return ""
