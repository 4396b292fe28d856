"""Finds the path for a symlink to the forwarder, so that PATH leads there and not to the helper.

The folder is on PATH before the helper's own. It belongs to the user or to root, no other user can write to it, and for
everyone but root it is in the home. Other users do not use root's symlinks: they cannot open root's folder, and programs then
look in the next folder of PATH.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client import layout
from shorepass.agent_client.own_home import check_own_home
from shorepass.config.locations import join
from shorepass.contexts.command import command
from shorepass.errors import UsageError, printable
from shorepass.files.nodes import look
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.helper.known_helpers import install
from shorepass.helper.protocol import program_name
from shorepass.profile import is_this

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts.local import LocalContext
    from shorepass.files.nodes import Node

__all__ = ["Plan", "check_user", "folders_before", "plan"]

WRITTEN_BY_OTHERS = 0o022


class Plan(NamedTuple):
    """One helper and the change: ``link`` becomes a symlink to the forwarder, which runs ``original``.

    ``before``: Shorepass's own program, if it is at ``link`` now. ``is_done``: PATH leads to that symlink already.
    """

    name: str
    original: str
    link: str
    before: Node | None = None
    is_done: bool = False


def check_user(here: LocalContext) -> None:
    """Raise UsageError if root would write into the home of another user."""
    if here.platform == "windows":
        raise UsageError("the forwarder is for Linux and macOS")
    check_own_home(here, "accelerate")


def plan(here: LocalContext, name: str) -> Plan:
    """Return how the forwarder gets in front of ``docker-credential-NAME``.

    Raises UsageError: there is no such helper on PATH, or no folder for the symlink; FileError.
    """
    check_user(here)
    program = program_name(name)
    found = here.which(program)
    if found is None:
        raise UsageError(f"{printable(program)} is not on PATH", hint=install(here, name))
    if layout.is_forwarder(here, found):
        original = layout.original(here, found)
        if original is None or not here.status(original):
            raise UsageError(
                f"{found} leads to the forwarder, but the original program no longer exists",
                hint=f"{command(None, 'accelerate', '--undo', name)}, then install it again",
            )
        return Plan(name, original, found, None, is_done=True)
    if name == OURSELVES and not is_this(here, found):
        raise UsageError(
            f"PATH leads to another Shorepass: {found}", hint="use the shorepass of that installation, or change PATH"
        )
    for folder in folders_before(here, found):
        link = join(here, folder, program)
        if not os.path.lexists(link) and _is_fit(here, folder):
            return Plan(name, found, link)
    if name == OURSELVES and _is_own(here, found):
        return Plan(name, layout.own_script(here), found, look(found))
    raise UsageError(
        f"no folder on PATH before {os.path.dirname(found)} is fit for a symlink to the forwarder",
        hint=_advice(here, found),
    )


def folders_before(here: LocalContext, program: str) -> Iterator[str]:
    """Yield the folders of PATH before that of a program, as they are written there."""
    name = os.path.basename(program)
    for folder in (here.getenv("PATH") or "").split(":"):
        if os.path.isabs(folder):
            if os.path.join(folder, name) == program:
                return
            yield folder


def _is_fit(here: LocalContext, folder: str) -> bool:
    """Tell whether a symlink may be created in a folder."""
    real = os.path.realpath(folder)
    return os.access(real, os.W_OK) and _is_safe(here, real) and (here.uid == 0 or _is_in_home(here, real))


def _is_own(here: LocalContext, program: str) -> bool:
    """Tell whether Shorepass's program may be replaced: it and its folder belong to the user, and no one else needs it."""
    folder = os.path.realpath(os.path.dirname(program))
    mine = os.lstat(program).st_uid == os.stat(folder).st_uid == here.uid
    return mine and _is_safe(here, folder) and (here.uid != 0 or _is_in_home(here, folder))


def _is_in_home(here: LocalContext, folder: str) -> bool:
    home = os.path.realpath(here.home() or "/")
    return home != "/" and folder.startswith(home + "/")


def _is_safe(here: LocalContext, folder: str) -> bool:
    """Tell whether only this user and root can change a folder, or put another one there."""
    path = folder
    try:
        found = os.stat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & stat.S_ISVTX:
            return False
        while True:
            # a folder like /tmp may be above: only the owner of an entry can rename it there
            is_open = found.st_mode & WRITTEN_BY_OTHERS and not found.st_mode & stat.S_ISVTX
            if found.st_uid not in (0, here.uid) or is_open:
                return False
            if path == "/":
                return True
            path = os.path.dirname(path)
            found = os.stat(path)
    except OSError:
        return False


def _advice(here: LocalContext, program: str) -> str:
    """Return the command that makes a folder for the symlink, or shows why ``~/.local/bin`` is not fit."""
    folder = join(here, here.home() or "", ".local", "bin")
    steps = []
    if not os.path.isdir(folder):
        steps.append(f"mkdir -p {quoted(folder)}")
    elif os.stat(folder).st_mode & WRITTEN_BY_OTHERS:
        steps.append(f"chmod go-w {quoted(folder)}")
    if folder not in folders_before(here, program):
        steps.append(f"export PATH={quoted(folder)}:$PATH")
    return " && ".join(steps) or f"ls -ld {quoted(folder)} {quoted(join(here, folder, os.path.basename(program)))}"
