"""The fix of a finding: a change that Shorepass can preview, make and undo, or a command for the user.

Data only: ``preview`` shows a fix, ``apply`` makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from shorepass.contexts import Change, Context, FileStatus

__all__ = ["Advice", "Edit", "Mode", "Owner", "Repair"]


class Advice(NamedTuple):
    """A command or an action for the user. ``--fix`` prints it."""

    command: str


class Edit(NamedTuple):
    """A new content for an existing file.

    ``edit`` is the function for ``Context.update``; the preview calls it too. ``summary`` describes the change as an
    instruction: ``remove credsStore``.
    """

    context: Context
    path: str
    edit: Change
    summary: str


class Mode(NamedTuple):
    """New permission bits. ``seen``: the file or folder as it was found; no other one is changed."""

    context: Context
    path: str
    mode: int
    seen: FileStatus | None = None


class Owner(NamedTuple):
    """A new owner. ``seen``: as for Mode.

    ``accept``: decides by a file's bytes whether it may get another owner. ``what``: a description of the file or folder for
    the user, "" if it is unknown.
    """

    context: Context
    path: str
    uid: int
    gid: int
    seen: FileStatus | None = None
    accept: Callable[[bytes], bool] | None = None
    what: str = ""


Repair: TypeAlias = "Advice | Edit | Mode | Owner"
