"""SP101, SP102, SP104: the owners and modes of the files with logins and of their folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.clients import find_all
from shorepass.config.docker_config import KNOWN_FIELDS
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.go_json import field_name
from shorepass.config.locations import split
from shorepass.contexts import read_as_root
from shorepass.contexts.containers.container import ContainerContext
from shorepass.contexts.local import LocalContext
from shorepass.doctor.checks.containers import is_lent
from shorepass.doctor.evidence import shown
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, MalformedFile
from shorepass.fixes.repair import Advice, Mode, Owner
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context, FileStatus
    from shorepass.doctor.examination import ConfigFile, Examination

__all__ = ["CODES", "check"]

CODES = {
    "SP101": "Root owns a config file, or its folder, in a user's home",
    "SP102": "Other users can read a login or change its file",
    "SP104": "A config file exists but cannot be read",
}

READ_BY_OTHERS, WRITTEN_BY_OTHERS, WRITTEN_BY_ALL, STICKY = 0o044, 0o022, 0o002, 0o1000
PRIVATE = 0o077  # what a file with a secret must not grant to other users
# What clients create in the folders above their files: docker in .docker, podman and its kin in .config/containers.
CLIENT_NAMES = frozenset(
    (
        *(
            "config.json",
            "contexts",
            "buildx",
            "cli-plugins",
            "trust",
            "ca",
            "manifests",
            "features.json",
            "daemon.json",
        ),
        *(".token_seed", ".token_seed.lock", ".buildNodeID", "run", "machine", "scan", "scout", "models", "mcp"),
        *("containers", "auth.json", "registries.conf", "registries.conf.d", "registries.d", "certs.d", "policy.json"),
        *(
            "containers.conf",
            "containers.conf.d",
            "storage.conf",
            "libpod.conf",
            "podman-connections.json",
            "shorepass",
        ),
    )
)
OWN_FILE, OWN_FOLDER = 0o600, 0o700
NEW_AUTH_FILE = '"$HOME/.config/containers/auth.json"'
OPEN_FOLDER = 0o005  # what lets everyone read the names in a folder, and use them

# A field that holds a secret and is not empty. A pattern instead of a decoder, because the file may be broken.
_secret = re.compile(rb'"(?:auth|password|identitytoken|registrytoken|authorization)"\s*:\s*"[^"]', re.IGNORECASE)


def check(examination: Examination) -> Iterator[Finding]:
    """Look at every file that the clients read, and at its folders."""
    context = examination.context
    owned: set[str] = set()
    for finding in _owners(examination):
        owned.add(finding.subject)
        yield finding
    for folder in dict.fromkeys(split(context, file.path)[0] for file in examination.files if not file.legacy):
        yield from _folder_mode(context, folder)
    for file in examination.files:
        yield from _file_mode(context, file.path)
        mine = not is_lent(context, file.path)  # else SP604
        if mine and not any(file.path == path or file.path.startswith(path + "/") for path in owned):
            yield from _unreadable(context, file)
    yield from _closed_to_others(examination)


# SP101


def _owners(examination: Examination) -> Iterator[Finding]:
    """Find what root owns between a home and its config files. The target of a symlink may belong to root."""
    context = examination.context
    home = context.home()
    status = _status(context, home) if home else None
    if home is None or status is None or status.uid == 0:
        return
    able = 0 in (examination.here.uid, context.uid)
    seen: set[str] = set()
    for file in examination.files:
        for path in _below(home, file.path):
            if is_lent(context, path):
                break  # it is the host's: SP604 reports problems
            found = _status(context, path)
            if found is None or found.link:
                break
            if found.uid != 0 or (path == file.path and found.kind != "file"):
                continue
            if path not in seen:
                seen.add(path)
                yield _owned(context, found, status, able=able)
            if not able:
                break  # the advice covers everything below


def _owned(context: Context, found: FileStatus, home: FileStatus, *, able: bool) -> Finding:
    gift = _gift(context, found) if able else _Gift()
    accept = is_config if found.kind == "file" else None
    repair: Owner | Advice = Owner(context, found.path, home.uid, home.gid, found, accept, gift.what)
    if not able:
        repair = Advice(f"sudo chown -R {home.uid}:{home.gid} {quoted(found.path)}")
    elif gift.reason:
        repair = Advice(f"sudo ls -la {quoted(found.path)}, and move root's own files away: {gift.reason}")
    readable = found.mode & (0o055 if found.kind == "folder" else 0o044)
    cannot = "change" if readable else "read"
    evidence = (
        f"mode {found.mode:04o}, owner {found.owner or found.uid}; the home is {home.owner or home.uid}'s",
        "usually caused by `sudo docker login` when sudo keeps HOME",
    )
    cause = f"owned by root, so the owner of the home cannot {cannot} it"
    severity = Severity.WARNING if readable and found.kind != "folder" else Severity.ERROR
    return Finding("SP101", severity, context.name, found.path, cause, evidence, repair)


class _Gift(NamedTuple):
    """What root would give to the owner of the home.

    ``reason``: why root must not, "" if it may. ``what``: a description for the user.
    """

    reason: str = ""
    what: str = ""


def _gift(context: Context, found: FileStatus) -> _Gift:
    """Look with root's rights at a file or a folder of root's in a user's home.

    The owner of the home can move root's files there, so root gives away only what a client creates.
    """
    try:
        return _gift_of_folder(context, found) if found.kind == "folder" else _gift_of_file(context, found)
    except FileError as error:
        return _Gift(error.reason)


def _gift_of_file(context: Context, found: FileStatus) -> _Gift:
    content = read_as_root(context, found.path, SIZE_LIMIT)
    if content is None or not is_config(content.data):
        return _Gift("it is not the config file of a client")
    logins = loads(content.data or b"{}").get("auths")
    keys = sorted(logins) if isinstance(logins, dict) else []
    if not keys:
        return _Gift(what="a config file without a login")
    return _Gift(what=f"a config file with logins for {', '.join(map(shown, keys))}")


def _gift_of_folder(context: Context, found: FileStatus) -> _Gift:
    names = context.names_of_root(found.path) if isinstance(context, LocalContext) else context.names(found.path)
    strange = sorted(set(names) - CLIENT_NAMES)
    if strange:
        return _Gift(f"it holds {strange[0]!r}, which no client creates")
    if opened := _opened_by(context, found):
        return _Gift(f"the owner of the home could then read {opened!r}")
    what = f"a folder with {', '.join(names)}" if names else "an empty folder"
    return _Gift(what=what)


def _opened_by(context: Context, folder: FileStatus) -> str:
    """Return a file that only the folder protects from the owner of the home, or "".

    Config files of clients do not count.

    A name says little: anything can be in a ``config.json`` or a ``run``.
    """
    if not isinstance(context, LocalContext) or folder.mode & OPEN_FOLDER == OPEN_FOLDER:
        return ""
    for name in context.names_of_root(folder.path, closed_by_folder=True):
        content = context.read_of_root(f"{folder.path}/{name}", SIZE_LIMIT)
        if content is None or not is_config(content.data):
            return name
    return ""


def is_config(data: bytes) -> bool:
    """Return whether bytes are a client's config file: JSON with fields of docker's or podman's only."""
    try:
        found = loads(data or b"{}")
    except ValueError:
        return False
    return isinstance(found, dict) and all(field_name(name) in KNOWN_FIELDS for name in found)


def _below(home: str, path: str) -> list[str]:
    """Return each folder between a home and a path in it, and the path itself.

    A path outside the home has an empty list.
    """
    home = home.rstrip("/")
    if not path.startswith(home + "/"):
        return []
    names = path[len(home) + 1 :].split("/")
    return [f"{home}/{'/'.join(names[:count])}" for count in range(1, len(names) + 1)]


# SP102


def _folder_mode(context: Context, path: str) -> Iterator[Finding]:
    """Find a folder in which other users can replace files. The user's own group does not count."""
    status = _status(context, path)
    if status is None or status.kind != "folder" or status.mode & STICKY:
        return
    if status.mode & (WRITTEN_BY_ALL if status.gid == status.uid else WRITTEN_BY_OTHERS):
        cause = "other users can replace the files in it"
        yield _open(context, status, cause, status.mode & ~WRITTEN_BY_OTHERS)


def _file_mode(context: Context, path: str) -> Iterator[Finding]:
    status = _status(context, path)
    if status is None or status.kind != "file":
        return
    if status.mode & PRIVATE and _holds_secret(context, path):
        do = "read" if status.mode & READ_BY_OTHERS else "change"
        yield _open(context, status, f"other users can {do} it, and it contains a login", status.mode & ~PRIVATE)
    elif status.mode & WRITTEN_BY_OTHERS:
        cause = "other users can change it, and clients run the helpers that it names"
        yield _open(context, status, cause, status.mode & ~WRITTEN_BY_OTHERS)


def _open(context: Context, status: FileStatus, cause: str, mode: int) -> Finding:
    evidence = (f"mode {status.mode:04o}, owner {status.owner or status.uid}",)
    repair = Mode(context, status.path, mode, status)
    return Finding("SP102", Severity.WARNING, context.name, status.path, cause, evidence, repair)


def _holds_secret(context: Context, path: str) -> bool:
    try:
        content = context.read(path, SIZE_LIMIT)
    except FileError:
        return False  # this user cannot read it: SP104 reports that
    return content is not None and _secret.search(content.data) is not None


# SP104


def _unreadable(context: Context, file: ConfigFile) -> Iterator[Finding]:
    folder, name = split(context, file.path)
    try:
        if context.read(file.path, SIZE_LIMIT) is None and name in context.names(folder):
            cause = "a symlink to a file that does not exist: clients silently find no login"
            advice = Advice(f"ls -l {quoted(file.path)}; then create its target, or log in again")
            yield Finding("SP104", Severity.WARNING, context.name, file.path, cause, (), advice)
    except MalformedFile:
        return  # SP103
    except FileError as error:
        status = _status(context, file.path)
        evidence: tuple[str, ...] = ()
        if status:
            evidence = (f"mode {status.mode:04o}, owner {status.owner or status.uid}",)
        if status and status.kind == "folder":
            evidence = (*evidence, "docker creates such a folder for a mount whose file is missing")
        is_stopped = isinstance(context, ContainerContext) and not context.is_running
        severity = Severity.NOTE if is_stopped else Severity.ERROR  # no client reads it while the container is stopped
        yield Finding(
            "SP104",
            severity,
            context.name,
            file.path,
            error.reason,
            evidence,
            _readable_again(context, file, error),
        )


def _closed_to_others(examination: Examination) -> Iterator[Finding]:
    """Find programs of an examined family that stop at a first file of their own, which this user cannot reach."""
    context = examination.context
    if examination.reference is None:
        return  # most users have such a program, and do not use it
    known = {file.path for file in examination.files}
    families = {client.row.family for client in examination.clients}
    for client in find_all():
        if client.row.family not in families or not any(context.which(program) for program in client.row.programs):
            continue
        first, *others = client.files(context)
        if first.path in known or first.named:
            continue
        try:
            context.read(first.path, SIZE_LIMIT)
        except MalformedFile:
            continue  # SP103, if you name the client
        except FileError as error:
            there = next((file.path for file in others if not file.legacy and _status(context, file.path)), "")
            value = quoted(there) if there else NEW_AUTH_FILE
            advice = Advice(f"export {client.facts.variables[0]}={value}")
            cause = f"{client.name} stops here ({error.reason}), before it reads {there or 'the other files'}"
            yield Finding("SP104", Severity.WARNING, context.name, first.path, cause, (first.why,), advice)


def _readable_again(context: Context, file: ConfigFile, error: FileError) -> Advice | Mode:
    path = quoted(file.path)
    status = _status(context, file.path)
    if status and status.kind == "folder":
        return Advice(f"rmdir {path}; then log in again")
    if status and status.uid == context.uid and status.mode & OWN_FILE != OWN_FILE:
        return Mode(context, file.path, status.mode | OWN_FILE, status)
    for above in reversed(_above(file.path)):
        folder = _status(context, above)
        if folder and folder.kind == "folder":
            if folder.uid == context.uid and folder.mode & OWN_FOLDER != OWN_FOLDER:
                return Mode(context, above, folder.mode | OWN_FOLDER, folder)
            break
    return Advice(error.hint or f"ls -ld {quoted(split(context, file.path)[0])} {path}")


def _above(path: str) -> list[str]:
    names = path.split("/")[1:-1]
    return ["/" + "/".join(names[:count]) for count in range(1, len(names) + 1)]


def _status(context: Context, path: str) -> FileStatus | None:
    """Return the status of a path, None if it is missing, unreadable, or on Windows."""
    try:
        return None if context.platform == "windows" else context.status(path)
    except FileError:
        return None
