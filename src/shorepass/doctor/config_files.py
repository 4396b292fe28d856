"""SP1xx: the files in which clients look for logins, and the folders they are in."""

from __future__ import annotations

import re

from shorepass.config.document import SIZE_LIMIT
from shorepass.doctor.finding import Finding, Severity
from shorepass.doctor.repair import Mode
from shorepass.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context, FileStatus
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {
    "SP102": "Other users can read a login, or change where it rests",
}

READ_BY_OTHERS, WRITTEN_BY_OTHERS, WRITTEN_BY_ALL, STICKY = 0o044, 0o022, 0o002, 0o1000
PRIVATE = 0o077  # what a file with a secret grants to nobody else

# A field that holds a secret and is not empty. A pattern, and no decoder: the file may be broken.
_secret = re.compile(rb'"(?:auth|password|identitytoken|registrytoken|authorization)"\s*:\s*"[^"]', re.IGNORECASE)


def check(examination: Examination) -> Iterator[Finding]:
    """Look at every file that the clients read, and at its folder."""
    context = examination.context
    folders = dict.fromkeys(file.path.rpartition("/")[0] for file in examination.files if not file.legacy)
    for folder in folders:
        yield from _folder_mode(context, folder)
    for file in examination.files:
        yield from _file_mode(context, file.path)


def _folder_mode(context: Context, path: str) -> Iterator[Finding]:
    """Find a folder in which others can put another file in the place of ours. A group of the user's own is no other."""
    status = _status(context, path)
    if status is None or status.kind != "folder" or status.mode & STICKY:
        return
    if status.mode & (WRITTEN_BY_ALL if status.gid == status.uid else WRITTEN_BY_OTHERS):
        cause = "other users can put a file of their own in the place of one that is in it"
        yield _open(context, status, cause, status.mode & ~WRITTEN_BY_OTHERS)


def _file_mode(context: Context, path: str) -> Iterator[Finding]:
    status = _status(context, path)
    if status is None or status.kind != "file":
        return
    if status.mode & PRIVATE and _holds_secret(context, path):
        do = "read" if status.mode & READ_BY_OTHERS else "change"
        yield _open(context, status, f"other users can {do} it, and it holds a login", status.mode & ~PRIVATE)
    elif status.mode & WRITTEN_BY_OTHERS:
        cause = "other users can change it, and a client runs the helpers it names"
        yield _open(context, status, cause, status.mode & ~WRITTEN_BY_OTHERS)


def _open(context: Context, status: FileStatus, cause: str, mode: int) -> Finding:
    evidence = (f"mode {status.mode:04o}, owner {status.owner or status.uid}",)
    repair = Mode(context, status.path, mode)
    return Finding("SP102", Severity.WARNING, context.name, status.path, cause, evidence, repair)


def _holds_secret(context: Context, path: str) -> bool:
    try:
        content = context.read(path, SIZE_LIMIT)
    except FileError:
        return True  # it cannot be told, and it is where logins rest
    return content is not None and _secret.search(content.data) is not None


def _status(context: Context, path: str) -> FileStatus | None:
    """Return what stands there; None also where that cannot be seen, and where modes say nothing."""
    try:
        return None if context.platform == "windows" else context.status(path)
    except FileError:
        return None
