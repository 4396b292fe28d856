"""The only room that writes files: whole or not at all, one writer at a time.

A save locks, reads the file, calls the caller's edit, and writes the result into a nameless file in the same folder. It
flushes that to the disk, and checks that the file is still the one that was read: other programs do not use Shorepass's lock.
If the file has changed, the edit runs again on the newer content. Then the save renames. Owner and mode are kept.

The process may be killed, or the machine may stop, at any moment: the file is the old one or the new one, whole. Linux has
nameless files on most of its file systems. There, nothing else remains, except in one moment of a replacement: between
``linkat`` and ``rename``. On other systems that moment begins with the first write. What remains then is named
``.NAME.shorepass-...`` and is not more readable than the file. The next save of that file removes it.

One of Shorepass's own files may have generations: its former contents are beside it as ``NAME.1`` (the youngest), ``NAME.2``
... At every moment of a save each of them is whole or absent.

``reading`` reads files, ``saving`` replaces bytes with a ``draft``, and ``placing`` makes all other changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.files.reading import SIZE_LIMIT, FileContent, FileStatus, head, leads_to, names, owner_of, read, status

if TYPE_CHECKING:
    from shorepass.files.lending import lent
    from shorepass.files.placing import (
        move,
        names_of_root,
        read_of_root,
        remove,
        remove_folder,
        set_mode,
        set_owner,
        symlink,
    )
    from shorepass.files.saving import Sole, generation, sweep, update

__all__ = [
    "SIZE_LIMIT",
    "FileContent",
    "FileStatus",
    "Sole",
    "generation",
    "head",
    "leads_to",
    "lent",
    "move",
    "names",
    "names_of_root",
    "owner_of",
    "read",
    "read_of_root",
    "remove",
    "remove_folder",
    "set_mode",
    "set_owner",
    "status",
    "sweep",
    "symlink",
    "update",
]


def __getattr__(name: str) -> object:
    """Load what writes at its first use, because the credential helper only reads."""
    if name in ("Sole", "generation", "sweep", "update"):
        from shorepass.files import saving as home
    elif name == "lent":
        from shorepass.files import lending as home  # type: ignore[no-redef]  # another one
    elif name in (
        "move",
        "names_of_root",
        "read_of_root",
        "remove",
        "remove_folder",
        "set_mode",
        "set_owner",
        "symlink",
    ):
        from shorepass.files import placing as home  # type: ignore[no-redef]  # either
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(home, name)
    globals()[name] = found
    return found
