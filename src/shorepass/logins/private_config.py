"""A client's configuration for one command, in which one account's logins stand before all others.

In a private folder: what is the user's own, by symlinks and without any login, and our helper named for the rest. The
helper has the account's logins in its store, and asks what stood there before for those that the account has not
(``accounts.outside_run``). So no login is in the folder, in an argument or in the environment.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import files, settings
from shorepass.accounts.outside_run import location_variable
from shorepass.client_table import DEFAULT, NAMES, ROWS
from shorepass.clients import find
from shorepass.config import document
from shorepass.errors import SourceError, UsageError, WriteError
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.helper.causes import install

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.clients.private import Lent
    from shorepass.contexts.local import LocalContext

__all__ = ["bring_home", "client_of", "lend", "vanished_logins"]


def client_of(program: str) -> str:
    """Return the client that a program is, by its name; docker for any other: it may well start that."""
    name = os.path.basename(program).removesuffix(".exe")
    if name in NAMES:
        return name
    return next((client for client, row in ROWS.items() if name in row.programs), DEFAULT)


def lend(here: LocalContext, client: str, account: str, keys: Iterable[str], folder: str) -> Lent:
    """Make a client's configuration in ``folder`` in which the logins of ``account`` for ``keys`` come first.

    Raises UsageError: another login would come before them; FileError: what is there now is broken; WriteError.
    """
    lent = find(client).lend(here, keys, folder)
    location = here.getenv(location_variable(client))
    behind = f"{client}:{os.path.abspath(location) if location else ''}"
    about = {settings.ACCOUNT_VARIABLE: account, settings.BEHIND_VARIABLE: behind}
    return lent._replace(variables={**lent.variables, **about, **_path(here)})


def _path(here: LocalContext) -> dict[str, str]:
    """Return a PATH on which the client finds our helper. Raises UsageError."""
    if here.which(PROGRAM) is not None:
        return {}

    folder = os.path.dirname(sys.executable)
    path = f"{here.getenv('PATH') or ''}{os.pathsep}{folder}".lstrip(os.pathsep)
    if here.with_env(PATH=path).which(PROGRAM) is None:
        raise UsageError(f"{PROGRAM} is neither on PATH nor in {folder}", hint=install(OURSELVES))
    return {"PATH": path}


def bring_home(here: LocalContext, lent: Lent) -> list[WriteError]:
    """Move what the command has made in a private folder into the user's own, if any; return what could not be moved.

    A first context, a first builder, a first key that signs images: what it changed in config.json alone goes.
    """
    failed = []
    ours, theirs = os.path.dirname(lent.path), lent.home
    for name in here.names(ours) if theirs else ():
        made = os.path.join(ours, name)
        if made != lent.path and not os.path.islink(made):
            try:
                files.move(made, os.path.join(theirs, name))
            except WriteError as error:
                failed.append(error)
    return failed


def vanished_logins(here: LocalContext, lent: Lent) -> list[str]:
    """Return the keys of logins that the command has written into the private file, and which go with it."""
    try:
        content = here.read(lent.path, document.SIZE_LIMIT)
        auths = document.load(content).get("auths") if content else None
    except SourceError:
        return []
    return sorted(key for key, entry in auths.items() if entry) if isinstance(auths, dict) else []
