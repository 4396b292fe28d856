"""Name ``docker-credential-shorepass`` in a client's file, and restore the helper that was named there before.

The earlier names are stored in ``$XDG_STATE_HOME/shorepass/helper.json``, which has no secrets.
"""

import json
import os
import shlex
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from shorepass import files
from shorepass.clients import FAMILIES, Client, Target, find
from shorepass.config import document
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.contexts import Change, Context, FileContent
from shorepass.contexts.local import LocalContext
from shorepass.errors import MalformedFile, UsageError
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.names import HUB_REGISTRY, HUB_SERVER_URL, registry_of_server

__all__ = [
    *(
        "Before",
        "Place",
        "asked_for",
        "decode",
        "end_override",
        "everywhere",
        "held",
        "install",
        "installing",
        "forget",
        "named_for",
        "named_in",
        "named_now",
        "naming",
        "places",
    ),
    *("put_back", "remember_override", "remembered", "restore", "uninstall", "uninstalling"),
    *("without_helper", "without_program"),
]

VERSION = 1


class Place(NamedTuple):
    """Where a client's file names the helper: ``("credsStore",)``, or ``("credHelpers", KEY)``."""

    path: str
    member: tuple[str, ...]


class Before(NamedTuple):
    """What a member held before: the helper's name, or None. ``depth``: how many of its parents existed (0: no file).

    ``named``: the new name, by default Shorepass's helper; "" and None mean the file itself. ``until_logout``: a login wrote
    the name for one registry only, and the logout removes it.
    """

    name: str | None
    depth: int
    named: str | None = OURSELVES
    until_logout: bool = False


def asked_for(here: LocalContext, client: str, registry: str | None) -> list[Place]:
    """Return the members that name the helper for one registry, or for all if it is None. Raises UsageError."""
    meant = find(client)
    path = os.path.abspath(meant.files(here, for_login=True)[0].path)
    if registry is None and meant.facts.reads_creds_store:
        return [Place(path, ("credsStore",))]
    if registry is None:
        raise UsageError(
            "podman does not read a helper for all registries from its auth file",
            hint='name one with --for REGISTRY; for all: credential-helpers = ["shorepass"] in registries.conf',
        )
    host = registry_of_server(registry)
    return [Place(path, ("credHelpers", key)) for key in named_for(meant.asked_for(host))]


def named_for(key: str) -> list[str]:
    """Return the keys in ``credHelpers`` for a login. Docker Hub has two, because podman uses another key."""
    return [key, HUB_REGISTRY] if key == HUB_SERVER_URL else [key]


def places(here: LocalContext) -> list[Place]:
    """Return the members that Shorepass's helper was written to. Raises MalformedFile, FileError."""
    return [where for where, before in remembered(here).items() if before.named == OURSELVES]


def everywhere(here: LocalContext) -> list[Place]:
    """Return ``places``, and the members of clients' files that name Shorepass's helper now.

    Such a file may have come from another machine.

    Raises MalformedFile, FileError.
    """
    found = dict.fromkeys(places(here))
    for path in [find(name).own_file(here) for name in FAMILIES]:
        found |= dict.fromkeys(named_in(here.read(path, document.SIZE_LIMIT), os.path.abspath(path)))
    return list(found)


def named_in(content: FileContent | None, path: str) -> Iterator[Place]:
    """Yield the members of a file that name Shorepass's helper. Raises MalformedFile."""
    value: Any = document.load(content, first_value_only=True) if content else None
    helpers = value.get("credHelpers") if isinstance(value, dict) else None
    keys = helpers if isinstance(helpers, dict) else ()
    for member in (("credsStore",), *(("credHelpers", key) for key in keys)):
        if named_now(content, Place(path, member)) == OURSELVES:
            yield Place(path, member)


def naming(here: LocalContext) -> list[Place]:
    """Return those of ``places`` that name Shorepass's helper now. Raises MalformedFile, FileError."""
    return [
        where for where in places(here) if named_now(here.read(where.path, document.SIZE_LIMIT), where) == OURSELVES
    ]


def named_now(content: FileContent | None, where: Place) -> str | None:
    """Return the helper that a member names, or None. Raises MalformedFile."""
    return held(content, where).name


def held(content: FileContent | None, where: Place) -> Before:
    """Return what a member holds. Raises MalformedFile."""
    if content is None:
        return Before(None, 0)
    value: Any = document.load(content, first_value_only=True)
    for depth, key in enumerate(where.member, 1):
        if not isinstance(value, dict) or value.get(key) is None:
            return Before(None, depth)
        value = value[key]
    name = value if isinstance(value, str) else None
    return Before(name, len(where.member) + 1)


def installing(where: Place) -> Change:
    """Return the edit that writes Shorepass's helper to a member."""

    def edit(content: FileContent | None) -> bytes | None:
        if named_now(content, where) == OURSELVES:
            return None
        return document.set_member(content or b"", where.member, OURSELVES)

    return edit


def install(here: LocalContext, where: Place, *, until_logout: bool = False) -> bool:
    """Write Shorepass's helper to a member, False if it was there. Raises FileError, WriteError.

    ``until_logout``: see ``Before``.
    """
    name_it = installing(where)

    def edit(content: FileContent | None) -> bytes | None:
        edited = name_it(content)
        if edited is not None:
            _remember(here, where, _before(here, content, where, OURSELVES, until_logout=until_logout))
        return edited

    return here.update(where.path, edit)


def _before(
    here: LocalContext, content: FileContent | None, where: Place, named: str | None, *, until_logout: bool
) -> Before:
    """Return what to remember of a member. A name that an earlier login wrote does not count."""
    known = remembered(here).get(where)
    if known is None or named_now(content, where) != known.named:
        return held(content, where)._replace(named=named, until_logout=until_logout)
    return known._replace(named=named, until_logout=known.until_logout or until_logout)


def without_helper(
    client: Client, content: FileContent | None, target: Target
) -> tuple[bytes, dict[Place, str | None]]:
    """Return a file that names no helper for a login, so that its client reads the file itself, and the changed members.

    If ``credsStore`` names a helper for all registries, an empty name in ``credHelpers`` means the file. (docker/cli
    ``cli/config/configfile/file.go``, GetCredentialsStore. Real docker 20.10 and 28.2 do that; podman 4.3 stops at it.)
    """
    path, data = os.path.abspath(target.path), content.data if content else b""
    changed: dict[Place, str | None] = {}
    for key in named_for(target.key):
        where = Place(path, ("credHelpers", key))
        if content is not None and held(content, where).name is not None:
            data = document.remove_member(data, where.member)
            changed[where] = None
    if data and client.view(files.FileContent(path, data)).helper(target.key):
        where = Place(path, ("credHelpers", target.key))
        data = document.set_member(data, where.member, "")
        changed[where] = ""
    return data, changed


def remember_override(here: LocalContext, content: FileContent | None, changed: Mapping[Place, str | None]) -> None:
    """Remember for the logout what ``without_helper`` has changed. Raises FileError, WriteError."""
    for where, named in changed.items():
        _remember(here, where, _before(here, content, where, named, until_logout=True))


def end_override(context: Context, here: LocalContext, paths: Collection[str], keys: Collection[str] | None) -> None:
    """Undo what a login changed in files for one registry. ``keys``: those of the registry, None for all.

    In another context nothing is remembered, so only empty names are removed. Raises FileError, WriteError, MalformedFile.
    """
    wanted = None if keys is None else {*chain.from_iterable(map(named_for, keys))}
    files_of = {os.path.abspath(path) for path in paths}
    known = remembered(here) if context.name == "me" else {}
    for where, before in known.items():
        if before.until_logout and where.path in files_of and (wanted is None or where.member[-1] in wanted):
            restore(here, where, before)
            _remember(here, where, None)
    for path in paths:
        if _without_empty(context.read(path, document.SIZE_LIMIT), wanted) is not None:
            context.update(path, lambda content: _without_empty(content, wanted))


def _without_empty(content: FileContent | None, wanted: Collection[str] | None) -> bytes | None:
    """Return a file without the empty names in ``credHelpers``, None if it has no such names."""
    value: Any = document.load(content, first_value_only=True) if content else None
    helpers = value.get("credHelpers") if isinstance(value, dict) else None
    empty = [key for key, name in helpers.items() if name == ""] if isinstance(helpers, dict) else []
    data = content.data if content else b""
    to_remove = [key for key in empty if wanted is None or key in wanted]
    for key in to_remove:
        data = document.remove_member(data, ("credHelpers", key))
    if to_remove and _is_empty(data, ("credHelpers",)):
        data = document.remove_member(data, ("credHelpers",))
    return data if to_remove else None


def uninstalling(here: LocalContext, where: Place) -> Change:
    """Return the edit that restores what a member held before Shorepass's helper, if that is remembered."""
    before = remembered(here).get(where, Before(None, len(where.member)))
    return lambda content: put_back(content, where, before)


def put_back(content: FileContent | None, where: Place, before: Before) -> bytes | None:
    """Return a file with what a member held before, None if it does not name the helper. Raises MalformedFile."""
    if content is None or named_now(content, where) != before.named:
        return None
    if before.name is not None:
        return document.set_member(content, where.member, before.name)
    edited = document.remove_member(content, where.member)
    outer = where.member[:-1]
    if outer and before.depth < len(where.member) and _is_empty(edited, outer):
        edited = document.remove_member(edited, outer)
    return edited


def uninstall(here: LocalContext, where: Place) -> bool:
    """Restore what a member held before, False if it does not name the helper. Raises FileError, WriteError."""
    changed = restore(here, where, remembered(here).get(where, Before(None, 1)))
    _remember(here, where, None)
    return changed


def forget(here: LocalContext, where: Place) -> None:
    """Forget what a member held. Raises FileError, WriteError."""
    _remember(here, where, None)


def without_program(path: str) -> str:
    """Return a line for any POSIX shell that removes Shorepass's helper from a file after Shorepass was uninstalled.

    It needs only sh and sed. The file keeps its name, owner, mode and everything else, also behind a symlink, and its logins
    are not copied. A member that names the helper is removed with the next comma, the last one with the comma before it.
    """
    # what a helper is named for: credsStore, or a registry, which has a dot or a port, or is localhost
    key = r'"(credsStore|[^"\\]*[.:][^"\\]*|localhost)"[[:space:]]*:[[:space:]]*"' + OURSELVES + '"[[:space:]]*'
    words = ["sed", "-E", "-e", ":a", "-e", "$!{N", "-e", "ba", "-e", "}"]
    words += ["-e", f"s/{key},[[:space:]]*//g", "-e", f"s/,?[[:space:]]*{key}//g"]
    sed = shlex.join(words)
    return f'f={quoted(path)}; new=$({sed} "$f") && printf "%s\\n" "$new" >"$f"'


def restore(here: LocalContext, where: Place, before: Before) -> bool:
    """Restore what a member held. Remove a file that was made for the helper only. Raises FileError, WriteError."""
    changed = here.update(where.path, lambda content: put_back(content, where, before))
    made = changed and before.depth == 0
    if made and (left := here.read(where.path, document.SIZE_LIMIT)) and left.data.strip() == b"{}":
        files.remove(where.path)
    return changed


def _is_empty(data: bytes, member: tuple[str, ...]) -> bool:
    found: Any = document.load(files.FileContent("", data), first_value_only=True)
    for name in member:
        found = found.get(name) if isinstance(found, dict) else None
    return isinstance(found, dict) and not found


# The file of earlier names


def _state_path(here: LocalContext) -> str:
    return join(here, state_folder(here), "helper.json")


def remembered(here: LocalContext) -> dict[Place, Before]:
    """Return what each member held before it named the helper. Raises MalformedFile, FileError."""
    path = _state_path(here)
    content = here.read(path, document.SIZE_LIMIT)
    return {} if content is None else decode(content)


def decode(content: FileContent) -> dict[Place, Before]:
    """Return what is remembered. Raises MalformedFile."""
    try:
        found = json.loads(content.data)
        if found["version"] != VERSION:
            raise ValueError
        return dict(_remembered_place(name, before) for name, before in found["places"].items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise MalformedFile(
            content.path, "not what this version of Shorepass writes there", hint="move it away, then try again"
        ) from None


def _remembered_place(name: str, before: Any) -> tuple[Place, Before]:
    path, *member = json.loads(name)
    helper = before["name"]
    if not member or not all(isinstance(text, str) for text in (path, *member, helper or "")):
        raise TypeError
    named = before.get("named", OURSELVES)
    if not isinstance(named, str | None):
        raise TypeError
    known = Before(helper, int(before["depth"]), named, bool(before.get("until_logout")))
    return Place(path, tuple(member)), known


def _remember(here: LocalContext, where: Place, before: Before | None) -> None:
    """Remember what a member held; None: forget it."""

    def edit(content: FileContent | None) -> bytes | None:
        places = {} if content is None else decode(content)
        if before is None and where not in places:
            return None
        places.pop(where, None)
        if before is not None:
            places[where] = before
        named = {json.dumps([place.path, *place.member]): known._asdict() for place, known in places.items()}
        document = {"version": VERSION, "places": named}
        return json.dumps(document, indent=2).encode() + b"\n"

    path = _state_path(here)
    files.update(path, edit, owner=here.home_owner(path))
