"""Replace a file's bytes, whole or not at all, and keep generations of it."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.errors import WriteError
from shorepass.files.destination import Destination, acting_uid, is_shared
from shorepass.files.draft import MARK, ChangedError, Draft, give
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.files.reading import SIZE_LIMIT, owner_of, read_with_status, reason
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.files.reading import FileContent

__all__ = ["Sole", "generation", "sweep", "update"]

RETRIES = 100  # edits anew because another program wrote in the very milliseconds of our save
WRITTEN_BY_OTHERS = 0o022
STALE_AFTER = 3600  # seconds after which a temporary file is nobody's, where the folder cannot be locked


class Sole(NamedTuple):
    """What an edit returns where nothing of what was before may stay: ``data`` replaces all generations, too."""

    data: bytes

    def __repr__(self) -> str:
        return f"Sole({len(self.data)} bytes)"


def generation(path: str, number: int) -> str:
    """Return where a file's content of ``number`` saves ago is kept, if it is."""
    return f"{os.path.realpath(path)}.{number}"


def update(
    path: str,
    edit: Callable[[FileContent | None], bytes | Sole | None],
    *,
    owner: tuple[int, int] | None = None,
    timeout: float = LOCK_TIMEOUT,
    generations: int = 0,
    own: bool = False,
) -> bool:
    """Replace a file's bytes by ``edit(current)``; False when nothing was to change (None, or the same bytes).

    Symlinks are followed, dangling ones too, where their owner may lead us (see ``destination``); missing folders are made,
    0700; a new file is 0600. ``edit`` may run more than once. ``owner`` (uid, gid): to whom root gives a new file and new
    folders; None: root keeps them. ``timeout``: seconds to wait for our other writers. ``generations``: how many are kept.
    ``own``: for a file that a person has named and that Shorepass alone writes: it may not be a symlink, nor another user's.

    Raises WriteError, FileError, MalformedFile, and what ``edit`` raises; then the file is as it was.
    """
    try:
        if own and os.path.islink(path):
            raise WriteError(path, "a symlink", hint=f"name the file itself: {quoted(os.path.realpath(path))}")
        try:
            there = Destination(path)
        except (FileNotFoundError, NotADirectoryError):
            if edit(None) is None:
                return False
            there = Destination(path, make=True, owner=owner)
        with there:
            return _update(_Save(path, there, edit, owner, generations, own), timeout)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        number = error if isinstance(error, OSError) else OSError()
        raise WriteError(path, reason(error), hint=_hint(number, os.path.abspath(path.replace("\0", "")))) from None


class _Save(NamedTuple):
    """One call of ``update``: the path that was named, the open folder, and the arguments."""

    path: str
    there: Destination
    edit: Callable[[FileContent | None], bytes | Sole | None]
    owner: tuple[int, int] | None
    generations: int
    own: bool


def _update(save: _Save, timeout: float) -> bool:
    with FolderLock(save.there.at, timeout, shown=save.there.path, user=acting_uid()) as lock:
        for _ in range(RETRIES):
            try:
                return _replace(lock, save)
            except ChangedError:
                continue
    raise WriteError(save.path, "another program keeps writing it", hint="stop that program, then try again")


def sweep(folder: str) -> None:
    """Remove what killed saves of any file have left in a folder of our own. Raises WriteError."""
    try:
        with FolderLock(os.path.join(folder, ""), LOCK_TIMEOUT) as lock:
            _sweep(lock, folder, "")
    except FileNotFoundError:
        return
    except OSError as error:
        raise WriteError(folder, reason(error)) from None


def _replace(lock: FolderLock, save: _Save) -> bool:
    target = save.there.at
    _sweep(lock, *os.path.split(target))
    before = read_with_status(target, SIZE_LIMIT, shown=save.path, follow=False)
    if before:
        _check_owner(save, before[1])
    current = before[0]._replace(path=save.path) if before else None
    edited = save.edit(current)
    data = edited.data if isinstance(edited, Sole) else edited
    if data is None or (current is not None and data == current.data):
        return False
    with Draft(target) as draft:
        like = before[1] if before and not save.own else None
        _fill(draft, data, like, save.owner)
        _check_unchanged(save, before)
        if isinstance(edited, Sole):
            _forget(lock, target, data, before and before[1], save.owner, save.generations)
        elif before and save.generations:
            _rotate(target, before, save.generations)
        if before:
            draft.replace(target)
        else:
            draft.create(target)
    _sync(lock)
    return True


def _check_owner(save: _Save, file: os.stat_result) -> None:
    """Raise WriteError where the file is another user's and may be a trap: its owner would read what we write.

    In a folder that everyone may write, as the kernel has it (``protected_regular``, proc(5)); for root, who can keep the
    owner, in every folder that others may write; everywhere for a file that is to be the user's own.
    """
    folder, me = save.there.folder, acting_uid()
    if sys.platform == "win32" or folder is None or file.st_uid == me or (file.st_uid == 0 and not save.own):
        return
    of_owner = save.owner is not None and file.st_uid == save.owner[0]
    is_planted = me == 0 and folder.st_mode & WRITTEN_BY_OTHERS and not of_owner
    if save.own or is_shared(folder) or is_planted:
        whose = owner_of(file.st_uid) or file.st_uid
        raise WriteError(save.path, f"the file belongs to {whose}", hint="name a file in a folder of your own")


def _fill(draft: Draft, data: bytes, like: os.stat_result | None, owner: tuple[int, int] | None) -> None:
    """Bring content to the disk, as like the file it will replace as may be; ``owner`` is for a new one."""
    draft.write(data)
    if like:
        draft.resemble(draft.target, like)
    else:
        give(draft.fd, owner)
    os.fsync(draft.fd)


def _rotate(target: str, before: tuple[FileContent, os.stat_result], generations: int) -> None:
    """Let the file that is to be replaced have the name of the youngest generation as well, and the others step back."""
    for number in range(generations - 1, 0, -1):
        try:
            os.replace(f"{target}.{number}", f"{target}.{number + 1}")
        except FileNotFoundError:
            continue
    _unlink(f"{target}.1")  # two names of one file, as a killed save leaves them, do not replace each other
    try:
        os.link(target, f"{target}.1")
    except OSError:  # a file system without links
        with Draft(f"{target}.1") as draft:
            _fill(draft, before[0].data, before[1], None)
            draft.replace(draft.target)


def _forget(
    lock: FolderLock,
    target: str,
    data: bytes,
    like: os.stat_result | None,
    owner: tuple[int, int] | None,
    generations: int,
) -> None:
    """Replace the youngest generation by ``data``, and remove the others."""
    for number in range(1, generations + 1):
        path = f"{target}.{number}"
        _sweep(lock, *os.path.split(path))
        if number == 1:
            with Draft(path) as draft:
                _fill(draft, data, like if os.path.exists(path) else None, owner)
                draft.replace(path)
        else:
            _unlink(path)


def _unlink(path: str) -> None:
    """Remove a generation, if there is one. Raises OSError: the path in /proc that it has here is no name to show."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _check_unchanged(save: _Save, before: tuple[FileContent, os.stat_result] | None) -> None:
    """Raise ChangedError when the file is no longer the one that was read: another inode, or other bytes."""
    now = read_with_status(save.there.at, SIZE_LIMIT, shown=save.path, follow=False)
    if now is None or before is None:
        same = now is before
    else:
        same = os.path.samestat(now[1], before[1]) and now[0].data == before[0].data
    if not same:
        raise ChangedError


def _sweep(lock: FolderLock, folder: str, name: str) -> None:
    """Remove what killed saves of a file left (``name`` empty: of any). The lock tells that none is in use, else its age."""
    begin = f".{name}{MARK}" if name else "."
    try:
        for found in [os.path.join(folder, n) for n in os.listdir(folder) if n.startswith(begin) and MARK in n]:
            status = os.lstat(found)
            if lock.excludes(status.st_uid) or status.st_mtime < time.time() - STALE_AFTER:
                os.unlink(found)
    except OSError:
        return  # not ours to remove; the save does not need it gone


def _sync(lock: FolderLock) -> None:
    """Bring the folder's names to the disk."""
    if lock.fd >= 0:
        try:
            os.fsync(lock.fd)
        except OSError:
            return  # not every file system can, and the file has been replaced


def _hint(error: OSError, target: str) -> str | None:
    """Return the command or deed that mends a failed save."""
    existing = os.path.dirname(target)
    while existing not in ("", os.sep) and not os.path.lexists(existing):
        existing = os.path.dirname(existing)  # whoever may not make a folder wants to know about the one above
    folder = quoted(existing or os.curdir)
    return {
        errno.ENOSPC: f"make room on the disk: df -h {folder}",
        errno.EDQUOT: f"make room, your quota is used up: du -sh {folder}",
        errno.EACCES: f"look who may write there: ls -ld {folder}",
        errno.EPERM: f"look whether it is immutable: lsattr -d {folder} {quoted(target)}",
        errno.EROFS: "name a folder that can be written: --config DIR for docker, --authfile FILE for podman",
        errno.EBUSY: "it is mounted by itself and cannot be replaced whole: mount its folder instead",
    }.get(error.errno or 0)
