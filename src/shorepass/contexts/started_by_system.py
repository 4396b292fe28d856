"""What the system starts for a user without a session.

These are units of systemd, files of Quadlet, and jobs of cron.

Only files are read. ``contexts/unit.py`` opens one unit as a context; this module finds those that use a container client.
Sources: systemd.unit(5), podman-systemd.unit(5), crontab(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import join
from shorepass.config.unit_files import assignments, settings
from shorepass.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from shorepass.config.unit_files import Settings
    from shorepass.contexts import Context

__all__ = ["Started", "quadlets", "started"]

LIMIT = 256 * 1024  # bytes of a file
FILES_LIMIT = 300  # files of a folder
# Units of root. Those of /usr/lib belong to packages. Users keep units at home, and link them with systemctl link.
UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "{home}/.config/systemd/system")
QUADLET_FOLDERS = ("/etc/containers/systemd", "{home}/.config/containers/systemd")
CRON_FOLDERS = ("/etc/cron.d", "/var/spool/cron/crontabs")


class Started(NamedTuple):
    """A unit or a crontab.

    ``lines``: its commands. ``environ``: the variables that it sets.
    """

    path: str
    lines: tuple[str, ...]
    environ: Mapping[str, str]


def started(context: Context, programs: Collection[str]) -> Iterator[Started]:
    """Yield what root's systemd and cron start with one of these programs.

    Nothing is known of other users and systems.
    """
    if context.platform != "linux" or context.uid != 0:
        return
    for path, text in _files(context, UNIT_FOLDERS, (".service",)):
        found = settings([text])
        lines = found.all("Service", "ExecStartPre") + found.all("Service", "ExecStart")
        if found.last("Service", "User") in ("", "root", "0") and _has_any(lines, programs):
            yield Started(path, lines, assignments(found.all("Service", "Environment")))
    for path, text in _files(context, CRON_FOLDERS, ("",)):
        lines = tuple(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        jobs = tuple(line for line in lines if _has_any((line,), programs))
        if jobs and (path.endswith("/root") or " root " in text.replace("\t", " ")):
            yield Started(path, jobs, _variables(lines))


def _variables(lines: Iterable[str]) -> dict[str, str]:
    """Return the variables that a crontab sets: crontab(5) replaces none in them."""
    found = (re.fullmatch(r"\s*(\w+)\s*=\s*(.*?)\s*", line) for line in lines)
    return {pair[1]: pair[2].strip("'\"") for pair in found if pair}


def quadlets(context: Context) -> Iterator[tuple[str, Settings]]:
    """Yield the files of Quadlet with their settings: the system's and this user's."""
    if context.platform == "linux":
        for path, text in _files(context, QUADLET_FOLDERS, (".container", ".image")):
            yield path, settings([text])


def _files(context: Context, folders: tuple[str, ...], ends: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    home = context.home() or "/root"
    for folder in (folder.replace("{home}", home) for folder in folders):
        try:
            names = [name for name in context.names(folder) if name.endswith(ends)][:FILES_LIMIT]
        except SourceError:
            continue
        for name in names:
            path = join(context, folder, name)
            try:
                content = context.read(path, LIMIT)
            except SourceError:
                continue
            if content is not None:
                yield path, content.data.decode("utf-8", "replace")


def _has_any(lines: tuple[str, ...], programs: Collection[str]) -> bool:
    return any(program in " ".join(lines) for program in programs)
