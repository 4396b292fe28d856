"""``compose:SERVICE`` and ``compose:PROJECT/SERVICE``: a service's container.

It is found by its labels. If several projects have such a service, COMPOSE_PROJECT_NAME or the current folder chooses one.

docker compose and podman-compose both set ``com.docker.compose.project`` and ``.service``; podman-compose also its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.contexts.containers.container import opened
from shorepass.contexts.containers.engines import endpoints
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError, printable
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.contexts.containers.container import ContainerContext
    from shorepass.contexts.containers.engine import Engine, Summary
    from shorepass.contexts.local import LocalContext

__all__ = ["find"]

PROJECTS = ("com.docker.compose.project", "io.podman.compose.project")
DIGITS = 20  # of the number at the end of a container's name
FOLDERS = ("com.docker.compose.project.working_dir",)
SERVICES = ("com.docker.compose.service", "io.podman.compose.service")


def find(here: LocalContext, kind: str, rest: str) -> ContainerContext:
    """Return the service's running container, or else its only stopped one.

    Raises ContextError: there is no container, or the user must choose one of several, which the error lists.
    """
    project, _, service = rest.rpartition("/")
    name = f"{kind}:{printable(rest)}"
    fitting, troubles = [], []
    for family in Family:
        for endpoint in endpoints(here, family):
            try:
                engine = endpoint.open(here)
                fitting += [(engine, found) for found in engine.containers() if _fits(found, project, service)]
            except ContextError as error:
                troubles.append(error.message)
    if not fitting:
        start = f"docker compose up -d {quoted(service)}"
        raise ContextError(name, "; ".join(["no container of such a service", *troubles]), hint=start)
    if not project:
        fitting = _current(here, fitting) or fitting
    projects = {_label(found, PROJECTS) for _, found in fitting}
    running = [pair for pair in fitting if pair[1].state == "running"]
    if len(projects) > 1 or (not running and len(fitting) > 1):
        names = ", ".join(sorted(f"{engine.family}:{found.name}" for engine, found in fitting))
        hint = (
            "one of: " + ", ".join(sorted(quoted(f"{kind}:{one}/{service}") for one in projects))
            if len(projects) > 1
            else None
        )
        raise ContextError(name, f"several containers: {names}", hint=hint or "name the container itself")
    engine, found = min(running or fitting, key=lambda pair: _with_number(pair[1].name))
    return opened(here, engine, found.id)


def _current(here: LocalContext, fitting: list[tuple[Engine, Summary]]) -> list[tuple[Engine, Summary]]:
    """Return the containers of the project that docker compose takes here.

    None of them: that is not known.
    """
    if named := here.getenv("COMPOSE_PROJECT_NAME"):
        return [pair for pair in fitting if _label(pair[1], PROJECTS) == named]
    folder = here.cwd() or ""
    above = [one for one in (_label(found, FOLDERS) for _, found in fitting) if one and _is_in(folder, one)]
    nearest = max(above, key=len, default=None)
    return [pair for pair in fitting if _label(pair[1], FOLDERS) == nearest]


def _is_in(folder: str, above: str) -> bool:
    return folder == above or folder.startswith(above.rstrip("/") + "/")


def _fits(found: Summary, project: str, service: str) -> bool:
    return _label(found, SERVICES) == service and project in ("", _label(found, PROJECTS))


def _with_number(name: str) -> str:
    """Return a sort key that puts ``cart-9`` before ``cart-10``.

    compose numbers the containers of a service like that.
    """
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(DIGITS), name)


def _label(found: Summary, names: tuple[str, ...]) -> str:
    return next((found.labels[name] for name in names if name in found.labels), "")
