"""The files of an enabled agent: the forwarder, and for each helper a symlink to the program that it is in front of.

They are in ``$XDG_STATE_HOME/shorepass/forwarder/`` (default ``~/.local/state``). The forwarder reads the symlinks when there
is no agent. The agent reads them to know which programs it may run.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = [
    "FORWARDER",
    "folder",
    "forwarder",
    "is_forwarder",
    "original",
    "original_link",
    "own_script",
    "program_behind",
]

FORWARDER = "docker-credential-forwarder"


def folder(context: Context) -> str:
    """Return the folder of the forwarder. Only its user may open it."""
    return join(context, state_folder(context), "forwarder")


def forwarder(context: Context) -> str:
    """Return the path of the forwarder, to which the symlinks on PATH lead."""
    return join(context, folder(context), FORWARDER)


def own_script(context: Context) -> str:
    """Return the script that starts Shorepass's helper where the forwarder replaces that program."""
    return join(context, folder(context), "docker-credential-shorepass")


def original_link(context: Context, program: str) -> str:
    """Return the symlink to the original of a program (``docker-credential-NAME``)."""
    return join(context, folder(context), "originals", program)


def is_forwarder(context: Context, path: str) -> bool:
    """Tell whether a path on this machine leads to this user's forwarder."""
    return files.leads_to(path, forwarder(context))


def original(context: Context, path: str) -> str | None:
    """Return the program that the forwarder at ``path`` runs without an agent.

    None: it is not this user's forwarder, or that has no symlink for its name.
    """
    return program_behind(context, os.path.basename(path)) if is_forwarder(context, path) else None


def program_behind(context: Context, program: str) -> str | None:
    """Return the original of a program (``docker-credential-NAME``); None if there is no symlink to it."""
    try:
        return os.readlink(original_link(context, program))
    except (OSError, ValueError):
        return None
