"""Replaces a file's bytes, whole or not at all, and keeps generations of it."""

import errno
import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from shorepass.errors import WriteError
from shorepass.files.destination import Destination, acting_uid, is_shared
from shorepass.files.draft import MARK, ChangedError, Draft, give
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.files.reading import SIZE_LIMIT, FileContent, owner_of, read_with_status, reason
from shorepass.foreign_text import quoted

__all__ = ["Sole", "flush_names", "generation", "sweep", "sweep_file", "update"]

RETRIES = 100  # edits again if another program wrote in the milliseconds of a save
WRITTEN_BY_OTHERS = 0o022
STALE_AFTER = 3600  # seconds after which no process uses a temporary file, if the folder cannot be locked


class Sole(NamedTuple):
    """The result of an edit that also replaces all generations by ``data``."""

    data: bytes

    def __repr__(self) -> str:
        return f"Sole({len(self.data)} bytes)"


def generation(path: str, number: int) -> str:
    """Return the path of a file's content of ``number`` saves ago."""
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
    """Replace a file's bytes by ``edit(current)``, which may run more than once.

    False: there was nothing to change (None, or the same bytes). Symlinks are followed, also dangling ones, if their owner is
    trusted (see ``destination``). Missing folders are created with mode 0700, a new file with 0600. ``owner`` (uid, gid): root
    gives a new file and new folders to that user; None: root keeps them. ``timeout``: seconds to wait for other Shorepass
    processes. ``generations``: how many are kept. ``own``: for a file that the user has named and that only Shorepass writes:
    it must not be a symlink or another user's.

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
    """One call of ``update``: its path, the open folder, and its other arguments."""

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
    """Remove what killed saves have left in a folder of Shorepass. Raises WriteError."""
    try:
        with FolderLock(os.path.join(folder, ""), LOCK_TIMEOUT) as lock:
            sweep_file(lock, folder, "")
    except FileNotFoundError:
        return
    except OSError as error:
        raise WriteError(folder, reason(error)) from None


def _replace(lock: FolderLock, save: _Save) -> bool:
    target = save.there.at
    sweep_file(lock, *os.path.split(target))
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
    flush_names(lock)
    return True


def _check_owner(save: _Save, file: os.stat_result) -> None:
    """Raise WriteError if another user may have planted the file to read the content.

    This applies in a folder that all may write, as in the kernel (``protected_regular``, proc(5)). For root, which keeps the
    owner, it applies in every folder that others may write. For a file with ``own`` it always applies.
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
    """Write content to the disk, with owner and mode of ``like``, or else ``owner``."""
    draft.write(data)
    if like:
        draft.resemble(draft.target, like)
    else:
        give(draft.fd, owner)
    os.fsync(draft.fd)


def _rotate(target: str, before: tuple[FileContent, os.stat_result], generations: int) -> None:
    """Give the file to replace the name of the youngest generation, too.

    The older generations get the next number.
    """
    for number in range(generations - 1, 0, -1):
        try:
            os.replace(f"{target}.{number}", f"{target}.{number + 1}")
        except FileNotFoundError:
            continue
    _unlink(
        f"{target}.1"
    )  # a killed save leaves two names of one file, and rename(2) does not replace one by the other
    try:
        os.link(target, f"{target}.1")
    except OSError:  # because the file system has no links
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
        sweep_file(lock, *os.path.split(path))
        if number == 1:
            former = like if os.path.exists(path) else None
            with Draft(path) as draft:
                _fill(draft, data, former, owner)
                draft.replace(path)
        else:
            _unlink(path)


def _unlink(path: str) -> None:
    """Remove a generation, if it exists.

    Raises OSError and not WriteError, because its path in /proc cannot be shown.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _check_unchanged(save: _Save, before: tuple[FileContent, os.stat_result] | None) -> None:
    """Raise ChangedError if the file has another inode, or other bytes, than before."""
    now = read_with_status(save.there.at, SIZE_LIMIT, shown=save.path, follow=False)
    if now is None or before is None:
        same = now is before
    else:
        same = os.path.samestat(now[1], before[1]) and now[0].data == before[0].data
    if not same:
        raise ChangedError


def sweep_file(lock: FolderLock, folder: str, name: str) -> None:
    """Remove what killed saves of a file left; with an empty ``name``, of all files.

    The lock shows that they are not in use; without the lock, their age does.
    """
    begin = f".{name}{MARK}" if name else "."
    try:
        for found in [os.path.join(folder, n) for n in os.listdir(folder) if n.startswith(begin) and MARK in n]:
            status = os.lstat(found)
            if lock.excludes(status.st_uid) or status.st_mtime < time.time() - STALE_AFTER:
                os.unlink(found)
    except OSError:
        return  # another user's file, which does not disturb the save


def flush_names(lock: FolderLock) -> None:
    """Write the folder's names to the disk."""
    if lock.fd >= 0:
        try:
            os.fsync(lock.fd)
        except OSError:
            return  # because some file systems cannot, and the file is already replaced


def _hint(error: OSError, target: str) -> str | None:
    """Return the hint for a failed save."""
    existing = os.path.dirname(target)
    while existing not in ("", os.sep) and not os.path.lexists(existing):
        existing = os.path.dirname(existing)  # because a folder cannot be created if the one above it is closed
    folder = quoted(existing or os.curdir)
    return {
        errno.ENOSPC: f"free space on the disk: df -h {folder}",
        errno.EDQUOT: f"free space, your quota is used up: du -sh {folder}",
        errno.EACCES: f"see who may write there: ls -ld {folder}",
        errno.EPERM: f"see whether it is immutable: lsattr -d {folder} {quoted(target)}",
        errno.EROFS: "name a folder that you can write: --config DIR for docker, --authfile FILE for podman",
        errno.EBUSY: "it is a single mounted file and cannot be replaced: mount its folder instead",
    }.get(error.errno or 0)
