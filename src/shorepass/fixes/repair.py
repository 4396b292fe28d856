"""What mends a finding: a change that Shorepass can make, show beforehand and undo, or a command for a person to type.

Data only: ``preview`` shows one, ``apply`` makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from shorepass.contexts import Context, FileContent, FileStatus

__all__ = ["Advice", "Edit", "Mode", "Owner", "Repair"]


class Advice(NamedTuple):
    """A command, or a deed, that is left to a person: ``--fix`` prints it."""

    command: str


class Edit(NamedTuple):
    """Another content for a file that is there.

    ``edit`` is what ``Context.update`` takes; the preview calls it, too. ``summary`` says what it does, as a command to
    oneself: ``take credsStore out``.
    """

    context: Context
    path: str
    edit: Callable[[FileContent | None], bytes | None]
    summary: str


class Mode(NamedTuple):
    """Other permission bits. ``seen``: the file or folder as it was found; nothing else is changed."""

    context: Context
    path: str
    mode: int
    seen: FileStatus | None = None


class Owner(NamedTuple):
    """Another owner. ``seen``: as for Mode. ``accept``: tells by a file's bytes whether it may be given away.

    ``what``: what the file or folder is, for a person; empty where that is not known.
    """

    context: Context
    path: str
    uid: int
    gid: int
    seen: FileStatus | None = None
    accept: Callable[[bytes], bool] | None = None
    what: str = ""


Repair: TypeAlias = "Advice | Edit | Mode | Owner"
