"""The services of a swarm whose nodes cannot pull their image.

A node has no login of its own. It uses what ``docker service create --with-registry-auth`` sent with the service, until the
service is updated. Source: docker/cli cli/command/service/opts.go, swarmkit agent/exec.
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
WORKING = frozenset(("starting", "running", "complete"))


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
    """Return the error of a slot whose newest ended task had no image, "" for none. A slot has one task after the other."""
    slots: dict[object, list[dict[str, Any]]] = {}
    for task in sorted(tasks, key=_created):
        slots.setdefault(task.get("Slot") or task.get("NodeID"), []).append(task["Status"])
    for states in slots.values():
        ended = [status for status in states if status.get("Err") or status.get("State") in WORKING]
        if ended and MISSING in str(ended[-1].get("Err")):
            return printable(str(ended[-1]["Err"]))
    return ""


def _created(task: dict[str, Any]) -> str:
    return str(task.get("CreatedAt"))
