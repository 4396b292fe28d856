"""Looks for a program on PATH as Go's ``exec.LookPath`` does.

All clients use that.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

__all__ = ["candidates"]


def candidates(program: str, folders: Iterable[str], paths: ModuleType = posixpath) -> Iterator[str]:
    """Yield the paths at which ``program`` may be.

    It is the first that is an executable file.

    ``folders``: the entries of PATH. ``paths``: the module for the paths of the context's system. Relative and empty entries
    are left out: Go stops with an error there, and neither runs a program of the working directory.
    """
    if paths.isabs(program):
        folders, program = [paths.dirname(program)], paths.basename(program)
    elif paths.basename(program) != program:
        return
    for folder in folders:
        if paths.isabs(folder):
            yield paths.join(folder, program)
