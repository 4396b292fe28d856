"""What this machine knows of its vaults, beside the vaults themselves: which key signs one, and who else may open it.

A vault may be in a folder that is synced, where others can write. So neither who reads the next save of it nor which key is
the right one is taken from there. It is remembered in ``$XDG_STATE_HOME/shorepass/vaults.json``: public halves, no secrets.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own import state_folder
from shorepass.contexts.command import command
from shorepass.errors import MalformedFile

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext

__all__ = ["Trust", "path_of", "recall", "remember"]

VERSION = 1
LIMIT = 1024 * 1024  # bytes: one vault has some hundreds


class Trust(NamedTuple):
    """``keys``: public halves of the keys that sign the vault. ``recipients``: all who may open it, the keys included."""

    keys: tuple[str, ...]
    recipients: tuple[str, ...]


def path_of(here: LocalContext) -> str:
    """Return the path of the file that remembers."""
    return join(here, state_folder(here), "vaults.json")


def recall(here: LocalContext, vault: str) -> Trust | None:
    """Return what is remembered of the vault at a path, None for nothing. Raises FileError, MalformedFile."""
    return _decode(here.read(path_of(here), LIMIT)).get(vault)


def remember(here: LocalContext, vault: str, trust: Trust) -> None:
    """Remember it, in the place of what was remembered of that vault. Raises FileError, MalformedFile, WriteError."""
    path = path_of(here)

    def edit(content: FileContent | None) -> bytes:
        known = {**_decode(content), vault: trust}
        vaults = {name: {"keys": about.keys, "recipients": about.recipients} for name, about in known.items()}
        return json.dumps({"version": VERSION, "vaults": vaults}, indent=2).encode() + b"\n"

    files.update(path, edit, owner=here.home_owner(path))


def _decode(content: FileContent | None) -> dict[str, Trust]:
    if content is None:
        return {}
    try:
        found: Any = json.loads(content.data)
        if found["version"] != VERSION:
            raise ValueError
        return {
            name: Trust(_texts(about["keys"]), _texts(about["recipients"])) for name, about in found["vaults"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MalformedFile(
            content.path,
            "not what this version of Shorepass writes there",
            hint=f"move it away, then: {command(None, 'vault', 'trust')}",
        ) from None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError
    return tuple(value)
