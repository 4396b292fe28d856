"""Apply a fix so that it can be undone, and undo it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from shorepass.config.document import SIZE_LIMIT
from shorepass.contexts import read_as_root
from shorepass.contexts.command import command
from shorepass.contexts.find import find
from shorepass.errors import WriteError
from shorepass.fixes.journal import Kept
from shorepass.fixes.repair import Advice, Edit, Mode, Owner

if TYPE_CHECKING:
    from shorepass.contexts import Context, FileContent, FileStatus
    from shorepass.contexts.local import LocalContext
    from shorepass.doctor.finding import Finding
    from shorepass.fixes.journal import Journal

__all__ = ["apply_repair", "undo"]


def apply_repair(finding: Finding, journal: Journal, shown: bytes | None = None) -> str | None:
    """Apply a finding's fix. Return its name in the journal, None if there was nothing to change.

    ``shown``: the file's bytes in the preview, None if there was no preview. The journal has the old content before the
    file is changed. Raises WriteError, FileError; then nothing has changed.
    """
    repair = finding.repair
    if repair is None or isinstance(repair, Advice):
        return None
    context, path = repair.context, _absolute(repair.context, repair.path)
    name = journal.name(finding.code)
    try:
        if isinstance(repair, Edit):
            return name if _edit(repair, path, finding, journal, name, shown) else None
        status = repair.seen or _status(context, path)
        if isinstance(repair, Mode):
            before, after, kind = _mode(status.mode), _mode(repair.mode), "mode"
        else:
            before, after, kind = _owner(status.uid, status.gid), _owner(repair.uid, repair.gid), "owner"
        holds = _holds(context, path, repair)
        journal.keep(name, Kept(finding.code, context.name, path, kind, before, after, status.identity or "", holds))
        if isinstance(repair, Mode):
            context.set_mode(path, repair.mode, seen=status)
        else:
            context.set_owner(path, repair.uid, repair.gid, seen=status, accept=repair.accept)
    except BaseException:
        if name in journal.names():
            journal.forget(name)
        raise
    return name


def _edit(repair: Edit, path: str, finding: Finding, journal: Journal, name: str, shown: bytes | None) -> bool:
    made = False

    def edit(content: FileContent | None) -> bytes | None:
        nonlocal made
        edited = repair.edit(content)
        if content is None or edited is None or edited == content.data:
            return None
        if not made and shown is not None and shown != content.data:
            raise WriteError(path, "it changed after the preview, so Shorepass did not change it")
        made = True
        kept = Kept(finding.code, repair.context.name, path, "edit", content.data, _digest(edited))
        journal.keep(name, kept)  # again if another program wrote meanwhile: undo restores what that wrote
        return edited

    return repair.context.update(path, edit)


def undo(name: str, journal: Journal, here: LocalContext) -> Kept:
    """Restore what a fix replaced, and remove the fix from the journal.

    Raises WriteError: the file changed after the fix, or cannot be changed; UsageError: there is no such fix;
    ContextError: its context no longer exists. Then nothing has changed.
    """
    kept = journal.read(name)
    context = find(kept.context, here)
    if kept.kind == "edit":

        def edit(content: FileContent | None) -> bytes | None:
            if content is not None and content.data == kept.before:
                return None
            if content is None or _digest(content.data) != kept.after:
                raise _changed(kept)
            return kept.before

        context.update(kept.path, edit)
    elif kept.kind == "mode":
        status = _status(context, kept.path)
        _check(kept, _mode(status.mode), status)
        context.set_mode(kept.path, int(kept.before, 8), seen=status)
    else:
        status = _status(context, kept.path)
        _check(kept, _owner(status.uid, status.gid), status)
        content = context.read(kept.path, SIZE_LIMIT) if kept.holds else None
        if kept.holds and (content is None or _digest(content.data).decode() != kept.holds):
            raise _changed(kept)
        uid, gid = map(int, kept.before.split(b":"))
        context.set_owner(kept.path, uid, gid, seen=status)
    journal.forget(name)
    return kept


def _holds(context: Context, path: str, repair: Mode | Owner) -> str:
    """Return the SHA-256 of a file that gets another owner, "" for everything else."""
    if isinstance(repair, Mode) or repair.accept is None:
        return ""
    content = read_as_root(context, path, SIZE_LIMIT)
    return _digest(content.data).decode() if content else ""


def _check(kept: Kept, now: bytes, status: FileStatus) -> None:
    """Raise WriteError if the file is not the one that was fixed, or changed after the fix."""
    if now not in (kept.before, kept.after) or kept.file != (status.identity or ""):
        raise _changed(kept)


def _changed(kept: Kept) -> WriteError:
    return WriteError(
        kept.path, "it changed after the fix, so Shorepass did not change it", hint=command(None, "doctor")
    )


def _status(context: Context, path: str) -> FileStatus:
    status = context.status(path)
    if status is None:
        raise WriteError(path, "it no longer exists")
    return status


def _absolute(context: Context, path: str) -> str:
    """Return the absolute path, because undo may be called in another working directory."""
    return os.path.abspath(path) if context.name == "me" else path


def _mode(mode: int) -> bytes:
    return f"{mode:04o}".encode()


def _owner(uid: int, gid: int) -> bytes:
    return f"{uid}:{gid}".encode()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
