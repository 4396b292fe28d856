"""The flags with which docker and podman start a container that has a grant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass.agent_client.forwarder_file import path_for
from shorepass.contexts.engine_family import Family
from shorepass.errors import UsageError, printable
from shorepass.grants.folder import CONFIG_FOLDER, socket_of
from shorepass.grants.grant import ENGINE
from shorepass.helper import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["flags", "verb_at", "with_flags"]

INSIDE = "/run/shorepass"  # where the forwarder looks first
HELPER_INSIDE = f"/usr/local/bin/{PROGRAM}"  # this folder is on the PATH of nearly every image
PLATFORM = "--platform"

# The flags before the verb that have a value in the next word.
DOCKER_FLAGS = (
    "--config",
    "-c",
    "--context",
    "-H",
    "--host",
    "-l",
    "--log-level",
    "--tlscacert",
    "--tlscert",
    "--tlskey",
)
PODMAN_FLAGS = (
    *("--cgroup-manager", "-c", "--connection", "--conmon", "--events-backend", "--hooks-dir", "--identity"),
    *("--imagestore", "--log-level", "--module", "--network-config-dir", "--out", "--root", "--runroot", "--runtime"),
    *("--runtime-flag", "--ssh", "--storage-driver", "--storage-opt", "--tmpdir", "--url", "--volumepath"),
)
VALUED = {Family.DOCKER: DOCKER_FLAGS, Family.PODMAN: PODMAN_FLAGS}
VERBS = ("run", "create")


def flags(here: LocalContext, grant: Grant, platform: str = "") -> list[str]:
    """Return the flags for docker and podman. ``platform``: of the container, ``linux/arm64``; "" for this machine's.

    Raises UsageError: there is no forwarder for that platform, or a path that the flags cannot have.
    """
    if grant.mode == ENGINE:
        socket = os.path.basename(socket_of(grant))
        return [f"--mount={_mount(grant.folder, INSIDE)}", f"--env=DOCKER_HOST=unix://{INSIDE}/{socket}"]
    system, _, machine = platform.partition("/")
    machine = (machine or here.machine).partition("/")[0]
    forwarder = path_for(system or "linux", machine)
    if forwarder is None:
        raise UsageError(f"this installation has no forwarder for {printable(platform or machine)} containers")
    config = f"{INSIDE}/{CONFIG_FOLDER}"
    variables = {"DOCKER_CONFIG": config, "REGISTRY_AUTH_FILE": f"{config}/config.json"}
    mounts = {INSIDE: grant.folder, HELPER_INSIDE: forwarder}
    found = [f"--mount={_mount(source, target)}" for target, source in mounts.items()]
    return [*found, *(f"--env={name}={value}" for name, value in variables.items())]


def _mount(source: str, target: str) -> str:
    if any(character in source for character in ',"\n'):
        raise UsageError(f"{printable(source)}: neither docker nor podman can mount a path with a comma or a quote")
    return f"type=bind,source={source},target={target},readonly"


def with_flags(here: LocalContext, grant: Grant, client: str, argv: Sequence[str]) -> list[str]:
    """Return a command of docker or podman with the flags right behind ``run`` or ``create``, so that its own override them.

    Raises UsageError: the command does not start a container.
    """
    at = verb_at(client, argv)
    return [*argv[:at], *flags(here, grant, _platform(argv)), *argv[at:]]


def verb_at(client: str, argv: Sequence[str]) -> int:
    """Return the position behind the verb that starts a container. ``client``: docker or podman. Raises UsageError."""
    known = next((valued for family, valued in VALUED.items() if family == client), ())
    skip = False
    for at, word in enumerate(argv[1:], 1):
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in known
        elif word in VERBS and known:
            return at + 1
        elif word != "container":
            break
    raise UsageError(
        "a login is lent to a container that docker or podman starts",
        hint="the command must be: docker run, docker create, podman run or podman create",
    )


def _platform(argv: Sequence[str]) -> str:
    """Return the platform that a command names; "" if it does not."""
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if word == PLATFORM:
            return following
        if word.startswith(f"{PLATFORM}="):
            return word.partition("=")[2]
    return ""
