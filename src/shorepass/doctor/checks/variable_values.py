"""Values of variables that were meant otherwise: paths in a wrong form, and logins that are encoded or in a file."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config import docker_config
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import join, split
from shorepass.errors import FileError, MalformedFile
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.config.auth_entry import AuthConfig
    from shorepass.contexts import Context

__all__ = ["Logins", "Path", "logins_meant", "path_meant"]

FOLDER_VARIABLES = ("DOCKER_CONFIG",)  # the others name a file
FILE_NAMES = ("config.json", "auth.json")
HOME_VARIABLE = re.compile(r"\$HOME(?=/|$)|\$\{HOME\}(?=/|$)")


class Path(NamedTuple):
    """Why a variable's path cannot be what its user meant, and the line that sets the right one."""

    cause: str
    advice: str


class Logins(NamedTuple):
    """Why a variable's logins cannot be read as they are, the line that sets them right, and the logins that were meant."""

    cause: str
    advice: str
    auths: dict[str, AuthConfig]


def path_meant(context: Context, variable: str, place: str) -> Path | None:
    """Return what was meant by a path that is not one or is of the other kind, None for a path of the right kind."""
    if place == "~" or place.startswith("~/"):
        cause = "its value begins with ~, which only a shell replaces, and only outside of quotes"
        return Path(cause, f'export {variable}="$HOME{place[1:]}"')
    if HOME_VARIABLE.match(place):
        return Path("its value has $HOME in it, which was not replaced", f'export {variable}="{place}"')
    try:
        status = context.status(place)
    except FileError:
        return None
    kind = status.kind if status else ""
    if variable in FOLDER_VARIABLES and kind == "file":
        folder, name = split(context, place)
        right = f"export {variable}={quoted(folder)}" if name == FILE_NAMES[0] and folder else f"unset {variable}"
        return Path("it names a file, and must name the folder that has config.json", right)
    if variable not in FOLDER_VARIABLES and kind == "folder":
        paths = [join(context, place, name) for name in FILE_NAMES]
        there = next((path for path in paths if _is_file(context, path)), "")
        right = f"export {variable}={quoted(there)}" if there else f"unset {variable}"
        return Path("it names a folder, and must name the file in it", right)
    return None


def logins_meant(context: Context, variable: str, text: str) -> Logins | None:
    """Return what was meant by a value that is not JSON: JSON in base64, or the name of a file; None for anything else."""
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True).decode()
        auths = docker_config.load_variable(decoded)
    except (binascii.Error, ValueError, MalformedFile):
        pass
    else:
        cause = "its value is in base64, and docker wants the JSON text itself"
        return Logins(cause, f'export {variable}="$(printf %s "${variable}" | base64 -d)"', auths)
    try:
        content = context.read(text, SIZE_LIMIT) if text.startswith("/") else None
        auths = docker_config.load_variable(content.data.decode()) if content else {}
    except (FileError, ValueError):
        return None
    cause = "its value is the name of a file, and docker wants the text in it"
    return Logins(cause, f'export {variable}="$(cat {quoted(text)})"', auths) if content else None


def _is_file(context: Context, path: str) -> bool:
    try:
        status = context.status(path)
    except FileError:
        return False
    return status is not None and status.kind == "file"
