"""The release of a program in a container, where nothing is run: as the package database there says it."""

import re
from typing import NamedTuple

from shorepass.clients.release import Release
from shorepass.contexts import Context
from shorepass.errors import FileError, MalformedFile

__all__ = ["Packaged", "release_in_packages"]

LIMIT = 16 * 1024 * 1024  # bytes of a database; a desktop's has 4 MiB
NUMBERS = rb"(?:[0-9]+:)?([0-9]{1,5}(?:\.[0-9]{1,5}){1,2})"  # behind the epoch
OF_SYSTEM = ("/usr/bin/", "/bin/", "/usr/sbin/")  # where packages have their programs; all else is not theirs


class Packaged(NamedTuple):
    """A release, and where it is known from."""

    release: Release
    why: str


class _Database(NamedTuple):
    """A database of packages: blocks of lines with an empty line between them. ``installed``: a line of each that is there."""

    path: str
    name: bytes
    version: bytes
    installed: bytes = b""


DATABASES = (
    _Database("/var/lib/dpkg/status", b"Package: ", b"Version: ", b"\nStatus: install ok installed\n"),  # dpkg(1)
    _Database("/lib/apk/db/installed", b"P:", b"V:"),  # Alpine, apk-tools doc/apk-installed.5
    _Database("/usr/lib/apk/db/installed", b"P:", b"V:"),  # Alpine since 3.22
)
# The packages that have each program: those of Debian, Docker and Alpine.
PACKAGES = {"docker": ("docker-ce-cli", "docker-cli", "docker.io")}
# The variables by which official images tell the release of a program that is in no package, and where they have it.
VARIABLES = {"docker": ("DOCKER_VERSION", "/usr/local/bin/docker")}  # docker-library/docker Dockerfile-cli.template


def release_in_packages(context: Context, program: str) -> Packaged | None:
    """Return the release of the program on PATH; None: it is not there, or no database or variable knows it."""
    path = context.which(program)
    if path is None:
        return None
    variable, place = VARIABLES.get(program, ("", ""))
    if path == place:
        release = _release((context.getenv(variable) or "").encode())
        return Packaged(release, f"as {variable} says") if release else None
    if not path.startswith(OF_SYSTEM):
        return None
    for database in DATABASES:
        release = _in_database(context, database, PACKAGES.get(program, (program,)))
        if release:
            return Packaged(release, f"as {database.path} says")
    return None


def _in_database(context: Context, database: _Database, packages: tuple[str, ...]) -> Release | None:
    try:
        content = context.read(database.path, LIMIT)
    except (FileError, MalformedFile):
        return None
    data = b"\n" + content.data if content else b""
    for package in packages:
        _, found, rest = data.partition(b"\n" + database.name + package.encode() + b"\n")
        block = b"\n" + rest.partition(b"\n\n")[0] + b"\n"
        if found and database.installed in block:
            return _release(block.partition(b"\n" + database.version)[2])
    return None


def _release(text: bytes) -> Release | None:
    found = re.match(NUMBERS, text)
    return Release.parse(found[1].decode()) if found else None
