"""The release of the program on PATH, as the program itself says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.clients.emulated import emulator_of
from shorepass.clients.release import Release

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["release_on_path"]


def release_on_path(context: Context, program: str) -> Release | None:
    """Return the release that ``PROGRAM --version`` prints; None: no such program, it prints none, or nothing is run there."""
    from shorepass.processes import ProcessError  # most logins depend on no release

    path = context.which(program)
    if path is None:
        return None
    try:
        said = context.version(path)
    except ProcessError:
        return None
    if emulator_of(context, program):
        return None  # the release is that of another program
    found = re.search(rb"\bversion ([0-9]{1,5}(?:\.[0-9]{1,5}){1,2})", said.stdout)
    return Release.parse(found[1].decode()) if found else None
