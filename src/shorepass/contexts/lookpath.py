"""Where a program is looked for on PATH: as Go's ``exec.LookPath`` does it, which all the clients use."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

__all__ = ["candidates"]


def candidates(program: str, folders: Iterable[str], paths: ModuleType = posixpath) -> Iterator[str]:
    """Yield the paths at which ``program`` may be; the first that is an executable file is it.

    ``folders`` is what PATH says, ``paths`` the module that knows the place's paths. Relative and empty entries are
    passed over: Go stops with an error there, and neither runs what lies in the working directory.
    """
    if paths.isabs(program):
        folders, program = [paths.dirname(program)], paths.basename(program)
    elif paths.basename(program) != program:
        return
    for folder in folders:
        if paths.isabs(folder):
            yield paths.join(folder, program)
