"""The release of the program on PATH, as the program itself says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.clients.emulated import emulator_of
from shorepass.clients.release import Release
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.processes import Completed

__all__ = ["release_on_path"]

SECONDS = 5.0  # for the program to say its release
LIMIT = 64 * 1024  # bytes of what it says


def release_on_path(context: Context, program: str) -> Release | None:
    """Return the release that ``PROGRAM --version`` prints; None: no such program, it prints none, or nothing is run there."""
    from shorepass.processes import ProcessError  # most logins depend on no release

    path = context.which(program)
    if path is None:
        return None
    try:
        said = _answer(context, path)
    except ProcessError:
        return None
    if emulator_of(context, program):
        return None  # the release is that of another program
    found = re.search(rb"\bversion ([0-9]{1,5}(?:\.[0-9]{1,5}){1,2})", said.stdout)
    return Release.parse(found[1].decode()) if found else None


def _answer(context: Context, path: str) -> Completed:
    """Ask, and only once where the context remembers answers. Raises ProcessError."""

    def ask() -> Completed:
        return context.run([path, "--version"], b"", timeout=SECONDS, limit=LIMIT)

    return context.memory.answer((path, "--version"), ask) if isinstance(context, LocalContext) else ask()
