"""A grant for a dev container: a copy of its ``devcontainer.json`` with the mounts and the variables of the grant.

The flag ``--mount`` of ``devcontainer up`` is not used, because a mount of it is never read only.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.config.jsonc import loads
from shorepass.contexts.command import command
from shorepass.contexts.engine_family import Family
from shorepass.errors import FileError, MalformedFile, ShorepassError, UsageError, printable
from shorepass.files import SIZE_LIMIT
from shorepass.foreign_text import quoted
from shorepass.grants.added_flags import mounts
from shorepass.grants.compose import OVERRIDE, override
from shorepass.grants.contents import contents
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.contents import Contents
    from shorepass.grants.grant import Grant
    from shorepass.grants.start import Start

__all__ = ["check_writable_mounts", "members", "with_config"]

# https://containers.dev/implementors/spec/#devcontainerjson
PLACES = (".devcontainer/devcontainer.json", ".devcontainer.json")
OVERRIDE_CONFIG = "--override-config"
AGAIN = "--remove-existing-container"
COMPOSE_FILES = "dockerComposeFile"
SECONDS = 60.0
LIMIT = 1 << 20  # bytes of a list of containers


def with_config(here: LocalContext, grant: Grant, start: Start) -> list[str]:
    """Return a command of ``devcontainer up`` with another configuration, which is in ``start.private``.

    Raises UsageError: the container exists already; FileError, MalformedFile, WriteError.
    """
    workspace = os.path.join(here.cwd() or os.sep, *start.values("--workspace-folder")[-1:])
    workspace = os.path.normpath(workspace)
    chosen = _chosen(here, start, workspace)
    if AGAIN not in start.argv and _exists(here, start, workspace, chosen):
        raise UsageError(
            "the dev container exists already, and the mounts of a container cannot change",
            hint=f"add {AGAIN}: devcontainer then makes a new one",
        )
    overriding = [os.path.join(here.cwd() or os.sep, path) for path in start.values(OVERRIDE_CONFIG)[-1:]]
    paths = [*overriding, *chosen]
    if not paths:
        raise UsageError(
            f"{printable(workspace)} has no devcontainer.json", hint="name the folder: --workspace-folder DIR"
        )
    config = _read(here, paths[0])
    if COMPOSE_FILES in config:
        _add_compose_file(here, grant, config)
    else:
        added = members(contents(here, grant))
        config["mounts"] = [*config.get("mounts", []), *added["mounts"]]
        config["containerEnv"] = {**config.get("containerEnv", {}), **added["containerEnv"]}
    path = os.path.join(start.private, "devcontainer", "devcontainer.json")
    files.update(path, lambda _: json.dumps(config).encode())
    return [*start.before, start.verb, *_without(start.after, OVERRIDE_CONFIG), f"{OVERRIDE_CONFIG}={path}"]


def members(found: Contents) -> dict[str, Any]:
    """Return the members of a ``devcontainer.json`` for what a container gets. Raises UsageError."""
    passed = {name: f"${{localEnv:{name}}}" for name in found.passed}
    return {"mounts": mounts(found), "containerEnv": {**found.variables, **passed}}


def check_writable_mounts(here: LocalContext, feature: str) -> None:
    """Raise UsageError if the dev container here would get a grant's folder that it can write to.

    It is so in a compose project, for which devcontainer drops ``readonly``. A container could then replace what is mounted.
    ``feature``: the folder of a feature, which is beside its ``devcontainer.json``; "" for none.
    """
    beside = [os.path.join(os.path.dirname(feature), "devcontainer.json")] if feature else []
    for path in (*(os.path.join(here.cwd() or os.sep, place) for place in PLACES), *beside):
        if here.status(path) is not None and COMPOSE_FILES in _read(here, path):
            raise UsageError(
                f"{printable(path)}: its container is a service of compose, and could write to the mounts",
                hint=command(None, "share", "compose", "--registry", "ghcr.io"),
            )


def _chosen(here: LocalContext, start: Start, workspace: str) -> list[str]:
    """Return the path of the workspace's own configuration, which the container is labelled with; empty without one."""
    named = start.values("--config")[-1:]
    if named:
        return [os.path.normpath(os.path.join(here.cwd() or os.sep, *named))]
    paths = [os.path.join(workspace, place) for place in PLACES]
    return [path for path in paths if here.status(path) is not None][:1]


def _read(here: LocalContext, path: str) -> dict[str, Any]:
    """Return a configuration. Raises FileError, MalformedFile."""
    content = here.read(path, SIZE_LIMIT)
    if content is None:
        raise FileError(path, "no such file")
    try:
        config = loads(content.data.decode())
    except ValueError as error:
        raise MalformedFile(path, f"not JSON with comments: {printable(str(error))}") from None
    if not isinstance(config, dict):
        raise MalformedFile(path, "not an object")
    if not isinstance(config.get("mounts", []), list) or not isinstance(config.get("containerEnv", {}), dict):
        raise MalformedFile(path, "mounts must be a list, and containerEnv an object")
    return config


def _add_compose_file(here: LocalContext, grant: Grant, config: dict[str, Any]) -> None:
    """Add a compose file to the project of a dev container. Raises UsageError, WriteError."""
    named = config[COMPOSE_FILES]
    compose_files = [named] if isinstance(named, str) else named
    if not isinstance(compose_files, list) or not compose_files or not isinstance(config.get("service"), str):
        raise UsageError(
            "the devcontainer.json names no compose file or no service", hint=f"name the files in {COMPOSE_FILES}"
        )
    path = os.path.join(grant.folder, OVERRIDE)
    text = override({config["service"]: contents(here, grant)})
    files.update(path, lambda _: text.encode())
    config[COMPOSE_FILES] = [*compose_files, path]


def _exists(here: LocalContext, start: Start, workspace: str, chosen: Sequence[str]) -> bool:
    """Tell whether the command would use a container that exists. Raises ShorepassError."""
    docker = (start.values("--docker-path") or [Family.DOCKER])[-1]
    program = here.which(docker)
    if program is None:
        raise ShorepassError(f"{printable(docker)}: not found")
    usual = [f"devcontainer.local_folder={workspace}", *(f"devcontainer.config_file={path}" for path in chosen)]
    labels = start.values("--id-label") or usual
    filters = [f"--filter=label={label}" for label in labels]
    try:
        done = here.run([program, "ps", "-aq", *filters], b"", timeout=SECONDS, limit=LIMIT)
    except ProcessError as error:
        raise ShorepassError(f"{printable(docker)} ps: {error}") from None
    if done.status:
        reason = done.stderr.decode(errors="replace").strip()
        raise ShorepassError(f"{printable(docker)} ps: {printable(reason)}", hint=f"{quoted(docker)} ps")
    return bool(done.stdout.strip())


def _without(words: Sequence[str], flag: str) -> list[str]:
    """Return words without a flag and its value."""
    left: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == flag:
            skip = True
        elif not word.startswith(f"{flag}="):
            left.append(word)
    return left
