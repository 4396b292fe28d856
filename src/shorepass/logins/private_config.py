"""A client's configuration for one command, in which one account's logins override all others.

It is a private folder with symlinks to the user's own files, but without logins. It names Shorepass's helper, which has the
account's logins in its store. For other logins the helper asks the user's own configuration (``accounts.outside_run``). So no
login is in the folder, in an argument or in the environment.
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
from shorepass.helper.known_helpers import install

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.clients.private import Lent
    from shorepass.contexts.local import LocalContext

__all__ = ["bring_home", "client_of", "lend", "vanished_logins"]


def client_of(program: str) -> str:
    """Return the client of a program by its name. Any other program counts as docker, which it may start."""
    name = os.path.basename(program).removesuffix(".exe")
    if name in NAMES:
        return name
    return next((client for client, row in ROWS.items() if name in row.programs), DEFAULT)


def lend(here: LocalContext, client: str, account: str, keys: Iterable[str], folder: str) -> Lent:
    """Make a client's configuration in ``folder`` that prefers the logins of ``account`` for ``keys``.

    Raises UsageError: another login would override them; FileError: a current file is broken; WriteError.
    """
    lent = find(client).lend(here, keys, folder)
    location = here.getenv(location_variable(client))
    own_path = os.path.abspath(location) if location else ""
    account_of_run = {settings.ACCOUNT_VARIABLE: account, settings.BEHIND_VARIABLE: f"{client}:{own_path}"}
    return lent._replace(variables={**lent.variables, **account_of_run, **_path(here)})


def _path(here: LocalContext) -> dict[str, str]:
    """Return a PATH on which the client finds Shorepass's helper, {} if it needs no change. Raises UsageError."""
    if here.which(PROGRAM) is not None:
        return {}

    folder = os.path.dirname(sys.executable)
    path = f"{here.getenv('PATH') or ''}{os.pathsep}{folder}".lstrip(os.pathsep)
    if here.with_env(PATH=path).which(PROGRAM) is None:
        raise UsageError(f"{PROGRAM} is neither on PATH nor in {folder}", hint=install(here, OURSELVES))
    return {"PATH": path}


def bring_home(here: LocalContext, lent: Lent) -> list[WriteError]:
    """Move the files that the command made in a private folder to the user's own folder, and return the failures.

    Examples are a first docker context, builder or signing key. Changes of config.json are lost.
    """
    failed = []
    private, home = os.path.dirname(lent.path), lent.home
    for name in here.names(private) if home else ():
        made = os.path.join(private, name)
        if made != lent.path and not os.path.islink(made):
            try:
                files.move(made, os.path.join(home, name))
            except WriteError as error:
                failed.append(error)
    return failed


def vanished_logins(here: LocalContext, lent: Lent) -> list[str]:
    """Return the keys of logins that the command wrote to the private file, which is removed."""
    try:
        content = here.read(lent.path, document.SIZE_LIMIT)
        auths = document.load(content).get("auths") if content else None
    except SourceError:
        return []
    return sorted(key for key, entry in auths.items() if entry) if isinstance(auths, dict) else []
