"""SP411: a HOME that is not this user's, or in which no login can be stored: jobs, services, su, and containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS
from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, SourceError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client
    from shorepass.contexts import FileStatus
    from shorepass.doctor.examination import Examination
    from shorepass.names import Reference
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check"]

CODES = {"SP411": "HOME is not this user's home, or no login can be stored in it"}

NEW_HOME = 'export HOME="$(mktemp -d)"'
SETTERS = "sudo, su, cron, a service, a CI job and a container's user set HOME, each in its own way"


def check(examination: Examination) -> Iterator[Finding]:
    """Compare HOME with the home of the user database, and look whether a client can store a login there."""
    context = examination.context
    if context.name != "me" or not isinstance(context, LocalContext) or context.platform == "windows":
        return
    found = _another_users(examination, context)
    if found is None and examination.reference is not None:
        found = _missed(examination, context, examination.reference)
    if found is not None:
        yield found


def _another_users(examination: Examination, context: LocalContext) -> Finding | None:
    """Return the finding for a HOME of another user whose files this user cannot read."""
    home = context.getenv("HOME") or ""
    status = _status(context, home) if home else None
    if status is None or status.uid == context.uid:
        return None
    closed = [file.path for file in examination.files if _is_below(file.path, home) and _is_closed(context, file.path)]
    if not closed:
        return None
    cause = f"it is {home}, which belongs to {status.owner or status.uid}, and {_user(context)} cannot read its files"
    said = (f"no client reads {closed[0]}", SETTERS)
    return _finding(examination, cause, said, _right_home(context), below=home, asked=examination.reference)


def _missed(examination: Examination, context: LocalContext, asked: Reference) -> Finding | None:
    """Return the finding for a client that has no login for an image: it is in the usual home, or cannot be stored."""
    for client in examination.clients:
        if examination.resolutions[client.name].answer != ANONYMOUS or not _is_in_home(client, context):
            continue
        usual = context.with_env(HOME="")
        there = _login(client, usual, asked) if usual.home() != context.home() else None
        if there:
            cause = f"it is {context.getenv('HOME')}, and the login is in {usual.home()}, the home of {_user(context)}"
            said = (f"with that home, {sends(there, examination.fingerprints)}", SETTERS)
            return _finding(examination, cause, said, f"export HOME={quoted(usual.home() or '')}", asked=asked)
        path = client.files(context, for_login=True)[0].path
        if not context.can_write(path):
            cause = f"{client.name} can store no login: {_user(context)} cannot write {path}"
            return _finding(examination, cause, (SETTERS,), _right_home(context), asked=asked)
    return None


def _is_in_home(client: Client, context: LocalContext) -> bool:
    """Return whether a client's login is stored below HOME, and no variable names another folder."""
    path = client.files(context, for_login=True)[0].path
    return not context.home() or _is_below(path, context.home() or "")


def _login(client: Client, usual: LocalContext, asked: Reference) -> Resolution | None:
    """Return what a client would send from the usual home, None for no login there or one that cannot be read.

    A login elsewhere is not missed because of HOME: it may only be that a file of this HOME leads to another registry.
    """
    try:
        found = client.resolve(usual, asked)
    except SourceError:
        return None
    if found.answer == ANONYMOUS or isinstance(found.answer, SourceError) or found.source is None:
        return None
    return found if _is_below(found.source.path, usual.home() or "") else None


def _right_home(context: LocalContext) -> str:
    """Return the line that sets HOME: to the home of the user database, or to a new folder if that cannot be written."""
    home = context.with_env(HOME="").home()
    if home and home != context.getenv("HOME") and context.can_write(f"{home.rstrip('/')}/.docker/config.json"):
        return f"export HOME={quoted(home)}"
    return NEW_HOME


def _finding(
    examination: Examination,
    cause: str,
    said: tuple[str, ...],
    advice: str,
    *,
    asked: Reference | None = None,
    below: str = "",
) -> Finding:
    context = examination.context
    if advice == NEW_HOME and asked:
        advice += f"; then {command(context, 'login', asked.registry, client=examination.clients[0].name)}"
    follows = (("SP510", asked.name),) if asked else ()
    return Finding("SP411", Severity.ERROR, context.name, "HOME", cause, said, Advice(advice), follows, below)


def _user(context: LocalContext) -> str:
    return f"this user ({context.user_name()})"


def _is_below(path: str, home: str) -> bool:
    return path.startswith(home.rstrip("/") + "/")


def _is_closed(context: LocalContext, path: str) -> bool:
    try:
        context.head(path, 1)
    except FileError:
        return True
    return False


def _status(context: LocalContext, path: str) -> FileStatus | None:
    try:
        return context.status(path)
    except FileError:
        return None
