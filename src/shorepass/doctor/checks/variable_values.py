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
    from collections.abc import Callable

    from shorepass.config.auth_entry import AuthConfig
    from shorepass.contexts import Context

__all__ = ["Logins", "Path", "logins_meant", "path_meant"]

DOCKER_FOLDER = "DOCKER_CONFIG"
FOLDER_VARIABLES = (DOCKER_FOLDER, "XDG_CONFIG_HOME")  # the others name a file
FILE_NAMES = ("config.json", "auth.json")
PLAIN_PATH = re.compile(r"[\w./${} @%+:,-]+")  # what a shell's double quotes leave as it is, but for $NAME
# Why a value is not the path that was meant: the first pattern that is found.
FORMS = (
    (r"^\s|\s$", "its value begins or ends with a blank or a line feed"),
    (r"""^(["']).*\1$""", "its value has quotation marks in it, which are then a part of the name"),
    (r"^~(/|$)", "its value begins with ~, which only a shell replaces, and only outside of quotes"),
    (r"\$\{?HOME\b", "its value has $HOME in it, which was not replaced"),
    (r"\$(\w+|\{\w+\})", "its value has a variable's name in it, which was not replaced"),
)


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
    if place.lstrip(" \t\r\n'\"").startswith("{"):
        return Path("its value is the text of a config file, and must be a path", _in_a_file(variable))
    cause = next((cause for pattern, cause in FORMS if re.search(pattern, place, re.DOTALL)), "")
    if cause:
        right = _as_meant(context, place)
        advice = f"export {variable}={right}" if right else f"unset {variable}"
        return Path(cause, advice)
    try:
        status = context.status(place)
    except FileError:
        return None
    kind = status.kind if status else ""
    if variable == DOCKER_FOLDER and kind == "file":
        return Path(
            "it names a file, and must name the folder that has config.json", _its_folder(context, variable, place)
        )
    if variable not in FOLDER_VARIABLES and kind == "folder":
        paths = [join(context, place, name) for name in FILE_NAMES]
        there = next((path for path in paths if _is_file(context, path)), "")
        right = f"export {variable}={quoted(there)}" if there else f"unset {variable}"
        return Path("it names a folder, and must name the file in it", right)
    return _from_home(context, variable, place) if not kind else None


def _as_meant(context: Context, place: str) -> str:
    """Return a path as a shell's word, without blanks and quotes around it.

    ``""``: it has other characters than a path's, or names a variable that is not set.
    """
    place = _without_quotes(place.strip()).strip()
    if place.startswith("~"):
        place = f"$HOME{place[1:]}"
    names = re.findall(r"\$\{?(\w+)", place)
    if not PLAIN_PATH.fullmatch(place) or not all(map(context.getenv, names)):
        return ""
    return f'"{place}"' if "$" in place or " " in place else place


def _in_a_file(variable: str) -> str:
    """Return the line that writes a variable's value into a new file, which only this user can read."""
    if variable in FOLDER_VARIABLES:
        return f'd="$(mktemp -d)" && printf %s "${variable}" >"$d/config.json" && export {variable}="$d"'
    return f'f="$(mktemp)" && printf %s "${variable}" >"$f" && export {variable}="$f"'


def _its_folder(context: Context, variable: str, place: str) -> str:
    """Return the line that names the folder of a config file, or a copy of it if the file has another name."""
    folder, name = split(context, place)
    if name == FILE_NAMES[0] and folder:
        return f"export {variable}={quoted(folder)}"
    if not _has_logins(context, place):
        return f"unset {variable}"
    return f'd="$(mktemp -d)" && cp {quoted(place)} "$d/config.json" && export {variable}="$d"'


def _from_home(context: Context, variable: str, place: str) -> Path | None:
    """Return what a relative path means if it exists in the home, and not in the current folder."""
    home = context.home()
    if place.startswith("/") or not home or context.platform == "windows":
        return None
    right = join(context, home, place.removeprefix("./"))
    is_right = context.is_folder(right) if variable in FOLDER_VARIABLES else _is_file(context, right)
    if not is_right or not PLAIN_PATH.fullmatch(place):
        return None
    cause = f"it is a relative path: it means another one in each folder, and here {join(context, context.cwd() or '.', place)}"
    return Path(cause, f'export {variable}="$HOME/{place.removeprefix("./")}"')


def logins_meant(context: Context, variable: str, text: str) -> Logins | None:
    """Return what was meant by a value that cannot be read: JSON in another form, or a file's name; None for anything else."""
    for change, cause, advice in VALUES:
        changed = change(text)
        auths = _auths(changed) if changed != text else {}
        if auths:
            return Logins(cause, advice.replace("NAME", variable), auths)
    try:
        content = context.read(text, SIZE_LIMIT) if text.startswith("/") else None
        auths = docker_config.load_variable(content.data.decode()) if content else {}
    except (FileError, MalformedFile, ValueError):
        return None
    cause = "its value is the name of a file, and docker wants the text in it"
    return Logins(cause, f'export {variable}="$(cat {quoted(text)})"', auths) if content else None


def _auths(text: str) -> dict[str, AuthConfig]:
    """Return the logins of a variable's text, none if docker cannot read it."""
    try:
        return docker_config.load_variable(text)
    except MalformedFile:
        return {}


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return text


def _without_quotes(text: str) -> str:
    return text[1:-1] if text[:1] in ("'", '"') and text[-1:] == text[:1] else text


def _without_backslashes(text: str) -> str:
    return _without_quotes(text).replace('\\"', '"')


def _within_auths(text: str) -> str:
    return f'{{"auths":{text}}}'


# How a value was changed on its way, why it cannot be read, and the line for a shell that changes it back.
VALUES: tuple[tuple[Callable[[str], str], str, str], ...] = (
    (
        _decoded,
        "its value is in base64, and docker wants the JSON text itself",
        'export NAME="$(printf %s "$NAME" | base64 -d)"',
    ),
    (
        _without_quotes,
        "its value has quotation marks around the JSON text",
        'NAME="${NAME#?}" && export NAME="${NAME%?}"',
    ),
    (
        _without_backslashes,
        "its value has a backslash before each quotation mark",
        """export NAME="$(printf %s "$NAME" | sed -e 's/\\\\"/"/g' -e 's/^"{/{/' -e 's/}"$/}/')\"""",
    ),
    (
        _within_auths,
        'its value has the registries, without "auths" around them',
        'export NAME="{\\"auths\\":$NAME}"',
    ),
)


def _has_logins(context: Context, path: str) -> bool:
    try:
        content = context.read(path, SIZE_LIMIT)
    except FileError:
        return False
    return content is not None and b'"auths"' in content.data


def _is_file(context: Context, path: str) -> bool:
    try:
        status = context.status(path)
    except FileError:
        return False
    return status is not None and status.kind == "file"
