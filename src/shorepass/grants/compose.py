"""A grant for the services of a compose project: one more compose file, which the command line names.

The files of the project do not change. A compose program does not look for its usual files if the command line names a file, so
the command line names these, too.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.bounded_json import loads
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.grants.contents import contents
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.contents import Contents
    from shorepass.grants.grant import Grant
    from shorepass.grants.start import Start

__all__ = ["DOCKER_COMPOSE", "PODMAN_COMPOSE", "Compose", "override", "project_of", "with_override"]

FILE_FLAGS = ("-f", "--file")
FILES = "COMPOSE_FILE"
SEPARATOR = "COMPOSE_PATH_SEPARATOR"
OVERRIDE = "compose.yaml"  # in the folder of the grant
OF_DOCKER = b"'docker --help'"  # docker names its own help, and not that of compose, if it has no such command
SECONDS = 60.0
LIMIT = 16 << 20  # bytes of a project as JSON


class Compose(NamedTuple):
    """How a compose program finds its files and lists its services.

    ``usual``: from each group of names, the first that exists. ``climbs``: it also looks in the folders above.
    ``everything``: flags with which it lists also the services that are not chosen. ``listing``: words that print the services,
    which ``services`` reads into their names and platforms. ``environment``: words that print its variables, of which some may
    come from a file; empty if none do.
    """

    usual: tuple[tuple[str, ...], ...]
    climbs: bool
    everything: tuple[str, ...]
    listing: tuple[str, ...]
    services: Callable[[bytes], dict[str, str]]
    environment: tuple[str, ...]


def _of_json(output: bytes) -> dict[str, str]:
    """Return the services of ``config --format json``, each with its platform, "" without one."""
    try:
        services = loads(output)["services"]
        return {name: str(service.get("platform") or "") for name, service in services.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ShorepassError("the compose program does not print its services as JSON") from None


def _of_lines(output: bytes) -> dict[str, str]:
    return dict.fromkeys(output.decode(errors="replace").split(), "")


# https://docs.docker.com/compose/how-tos/multiple-compose-files/merge/, and compose-go's cli/options.go
DOCKER_COMPOSE = Compose(
    usual=(
        ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
        (
            "compose.override.yml",
            "compose.override.yaml",
            "docker-compose.override.yml",
            "docker-compose.override.yaml",
        ),
    ),
    climbs=True,
    everything=("--profile", "*"),
    listing=("config", "--format", "json"),
    services=_of_json,
    environment=("config", "--environment"),
)
# podman_compose.py: it uses every file of this list that exists
PODMAN_FILES = (
    *("compose.yaml", "compose.yml", "compose.override.yaml", "compose.override.yml"),
    *("podman-compose.yaml", "podman-compose.yml", "docker-compose.yml", "docker-compose.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
    *("container-compose.yml", "container-compose.yaml"),
    *("container-compose.override.yml", "container-compose.override.yaml"),
)
PODMAN_COMPOSE = Compose(
    usual=tuple((name,) for name in PODMAN_FILES),
    climbs=False,
    everything=(),
    listing=("config", "--services"),
    services=_of_lines,
    environment=(),
)


def with_override(here: LocalContext, grant: Grant, start: Start, compose: Compose) -> list[str]:
    """Return a compose command that also names a file with the grant, which is in the grant's folder.

    Raises UsageError, WriteError, ShorepassError: the compose program prints an error.
    """
    platforms = services(here, start, compose)
    text = override({name: contents(here, grant, platform) for name, platform in platforms.items()})
    path = os.path.join(grant.folder, OVERRIDE)
    files.update(path, lambda _: text.encode())
    named = [] if start.values_before(*FILE_FLAGS) else _files(here, start, compose)
    added = [f"--file={file}" for file in (*named, path)]
    return [*start.before, *added, start.verb, *start.after]


def services(here: LocalContext, start: Start, compose: Compose) -> dict[str, str]:
    """Return the services that get the grant, each with its platform, "" if the project does not name one.

    Raises UsageError, ShorepassError.
    """
    if "-" in start.values_before(*FILE_FLAGS):
        raise UsageError("a compose file on standard input can be read only once", hint="name it with -f FILE")
    known = compose.services(_ask(here, start, (*compose.everything, *compose.listing)))
    unknown = [name for name in start.services if name not in known]
    if unknown:
        raise UsageError(
            f"the compose project has no service {', '.join(map(printable, unknown))}",
            hint=f"its services are: {', '.join(map(printable, known))}",
        )
    return {name: known[name] for name in start.services or known}


def project_of(here: LocalContext, start: Start) -> str:
    """Return the name of the project of a command of docker compose. Raises ShorepassError."""
    try:
        return str(loads(_ask(here, start, DOCKER_COMPOSE.listing))["name"])
    except (ValueError, KeyError, TypeError):
        raise ShorepassError("the compose program does not print the name of its project") from None


def _files(here: LocalContext, start: Start, compose: Compose) -> list[str]:
    """Return the compose files that the command uses by itself, the first one first."""
    variables: Mapping[str, str] = here.environment()
    if compose.environment:
        lines = _ask(here, start, compose.environment).decode(errors="surrogateescape").splitlines()
        variables = dict(line.split("=", 1) for line in lines if "=" in line)
    named = variables.get(FILES)
    if named:
        return named.split(variables.get(SEPARATOR) or os.pathsep)
    for folder in _folders(here, start, compose):
        there = here.names(folder)
        found = [_first(group, there) for group in compose.usual]
        if found[0] or not compose.climbs:
            return [os.path.join(folder, name) for name in found if name]
    return []


def _first(names: tuple[str, ...], there: list[str]) -> str:
    """Return the first of some names that is there, "" if none is."""
    return next((name for name in names if name in there), "")


def _folders(here: LocalContext, start: Start, compose: Compose) -> Iterator[str]:
    """Yield the folders in which a compose program looks for its files."""
    folder = os.path.join(here.cwd() or os.sep, *start.values_before("--project-directory")[-1:])
    yield folder
    while compose.climbs and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def _ask(here: LocalContext, start: Start, words: tuple[str, ...]) -> bytes:
    """Return what a compose command prints with other words in place of its verb. Raises ShorepassError."""
    program = os.path.basename(start.argv[0])
    try:
        done = here.run([start.program, *start.before[1:], *words], b"", timeout=SECONDS, limit=LIMIT)
    except ProcessError as error:
        raise ShorepassError(f"{printable(program)} {words[0]}: {error}") from None
    if done.status:
        if OF_DOCKER in done.stderr:
            raise ShorepassError("docker has no command `compose` here", hint="install docker's compose plugin")
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it prints no reason"]
        try_it = " ".join(map(quoted, [*start.before, *words]))
        raise ShorepassError(f"{printable(program)} cannot read the project: {printable(lines[-1])}", hint=try_it)
    return done.stdout


def override(services: Mapping[str, Contents]) -> str:
    """Return a compose file that adds to each service what it gets of a grant.

    The engine never creates a folder in the place of an ended grant's: the service does not start then.
    """
    lines = ["services:"]
    for name, lent in services.items():
        lines += [f"  {_text(name)}:", "    environment:"]
        lines += [f"      {variable}: {_text(value)}" for variable, value in lent.variables.items()]
        lines += [f"      {variable}:" for variable in lent.passed]
        lines += ["    volumes:"]
        for target, source in lent.mounts.items():
            lines += ["      - type: bind", f"        source: {_text(source)}", f"        target: {_text(target)}"]
            read_only = "false" if target in lent.writable else "true"
            lines += [f"        read_only: {read_only}", "        bind:", "          create_host_path: false"]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a string of YAML. A single ``$`` would name a variable."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")
