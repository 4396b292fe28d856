"""Puts the forwarder in front of a helper, and removes it again.

At every moment PATH leads to a program that answers: the symlink is made last, and removed first. Only a symlink that still
leads to this user's forwarder is removed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.acceleration import journal
from shorepass.acceleration.journal import Record
from shorepass.acceleration.plan import check_user
from shorepass.agent_client import layout
from shorepass.config.locations import join
from shorepass.errors import ShorepassError, WriteError
from shorepass.files.nodes import SIZE_LIMIT, Node, look, replace
from shorepass.helper.protocol import program_name
from shorepass.profile import MODULE

if TYPE_CHECKING:
    from shorepass.acceleration.plan import Plan
    from shorepass.contexts.local import LocalContext

__all__ = ["State", "links", "names", "put", "remove", "states"]

EXECUTABLE, PRIVATE = 0o755, 0o700


class State(NamedTuple):
    """What became of one helper. ``state``: ``in front``, ``shadowed``, ``no link`` or ``no original``; ``detail``: why."""

    name: str
    link: str
    original: str
    state: str
    detail: str = ""


def put(here: LocalContext, plan: Plan, forwarder: str) -> None:
    """Put the forwarder in front of a helper. ``forwarder``: the program of this installation, which is copied.

    Raises WriteError, FileError, MalformedFile; then the helper is as it was.
    """
    check_user(here)
    with journal.alone(here):
        _copy(here, forwarder)
        if plan.is_done:
            return
        _remove(here, plan.name)
        journal.write(here, plan.name, Record(plan.link, plan.original, plan.before))
        try:
            if plan.before is not None:
                _write_script(here)
            _place(layout.original_link(here, program_name(plan.name)), Node(plan.original))
            replace(plan.link, plan.before, Node(layout.forwarder(here)))
        except ShorepassError:
            _remove(here, plan.name)
            raise


def _copy(here: LocalContext, forwarder: str) -> None:
    """Copy the forwarder of this installation, if the copy is missing or another version."""
    path = layout.forwarder(here)
    content = files.read(forwarder, SIZE_LIMIT)
    if content is None:
        raise WriteError(path, f"{forwarder} does not exist")
    files.set_mode(layout.folder(here), PRIVATE)
    _place(path, Node("", content.data, EXECUTABLE))
    if not os.access(path, os.X_OK):  # mount(8), noexec
        folder = layout.folder(here)
        hint = "set XDG_STATE_HOME, for your whole session, to a folder of yours where programs can run"
        raise WriteError(folder, "the file system there does not let programs run", hint=hint)


def _write_script(here: LocalContext) -> None:
    """Write a script that starts this installation's helper, whose own program the forwarder replaces."""
    text = f'#!/bin/sh\nexec "{sys.executable}" -m {MODULE} "$@"\n'
    _place(layout.own_script(here), Node("", text.encode(), EXECUTABLE))


def _place(path: str, after: Node) -> None:
    """Put one of Shorepass's own files at its path. It has its mode from the first moment: a client may be starting it."""
    before = look(path)
    if before != after:
        replace(path, before, after)


def remove(here: LocalContext, name: str) -> list[str]:
    """Remove the forwarder from in front of a helper; return the paths at which it was.

    Raises WriteError, FileError, MalformedFile.
    """
    check_user(here)
    if not here.status(layout.folder(here)):
        return []
    with journal.alone(here):
        removed = _remove(here, name)
        if not journal.records(here):
            _remove_files(here)
    return removed


def _remove(here: LocalContext, name: str) -> list[str]:
    known = journal.records(here).get(name)
    ours, removed = Node(layout.forwarder(here)), []
    before = {} if known is None else {known.link: known.before}
    for link in {**dict.fromkeys(links(here, name)), **before}:
        if look(link) == ours:
            replace(link, ours, before.get(link))
            removed.append(link)
    files.remove(layout.original_link(here, program_name(name)))
    if known is not None:
        journal.write(here, name, None)
    return removed


def links(here: LocalContext, name: str) -> list[str]:
    """Return the paths on PATH that lead to this user's forwarder under the name of a helper."""
    folders = (here.getenv("PATH") or "").split(":")
    paths = [join(here, folder, program_name(name)) for folder in folders if os.path.isabs(folder)]
    return [path for path in paths if os.path.islink(path) and os.readlink(path) == layout.forwarder(here)]


def _remove_files(here: LocalContext) -> None:
    """Remove the forwarder itself, which is in front of no helper now. Its folders remain, because others may wait there."""
    for path in (layout.forwarder(here), layout.own_script(here), journal.path_of(here)):
        files.remove(path)


def names(here: LocalContext) -> list[str]:
    """Return the NAMEs of the helpers that the forwarder was put in front of. Raises FileError, MalformedFile."""
    return sorted(journal.records(here))


def states(here: LocalContext) -> list[State]:
    """Return whether the forwarder is still in front of each helper. Raises FileError, MalformedFile."""
    return [_state(here, name, record) for name, record in sorted(journal.records(here).items())]


def _state(here: LocalContext, name: str, record: Record) -> State:
    state = State(name, record.link, record.original, "in front")
    program = program_name(name)
    original = layout.original(here, record.link)
    found = here.which(program)
    if look(record.link) != Node(layout.forwarder(here)) or not here.status(record.link):
        return state._replace(state="no link", detail="another program is there now, or nothing")
    if original is None or not here.status(original):
        return state._replace(state="no original", detail=f"{original or record.original} no longer exists")
    if found is None or not layout.is_forwarder(here, found):
        return state._replace(state="shadowed", detail=f"PATH leads to {found or 'no helper of that name'}")
    return state
