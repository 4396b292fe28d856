"""VS Code's credential helper in a container, in whose place docker there asks Shorepass while a relay serves it.

A dev container's ``config.json`` names ``dev-containers-ID``: a script by which a container reads, changes and deletes all
logins of VS Code's user. Shorepass changes this one value and nothing else. It first writes down the old value on this machine,
so that it can be restored after a crash, too. A file that is mounted from this machine is left alone.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from shorepass import bounded_json, files
from shorepass.config import document
from shorepass.config.locations import docker_config_path, join
from shorepass.config.own_folders import state_folder
from shorepass.contexts.containers.container import ContainerContext, find
from shorepass.errors import MalformedFile, ShorepassError
from shorepass.files import SIZE_LIMIT
from shorepass.helper import OURSELVES, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts import Change, Context, FileContent
    from shorepass.contexts.local import LocalContext

__all__ = ["Taken", "TakenOver", "opened", "places", "restore", "restoring", "taken"]

MEMBER = ("credsStore",)
OF_VS_CODE = re.compile(r"dev-containers-[A-Za-z0-9-]{1,64}", re.ASCII)
HOMES = "/home"
HOMES_LIMIT = 50  # because a container may have any number, and each costs a question to its engine
CONFIG = (".docker", "config.json")


class Taken(NamedTuple):
    """A file that names Shorepass in the place of VS Code. ``was``: the former ``credsStore``.

    ``place``: the name of the container's context. ``container``: its id, because another one may have the name now.
    """

    place: str
    container: str
    path: str
    was: str


class TakenOver:
    """Inside ``with``, docker in a container asks Shorepass in place of VS Code. ``files``: those that were changed.

    Other contexts, and containers without VS Code's helper, are not touched. The first thing is to restore what an earlier
    process has left.

    >>> with Relay(target, grant), TakenOver(here, target.context) as taken_over:
    ...     print(taken_over.files)
    """

    def __init__(self, here: LocalContext, context: Context) -> None:
        self._here = here
        self._container = context.unhindered() if isinstance(context, ContainerContext) else None
        self.files: list[Taken] = []

    def __enter__(self) -> Self:
        if self._container is None:
            return self
        _restore(self._here, self._container)
        if self._container.which(PROGRAM) is None:
            return self
        try:
            for path in _paths(self._container):
                with suppress(
                    ShorepassError
                ):  # a file that is broken or cannot be changed stays as its container knows it
                    self._take(self._container, path)
        except BaseException:
            self.__exit__()  # because Python does not, if Ctrl-C ends this
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            _restore(self._here, self._container, *self.files)

    def _take(self, container: ContainerContext, path: str) -> None:
        content = container.read(path, SIZE_LIMIT)
        was = _store(content)
        if not OF_VS_CODE.fullmatch(was) or container.mounted.lent(path) is not None:
            return
        row = Taken(container.name, container.id, path, was)
        _change(self._here, lambda rows: [*rows, row])  # first, because this process may be killed
        container.update(path, _replacing(was, OURSELVES))
        self.files.append(row)


def restore(here: LocalContext, place: str) -> None:
    """Restore what a relay has left in a container. Raises ContextError: it is not there, or its engine does not answer."""
    if place in places(here):
        _restore(here, opened(here, place).unhindered())


def opened(here: LocalContext, place: str) -> ContainerContext:
    """Return a container by the name of its context. Raises ContextError."""
    kind, _, name = place.partition(":")
    return find(here, kind, name)


def places(here: LocalContext) -> list[str]:
    """Return the names of the containers in which something is not restored. Raises FileError."""
    return list(dict.fromkeys(row.place for row in _known(here)))


def taken(here: LocalContext, container: str) -> list[Taken]:
    """Return the files of the container with an id that are not restored yet. Raises FileError."""
    return [row for row in _known(here) if row.container == container]


def restoring(row: Taken) -> Change:
    """Return the edit that restores a file. It changes nothing if another program has written the member since then."""
    return _replacing(OURSELVES, row.was)


def _restore(here: LocalContext, container: ContainerContext, *known: Taken) -> None:
    """Restore what was taken in a container: what is written down, and ``known``, if ``uninstall`` has deleted that.

    What cannot be restored now is kept for later.
    """
    for row in dict.fromkeys((*known, *taken(here, container.id))):
        try:
            container.update(row.path, restoring(row))
        except ShorepassError:
            continue
        _forget(here, row)


def _forget(here: LocalContext, row: Taken) -> None:
    _change(here, lambda rows: [other for other in rows if other != row])


def _replacing(old: str, new: str) -> Callable[[FileContent | None], bytes | None]:
    def edit(content: FileContent | None) -> bytes | None:
        return document.set_member(content, MEMBER, new) if _store(content) == old else None

    return edit


def _paths(container: ContainerContext) -> list[str]:
    """Return docker's config file of each user whose home is in its usual place: VS Code may work as any of them."""
    try:
        names = container.names(HOMES)[:HOMES_LIMIT]
    except ShorepassError:
        names = []  # the engine does not show the folder
    homes = ["/root", *(join(container, HOMES, name) for name in names)]
    found = [docker_config_path(container)[0], *(join(container, home, *CONFIG) for home in homes)]
    return list(dict.fromkeys(found))


def _store(content: FileContent | None) -> str:
    """Return the ``credsStore`` of a file, "" if it has none or is not a config file."""
    if content is None:
        return ""
    try:
        found = document.load(content, first_value_only=True).get(MEMBER[0])
    except MalformedFile:
        return ""
    return found if isinstance(found, str) else ""


# What is written down on this machine


def _path_of(here: LocalContext) -> str:
    return join(here, state_folder(here), "taken-over.json")


def _known(here: LocalContext) -> list[Taken]:
    return _rows(files.read(_path_of(here), SIZE_LIMIT))


def _rows(content: FileContent | None) -> list[Taken]:
    try:
        found = bounded_json.loads(content.data) if content else []
        rows = [Taken(*row) for row in found]
    except (ValueError, TypeError):
        return []
    return [row for row in rows if all(isinstance(text, str) for text in row) and OF_VS_CODE.fullmatch(row.was)]


def _change(here: LocalContext, change: Callable[[list[Taken]], list[Taken]]) -> None:
    def edit(content: FileContent | None) -> bytes | None:
        rows = change(_rows(content))
        return json.dumps(rows).encode() + b"\n" if rows or content else None

    files.update(_path_of(here), edit)
