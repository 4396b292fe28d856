"""What a container gets of a grant: mounts and variables, whichever program starts it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client.forwarder_file import path_for
from shorepass.errors import UsageError, printable
from shorepass.grants.folder import CONFIG_FOLDER, OWN_FOLDER, socket_of
from shorepass.grants.grant import ENGINE, EXPORT, MOUNT, TOKEN
from shorepass.helper import PROGRAM

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["HELPER_INSIDE", "INSIDE", "Contents", "contents"]

INSIDE = "/run/shorepass"  # where the forwarder looks first
HELPER_INSIDE = f"/usr/local/bin/{PROGRAM}"  # this folder is on the PATH of nearly every image


class Contents(NamedTuple):
    """Bind mounts and variables.

    ``mounts``: the path in the container, and the path here. ``writable``: those paths in the container that are not read only.
    ``variables``: name and value. ``passed``: variables whose value is that of the program that starts the container, because
    it may be a secret.
    """

    mounts: dict[str, str]
    variables: dict[str, str]
    passed: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()


def contents(here: LocalContext, grant: Grant, platform: str = "") -> Contents:
    """Return what a container gets. ``platform``: of the container, ``linux/arm64``; "" for this machine's.

    Raises UsageError: there is no forwarder for that platform.
    """
    mounts = {INSIDE: grant.folder}
    if grant.mode == ENGINE:
        socket = os.path.basename(socket_of(grant))
        return Contents(mounts, {"DOCKER_HOST": f"unix://{INSIDE}/{socket}"})
    config = f"{INSIDE}/{CONFIG_FOLDER}"
    if grant.mode == TOKEN:
        return Contents(mounts, {"DOCKER_CONFIG": config})
    variables = {"DOCKER_CONFIG": config, "REGISTRY_AUTH_FILE": f"{config}/config.json"}
    if grant.mode == EXPORT:
        return Contents(mounts, variables)
    if grant.mode == MOUNT:
        from shorepass.grants.mounted_helper import with_helpers  # late: `run --share` seldom needs it

        return with_helpers(here, grant, Contents(mounts, variables))
    system, _, machine = platform.partition("/")
    machine = (machine or here.machine).partition("/")[0]
    forwarder = path_for(system or "linux", machine)
    if forwarder is None:
        raise UsageError(f"this installation has no forwarder for {printable(platform or machine)} containers")
    mounts[HELPER_INSIDE] = forwarder
    if not grant.own_logins:
        return Contents(mounts, variables)
    own = f"{INSIDE}/{OWN_FOLDER}"
    variables = {"DOCKER_CONFIG": own, "REGISTRY_AUTH_FILE": f"{own}/config.json"}
    return Contents({**mounts, own: os.path.join(grant.folder, OWN_FOLDER)}, variables, writable=(own,))
