"""Remembers on this machine which key signs a vault, and who may open it.

A vault may be in a synced folder, where others can write. So its own text does not decide who can read the next save, or which
key is the right one. ``$XDG_STATE_HOME/shorepass/vaults.json`` has the public keys, and no secrets.
"""

import json
from typing import Any, NamedTuple

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.contexts import FileContent
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.errors import MalformedFile

__all__ = ["Trust", "path_of", "recall", "remember"]

VERSION = 1
LIMIT = 1024 * 1024  # bytes; one vault needs some hundreds


class Trust(NamedTuple):
    """The public keys of a vault.

    ``keys``: those that sign the vault. ``recipients``: all that may open it, with ``keys``.
    """

    keys: tuple[str, ...]
    recipients: tuple[str, ...]


def path_of(here: LocalContext) -> str:
    """Return the path of the file."""
    return join(here, state_folder(here), "vaults.json")


def recall(here: LocalContext, vault: str) -> Trust | None:
    """Return what is remembered of the vault at a path, None if it is unknown.

    Raises FileError, MalformedFile.
    """
    return _decode(here.read(path_of(here), LIMIT)).get(vault)


def remember(here: LocalContext, vault: str, trust: Trust) -> None:
    """Remember this for the vault at a path, and forget what was remembered.

    Raises FileError, MalformedFile, WriteError.
    """
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
            "not in the format of this Shorepass",
            hint=f"move it away, then: {command(None, 'vault', 'trust')}",
        ) from None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError
    return tuple(value)
