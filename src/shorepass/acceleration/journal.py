"""The helpers that the forwarder is in front of, and what was at the paths of its symlinks before.

It is ``links.json`` in the forwarder's folder, and is written before a change. It has no secrets: the only files that Shorepass
replaces are its own programs.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.agent_client import layout
from shorepass.config.locations import join
from shorepass.errors import MalformedFile, WriteError
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.files.nodes import Node
from shorepass.files.placing import make_folders
from shorepass.files.reading import reason

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext

__all__ = ["Record", "alone", "decode", "path_of", "records", "write"]

VERSION = 1
SIZE_LIMIT = 16 * 1024 * 1024  # bytes


class Record(NamedTuple):
    """One helper: the forwarder's symlink ``link`` on PATH, the program behind it, and what was at ``link`` before."""

    link: str
    original: str
    before: Node | None = None


def path_of(here: LocalContext) -> str:
    """Return the path of the journal."""
    return join(here, layout.folder(here), "links.json")


def alone(here: LocalContext) -> FolderLock:
    """Return what lets one process at a time change the forwarder's files, whose folders it makes. Raises WriteError."""
    target = join(here, layout.folder(here), "alone", "lock")  # files locks the folder above at each save
    try:
        for path in (target, layout.original_link(here, "")):
            make_folders(os.path.dirname(path), None)
    except OSError as error:
        raise WriteError(target, reason(error)) from None
    return FolderLock(target, LOCK_TIMEOUT)


def records(here: LocalContext) -> dict[str, Record]:
    """Return the record of each helper by its NAME. Raises FileError, MalformedFile."""
    content = files.read(path_of(here), SIZE_LIMIT)
    return {} if content is None else decode(content)


def decode(content: FileContent) -> dict[str, Record]:
    """Return what the journal's file holds. Raises MalformedFile."""
    try:
        found = json.loads(content.data)
        if found["version"] != VERSION:
            raise ValueError
        return {_text(name): _record(value) for name, value in found["helpers"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise MalformedFile(
            content.path, "not what this version of Shorepass writes there", hint="move it away, then try again"
        ) from None


def _record(value: Any) -> Record:
    before = value["before"]
    if before is not None:
        data = base64.b64decode(before["data"], validate=True)
        before = Node(_text(before["target"]), data, int(before["mode"]) & 0o7777)
    return Record(_path(value["link"]), _path(value["original"]), before)


def _path(value: Any) -> str:
    if not os.path.isabs(_text(value)):
        raise ValueError
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def write(here: LocalContext, name: str, record: Record | None) -> None:
    """Remember a helper; None: forget it. The caller is ``alone``. Raises WriteError, FileError, MalformedFile."""

    def edit(content: FileContent | None) -> bytes:
        known = {} if content is None else decode(content)
        known.pop(name, None)
        if record is not None:
            known[name] = record
        helpers = {one: _encoded(found) for one, found in known.items()}
        return json.dumps({"version": VERSION, "helpers": helpers}, indent=1).encode() + b"\n"

    files.update(path_of(here), edit)


def _encoded(record: Record) -> dict[str, Any]:
    before: dict[str, Any] | None = None
    if record.before is not None:
        data = base64.b64encode(record.before.data).decode()
        before = {"target": record.before.target, "data": data, "mode": record.before.mode}
    return {"link": record.link, "original": record.original, "before": before}
