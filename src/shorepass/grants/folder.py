"""The folder of a grant, which its target gets: a config file for docker's and podman's clients, and a socket of the agent.

It is in a folder of mode 0700, so that no other user of this machine reaches it. The folder itself and what is in it have modes
for every user, because a container that has it mounted may run as any user. A file with logins is for its owner alone, unless
the user has chosen otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.agent_client.address import NAME, is_too_long, own_folder, own_folders, trouble_with
from shorepass.errors import UsageError, WriteError, printable
from shorepass.files.placing import make_folders
from shorepass.files.reading import reason
from shorepass.foreign_text import quoted
from shorepass.grants.grant import ENGINE, EXPORT, FOLDERS, FORWARD, MOUNT, TOKEN
from shorepass.helper import OURSELVES
from shorepass.names import HUB_REGISTRY, server_url

if TYPE_CHECKING:
    from collections.abc import Collection

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = [
    "CONFIG_FOLDER",
    "OWN_FOLDER",
    "config_of",
    "empty_config",
    "folder_of",
    "folders_of",
    "is_on_disk",
    "is_own",
    "leftovers",
    "make",
    "remove",
    "socket_of",
    "sweep",
    "write_config",
]

CONFIG_FOLDER = "config"
OWN_FOLDER = "own"  # a config folder that the target can write to
SOCKETS = {FORWARD: NAME, ENGINE: "docker.sock"}  # by mode
EMPTY = b"{}\n"  # a config file without a login: its client asks anonymously


def folders_of(here: LocalContext) -> str:
    """Return the folder in which each grant of this user has its own."""
    return os.path.join(own_folder(here), FOLDERS)


def folder_of(here: LocalContext, id_: str) -> str:
    """Return the folder for a new grant. Raises UsageError: its socket's path is too long."""
    folder = os.path.join(folders_of(here), id_)
    if is_too_long(os.path.join(folder, max(SOCKETS.values(), key=len))):
        raise UsageError(
            f"{printable(folder)}: too long for a socket", hint="set XDG_RUNTIME_DIR to a shorter folder of your own"
        )
    return folder


def is_own(here: LocalContext, grant: Grant) -> bool:
    """Tell whether the folder of a grant is in a run folder of this user, where no other machine or program reads it."""
    return os.path.dirname(grant.folder) in [os.path.join(folder, FOLDERS) for folder in own_folders(here)]


def socket_of(grant: Grant) -> str:
    """Return the path of a grant's socket."""
    return os.path.join(grant.folder, SOCKETS[grant.mode])


def make(grant: Grant) -> None:
    """Make the folder of a grant, and a config file without a secret. Raises WriteError, UsageError."""
    parent = os.path.dirname(grant.folder)
    config = os.path.join(grant.folder, CONFIG_FOLDER)
    path = config_of(grant)
    try:
        make_folders(config, None)
    except OSError as error:
        raise WriteError(config, reason(error)) from None
    if trouble := trouble_with(parent):
        raise UsageError(f"cannot use the folder of the grants: {trouble}", hint=f"chmod 700 {quoted(parent)}")
    content = CONFIGS.get(grant.mode, _helper_config)(grant)
    files.update(path, lambda _: content)
    files.set_mode(path, _mode_of(grant))
    for folder in (config, grant.folder):
        files.set_mode(folder, 0o755)
    if grant.own_logins:
        _make_own(grant, content)


def _make_own(grant: Grant, content: bytes) -> None:
    """Make the folder that the target can write to, once: what a target has written is never opened. Raises WriteError."""
    own = os.path.join(grant.folder, OWN_FOLDER)
    if files.status(own) is not None:
        return
    path = os.path.join(own, "config.json")
    files.update(path, lambda _: content)
    files.set_mode(path, 0o666)
    files.set_mode(own, 0o777)


def config_of(grant: Grant) -> str:
    """Return the path of a grant's config file."""
    return os.path.join(grant.folder, CONFIG_FOLDER, "config.json")


def _mode_of(grant: Grant) -> int:
    """Return the permission bits of the config file."""
    return 0o600 if grant.mode == EXPORT and not grant.any_user else 0o644


def write_config(grant: Grant, content: bytes) -> None:
    """Replace the config file by rename. Raises WriteError."""
    if files.status(grant.folder) is not None:  # because a folder that was removed has ended the grant
        files.update(config_of(grant), lambda _: content)
        files.set_mode(config_of(grant), _mode_of(grant))


def empty_config(grant: Grant) -> None:
    """Replace the config file by one without a login, or by none if no file can be written. Raises WriteError."""
    files.remove(config_of(grant))  # first, because a target can hold the lock for which a save waits
    with suppress(WriteError):
        write_config(grant, EMPTY)


def remove(grant: Grant) -> None:
    """Remove the folder of a grant, as far as that is possible."""
    _remove(grant.folder)


def leftovers(here: LocalContext, kept: Collection[str]) -> list[str]:
    """Return the folders that belong to no grant. ``kept``: the ids of all grants."""
    parent = folders_of(here)
    if trouble_with(parent):
        return []
    return [os.path.join(parent, name) for name in files.names(parent) if name not in kept]


def sweep(here: LocalContext, kept: Collection[str]) -> None:
    """Remove the folders of grants that have ended, which a killed agent has left. ``kept``: the ids of the others."""
    for path in leftovers(here, kept):
        _remove(path)


def _remove(path: str) -> None:
    with suppress(RecursionError):  # of rmtree, if a target has made folders in folders without end
        shutil.rmtree(path, ignore_errors=True)


def is_on_disk(grant: Grant) -> bool:
    """Tell whether what is in the folder is written to a disk. Where it is not known, it is."""
    mounts = files.read("/proc/self/mounts", files.SIZE_LIMIT)
    best, kind = "", ""
    for line in mounts.data.decode("utf-8", "replace").splitlines() if mounts else ():
        _, point, system, *_ = line.split(" ")
        if len(point) > len(best) and os.path.commonpath([grant.folder, point]) == point:
            best, kind = point, system
    return kind not in ("tmpfs", "ramfs")


def _helper_config(grant: Grant) -> bytes:
    """Return a config file that names Shorepass's helper for what the grant lends, and nothing else.

    Without a pattern, other registries have no helper, and their clients ask anonymously at once.
    """
    config: dict[str, object] = {}
    if len(grant.named) < len(grant.registries):
        config["credsStore"] = OURSELVES
    keys = [server_url(registry) for registry in grant.named]
    if HUB_REGISTRY in grant.named:
        keys.append(HUB_REGISTRY)  # podman's key for it
    if keys:
        config["credHelpers"] = dict.fromkeys(keys, OURSELVES)
    return json.dumps(config, indent=1).encode() + b"\n"


def _mounted_config(grant: Grant) -> bytes:
    """Return a config file that names the user's own helpers."""
    helpers = {server_url(name): helper for name, helper in zip(grant.registries, grant.helpers, strict=True)}
    return json.dumps({"credHelpers": helpers}, indent=1).encode() + b"\n"


# Of a mode whose file has secrets, the agent writes them, and removes them again.
CONFIGS = {TOKEN: lambda _: EMPTY, EXPORT: lambda _: EMPTY, MOUNT: _mounted_config}
