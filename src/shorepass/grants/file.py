"""The file of the grants: ``$XDG_STATE_HOME/shorepass/grants.json``, mode 0600, without secrets.

A broken file is an error for everyone who reads it, so that no grant counts then.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shorepass import bounded_json, files
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.errors import MalformedFile
from shorepass.files import SIZE_LIMIT
from shorepass.grants.grant import FOLDERS, MODES, Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext

__all__ = ["add", "count_use", "load", "note_relay", "path_of", "remove"]

VERSION = 1


def path_of(here: LocalContext) -> str:
    """Return the path of the file."""
    return join(here, state_folder(here), "grants.json")


def load(here: LocalContext) -> dict[str, Grant]:
    """Return the grants by their id, also those whose time is over. Raises FileError, MalformedFile."""
    content = here.read(path_of(here), SIZE_LIMIT)
    if content is None:
        return {}
    known: dict[str, Grant] | None = here.memory.meaning(content)
    if known is None:
        known = _decode(content)
        here.memory.keep_meaning(content, known)
    return known


def add(here: LocalContext, grant: Grant) -> None:
    """Store a new grant, and remove those that no longer count. Raises WriteError, FileError, MalformedFile."""

    def edit(known: dict[str, Grant]) -> dict[str, Grant]:
        kept = {id_: one for id_, one in known.items() if not one.end(grant.created)}
        return {**kept, grant.id: grant}

    _update(here, edit)


def remove(here: LocalContext, ids: Collection[str]) -> None:
    """Remove grants, if they are there. Raises WriteError, FileError, MalformedFile."""
    _update(here, lambda known: {id_: one for id_, one in known.items() if id_ not in ids})


def count_use(here: LocalContext, id_: str, now: float) -> bool:
    """Count one use of a grant; False if it no longer counts. Raises WriteError, FileError, MalformedFile."""
    counted = False

    def edit(known: dict[str, Grant]) -> dict[str, Grant]:
        nonlocal counted
        grant = known.get(id_)
        counted = grant is not None and not grant.end(now)
        return {**known, id_: grant._replace(uses=grant.uses + 1)} if grant and counted else known

    _update(here, edit)
    return counted


def note_relay(here: LocalContext, id_: str, relay: str) -> None:
    """Note the process that relays a grant. Raises WriteError, FileError, MalformedFile."""

    def edit(known: dict[str, Grant]) -> dict[str, Grant]:
        grant = known.get(id_)
        return {**known, id_: grant._replace(relay=relay)} if grant else known

    _update(here, edit)


def _update(here: LocalContext, change: Callable[[dict[str, Grant]], dict[str, Grant]]) -> None:
    def edit(content: FileContent | None) -> bytes | None:
        known = {} if content is None else _decode(content)
        grants = change(known)
        if content is None and not grants:
            return None
        rows = ",\n".join(json.dumps(grant._asdict()) for grant in grants.values())
        return f'{{"version": {VERSION}, "grants": [\n{rows}\n]}}\n'.encode()

    files.update(path_of(here), edit)


def _decode(content: FileContent) -> dict[str, Grant]:
    """Return what the file has. Raises MalformedFile, with the line if it is not JSON."""
    why = "not what this version of Shorepass writes there"
    try:
        found = bounded_json.loads(content.data)
        if found["version"] != VERSION:
            raise ValueError(why)
        grants = [_grant(row) for row in found["grants"]]
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        line = getattr(error, "lineno", None)
        reason = why if line is None else f"line {line} is not JSON"
        raise MalformedFile(
            content.path, f"{reason}, so no login is lent", hint="move it away, then lend again"
        ) from None
    return {grant.id: grant for grant in grants}


def _grant(row: Any) -> Grant:
    """Return one grant. Raises KeyError, TypeError, ValueError."""
    lists = {name: tuple(row.get(name, ())) for name in ("registries", "repositories", "realms", "helpers")}
    grant = Grant(**{**row, **lists})
    words = (*grant.registries, *grant.repositories, *grant.realms, *grant.helpers)
    texts = (grant.id, grant.target, grant.mode, grant.folder, grant.config, grant.engine, grant.relay, *words)
    numbers = (grant.created, grant.until, grant.max_uses, grant.uses)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(one, int | float) for one in numbers):
        raise TypeError
    if len(grant.id) != 8 or not grant.id.isalnum() or os.path.basename(grant.folder) != grant.id:
        raise ValueError
    if not os.path.isabs(grant.folder) or grant.mode not in MODES:
        raise ValueError
    if os.path.basename(os.path.dirname(grant.folder)) != FOLDERS:  # because it is removed at the end of the grant
        raise ValueError
    truths = (grant.push, grant.deny, grant.confirm, grant.any_user, grant.own_logins)
    if not all(isinstance(truth, bool) for truth in truths):
        raise ValueError
    return grant
