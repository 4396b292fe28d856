"""The file of the policy: ``$XDG_CONFIG_HOME/shorepass/policy.toml``. ``docs/reference/policy.md`` describes each key.

A broken policy, and one that other users can write, is an error for everyone who reads it, so that no login is lent then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.config.locations import join, split
from shorepass.config.own_folders import settings_folder
from shorepass.contexts.command import command
from shorepass.errors import FileError, MalformedFile, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.grants.globs import check_glob, check_repository
from shorepass.grants.grant import FORWARD, MODES
from shorepass.grants.key_lines import key_lines, line_of
from shorepass.grants.policy import ANSWER_SECONDS, DEFAULT_SECONDS, Automatic, Policy
from shorepass.numbers import seconds
from shorepass.settings import DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from shorepass.contexts import Context, FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.key_lines import Key

    Kinds = Mapping[str, Callable[[Any], Any]]

__all__ = ["decode", "load", "path_of", "read"]

SIZE_LIMIT = 64 * 1024  # bytes
WRITABLE = 0o022  # by the group or by others
PROJECT = re.compile(r"[a-z0-9*][a-z0-9*_-]*", re.ASCII)  # compose-spec: the name of a project


def path_of(context: Context) -> str:
    """Return the path of the policy."""
    return join(context, settings_folder(context), "policy.toml")


def load(here: LocalContext) -> Policy:
    """Return the policy that counts, an empty one without the file. Raises FileError, MalformedFile."""
    path = path_of(here)
    policy = read(here, path)
    if policy is None:
        return Policy()
    for name in (path, split(here, path)[0]):
        _check_owner(here, name)
    return policy


def read(here: LocalContext, path: str) -> Policy | None:
    """Return what a file says, None if it does not exist. Raises FileError, MalformedFile."""
    content = here.read(path, SIZE_LIMIT)
    if content is None:
        return None
    known: Policy | None = here.memory.meaning(content)
    if known is None:
        known = decode(content)
        here.memory.keep_meaning(content, known)
    return known


def _check_owner(here: LocalContext, name: str) -> None:
    """Raise FileError if another user can write the file or the folder."""
    found = here.status(name)
    if found is None or here.uid is None:
        return
    is_own = found.uid in (0, here.uid)
    if is_own and not found.mode & WRITABLE:
        return
    fix = f"chmod go-w {quoted(name)}" if is_own else None
    raise FileError(
        name,
        "other users can write it, so no login is lent",
        owner=found.owner,
        mode=f"{found.mode:04o}",
        hint=fix,
    )


def decode(content: FileContent) -> Policy:
    """Return what a policy says. Raises MalformedFile, with the line."""
    import tomllib  # late: few users have a policy, and a container waits for its grant

    path = content.path
    try:
        text = content.data.decode()
    except UnicodeDecodeError as error:
        raise _broken(path, content.data.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    if deep := re.search(DEEP, content.data):
        raise _broken(path, content.data.count(b"\n", 0, deep.start()) + 1, "a key has a hundred parts")
    try:
        found = tomllib.loads(text)
        lines = key_lines(text)
    except RecursionError:
        raise _broken(path, 1, "its values are too deep") from None
    except tomllib.TOMLDecodeError as error:
        reason, _, where = str(error).partition(" (at ")
        number = re.search(r"line (\d+)", where)
        line = int(number[1]) if number else text.count("\n") + 1
        raise _broken(path, line, f"not TOML: {printable(reason)}") from None
    return _policy(_Reader(path, lines), found, lines)


def _broken(path: str, line: int, reason: str) -> MalformedFile:
    return MalformedFile(
        path, f"line {line}: {reason}; no login is lent until you correct it", hint=command(None, "policy", "example")
    )


class _Reader:
    """Reads tables. An unknown key and a wrong value are errors with their lines."""

    def __init__(self, path: str, lines: dict[Key, int]) -> None:
        self._path = path
        self._lines = lines

    def table(self, found: object, at: Key, kinds: Kinds) -> dict[str, Any]:
        """Return the values of a table that are there, by their keys. Raises MalformedFile."""
        if not isinstance(found, dict):
            raise self.error(at, f'"{at[0]}" is not a table')
        values = {}
        for key, value in found.items():
            if key not in kinds:
                known = ", ".join(kinds)
                raise self.error((*at, key), f"unknown key {printable(key)!r}; the keys here are {known}")
            try:
                values[key] = kinds[key](value)
            except (UsageError, ValueError) as error:
                text = error.message if isinstance(error, UsageError) else str(error)
                raise self.error((*at, key), f'"{key}": {text}') from None
        return values

    def tables(self, found: object, at: str, kinds: Kinds) -> list[tuple[int, dict[str, Any]]]:
        """Return the tables of a list with the line of each. Raises MalformedFile."""
        if not isinstance(found, list):
            raise self.error((at,), f"{at!r} is not a list of tables: write [[{at}]]")
        return [(self.line((at, number)), self.table(row, (at, number), kinds)) for number, row in enumerate(found)]

    def line(self, at: Key) -> int:
        """Return the line of a key."""
        return line_of(self._lines, at)

    def error(self, at: Key, reason: str) -> MalformedFile:
        """Return the error for a key."""
        return _broken(self._path, self.line(at), reason)


def _texts(value: object, check: Callable[[str], str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("not a list of strings")
    return tuple(map(check, value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def _registries(value: object) -> tuple[str, ...]:
    return _texts(value, check_glob)


def _repositories(value: object) -> tuple[str, ...]:
    return _texts(value, check_repository)


def _image(value: object) -> str:
    return check_repository(_text(value))


def _mode(value: object) -> str:
    if not isinstance(value, str) or value not in MODES:
        raise ValueError(f"not one of {', '.join(MODES)}")
    return value


def _modes(value: object) -> tuple[str, ...]:
    return _texts(value, _mode)


def _time(value: object) -> float:
    found = seconds(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("not a time such as 30m, 2h or 1d")
    return found


def _answer_time(value: object) -> float:
    found = _time(value)
    if found > ANSWER_SECONDS:
        raise ValueError(f"longer than {ANSWER_SECONDS:.0f}s, for which a client waits")
    return found


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _project(value: object) -> str:
    if not PROJECT.fullmatch(_text(value)):
        raise ValueError("not a name of a compose project")
    return str(value)


DEFAULTS: Kinds = {"for": _time, "max": _time, "mode": _mode, "confirm": _truth, "confirm_within": _answer_time}
ALLOWED: Kinds = {"registries": _registries, "repositories": _repositories, "modes": _modes, "push": _truth}
AUTOMATIC: Kinds = {
    "image": _image,
    "project": _project,
    "registries": _registries,
    "repositories": _repositories,
    "mode": _mode,
    "for": _time,
    "push": _truth,
    "confirm": _truth,
}
TABLES: Kinds = {
    "never": _registries,
    "defaults": lambda table: table,
    "allowed": lambda table: table,
    "automatic": lambda rows: rows,
}


def _policy(reader: _Reader, found: dict[str, Any], lines: dict[Key, int]) -> Policy:
    values = reader.table(found, (), TABLES)
    defaults = reader.table(values.get("defaults", {}), ("defaults",), DEFAULTS)
    allowed = reader.table(values.get("allowed", {}), ("allowed",), ALLOWED)
    longest = defaults.get("max", 0.0)
    if longest and defaults.get("for", 0.0) > longest:
        raise reader.error(("defaults", "for"), '"for" is longer than "max"')
    usual = min(DEFAULT_SECONDS, longest or DEFAULT_SECONDS)
    rows = reader.tables(values.get("automatic", []), "automatic", AUTOMATIC)
    mode = defaults.get("mode", "")
    return Policy(
        seconds=defaults.get("for", usual),
        longest=longest,
        mode=mode,
        confirm=defaults.get("confirm", False),
        answer_seconds=defaults.get("confirm_within", ANSWER_SECONDS),
        never=values.get("never", ()),
        allowed_registries=allowed.get("registries"),
        allowed_repositories=allowed.get("repositories"),
        allowed_modes=allowed.get("modes"),
        allowed_push=allowed.get("push", True),
        automatic=tuple(
            _automatic(reader, number, line, row, mode or FORWARD) for number, (line, row) in enumerate(rows)
        ),
        lines={".".join(map(str, key)): line for key, line in lines.items()},
    )


def _automatic(reader: _Reader, number: int, line: int, row: dict[str, Any], usual_mode: str) -> Automatic:
    at = ("automatic", number)
    if ("image" in row) == ("project" in row):
        raise reader.error(at, 'a row of [[automatic]] has either "image" or "project"')
    if not row.get("registries") and not row.get("repositories"):
        raise reader.error(at, 'a row of [[automatic]] has "registries" or "repositories"')
    mode = row.get("mode") or usual_mode
    rules = MODES[mode]
    for key, fits in (("repositories", rules.repositories), ("push", rules.push), ("confirm", rules.counts)):
        if row.get(key) and not fits:
            raise reader.error((*at, key), f'"{key}" is not for mode {mode}')
    return Automatic(
        line=line,
        image=row.get("image", ""),
        project=row.get("project", ""),
        registries=row.get("registries", ()),
        repositories=row.get("repositories", ()),
        mode=row.get("mode", ""),
        seconds=row.get("for", 0.0),
        push=row.get("push", False),
        confirm=row.get("confirm", False),
    )
