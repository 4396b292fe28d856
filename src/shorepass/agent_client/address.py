"""Where the agent's socket is, and whether it is the user's own.

``docs/reference/agent-protocol.md`` has the order of the sockets, and the checks.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.foreign_text import printable

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = [
    "NAME",
    "PATH_LIMIT",
    "SOCKET_VARIABLE",
    "Address",
    "is_too_long",
    "own_addresses",
    "own_folder",
    "own_folders",
    "trouble_with",
]

SOCKET_VARIABLE = "SHOREPASS_SOCK"
NAME = "agent.sock"
PATH_LIMIT = 107  # bytes: unix(7), sun_path without its last NUL


class Address(NamedTuple):
    """A socket's path. ``own``: the folder, the socket and the agent must belong to this process's user."""

    path: str
    own: bool

    @property
    def folder(self) -> str:
        """The folder of the socket."""
        return os.path.dirname(self.path)


def own_folder(here: LocalContext) -> str:
    """Return the folder of the user's own agent: in the run folder, else below the state folder."""
    runtime = here.getenv("XDG_RUNTIME_DIR")
    if runtime and os.path.isabs(runtime):
        return os.path.join(runtime, "shorepass")
    return join(here, state_folder(here), "run")


def own_folders(here: LocalContext) -> list[str]:
    """Return the folders in which the user's own agent may be, in their order."""
    return list(dict.fromkeys((own_folder(here), join(here, state_folder(here), "run"))))


def own_addresses(here: LocalContext) -> list[Address]:
    """Return the sockets where the user's own agent may be, in their order."""
    chosen = here.getenv(SOCKET_VARIABLE)
    if chosen:
        return [Address(chosen, own=False)]
    return [Address(os.path.join(folder, NAME), own=True) for folder in own_folders(here)]


def is_too_long(path: str) -> bool:
    """Tell whether no socket can have a path."""
    return len(os.fsencode(path)) > PATH_LIMIT


def trouble_with(folder: str) -> str:
    """Return why a folder is not a private one of this process's user; "" if it is, or if it does not exist."""
    if sys.platform == "win32":
        return "Windows has no such sockets"
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return f"{printable(folder)}: {getattr(error, 'strerror', None) or error}"
    if not stat.S_ISDIR(found.st_mode):
        return f"{printable(folder)} is not a folder"
    if found.st_uid != os.geteuid():
        return f"{printable(folder)} belongs to user {found.st_uid}"
    if found.st_mode & 0o077:
        return f"{printable(folder)}: mode {stat.S_IMODE(found.st_mode):o}, so other users can use it"
    return ""
