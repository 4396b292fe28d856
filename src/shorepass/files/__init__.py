"""The only module that writes files: whole or not at all, one writer at a time, owner and mode kept.

A save takes a lock, reads the file, lets the caller edit what it read, writes the result into a nameless file in the
same folder, brings that to the disk, looks whether the file is still the one that was read (other programs know nothing
of our lock; if not, the edit runs again on the newer content), and renames.

What holds when the process is killed or the machine stops at any moment: the file is the old one or the new one,
whole. Where nameless files exist (Linux, on most of its file systems) nothing else is left behind either, but for one
moment of a replacement: between ``linkat`` and ``rename``. Elsewhere that moment begins with the first write. What is
left then is named ``.NAME.shorepass-...`` and no more readable than the file; the next save of that file removes it.

A file of our own may have generations: what it was before its last saves stays beside it as ``NAME.1`` (the youngest),
``NAME.2`` ... At every moment of a save each of them is whole or not there.

``reading`` looks at what is there, ``saving`` replaces bytes by way of a ``draft``, ``placing`` changes all else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.files.reading import SIZE_LIMIT, FileContent, FileStatus, head, names, owner_of, read, status

if TYPE_CHECKING:
    from shorepass.files.lending import lent
    from shorepass.files.placing import move, names_of_root, read_of_root, remove, set_mode, set_owner, symlink
    from shorepass.files.saving import Sole, generation, sweep, update

__all__ = [
    "SIZE_LIMIT",
    "FileContent",
    "FileStatus",
    "Sole",
    "generation",
    "head",
    "lent",
    "move",
    "names",
    "names_of_root",
    "owner_of",
    "read",
    "read_of_root",
    "remove",
    "set_mode",
    "set_owner",
    "status",
    "sweep",
    "symlink",
    "update",
]


def __getattr__(name: str) -> object:
    """Load what writes when it is first used: the credential helper only reads."""
    if name in ("Sole", "generation", "sweep", "update"):
        from shorepass.files import saving as home
    elif name == "lent":
        from shorepass.files import lending as home  # type: ignore[no-redef]  # another one
    elif name in ("move", "names_of_root", "read_of_root", "remove", "set_mode", "set_owner", "symlink"):
        from shorepass.files import placing as home  # type: ignore[no-redef]  # either
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(home, name)
    globals()[name] = found
    return found
