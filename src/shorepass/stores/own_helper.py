"""``docker-credential-shorepass``: the store that it answers from, and how Shorepass itself asks that store.

A client starts the program. Shorepass does not start itself again: where the program on PATH is this very Shorepass, the store
is opened in this process. So a passphrase is typed once a command, and the work that it costs is done once.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.accounts.keys import Accounts
from shorepass.contexts.local import LocalContext
from shorepass.helper import OURSELVES, PROGRAM, server
from shorepass.stores.in_use import chosen
from shorepass.stores.vault.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts import Context
    from shorepass.helper.client import HelperClient, Inside
    from shorepass.stores import Store
    from shorepass.stores.vault.key import Ask

__all__ = ["helper_client", "open_store", "unlock"]

MODULE = "shorepass.docker_credential"
HEAD = 4096  # bytes of a program, to see what it starts


def open_store(here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> Store:
    """Return the store as a client sees it: of the account that is meant, inside ``shorepass run`` too. Raises SourceError."""
    found = settings.load(here)
    choose = None
    if found.rules or here.getenv(settings.ACCOUNT_VARIABLE):
        from shorepass.accounts.choice import Chooser

        choose = Chooser(here, found).for_key
    store = chosen(here, ask=ask, tell=tell, found=found)
    if here.getenv(settings.BEHIND_VARIABLE):
        from shorepass.accounts.behind import Behind

        return Behind(store, choose, here)
    return Accounts(store, choose)


def helper_client(
    context: Context, suffix: str, *, timeout: float | None = None, named_in: str | None = None
) -> HelperClient:
    """Return the client of a credential helper. See ``HelperClient``. With a ``timeout`` no person is asked."""
    from shorepass.helper.client import HelperClient

    inside = _inside(context, hurried=timeout is not None) if suffix == OURSELVES else None
    return HelperClient(context, suffix, timeout=timeout, named_in=named_in, inside=inside)


def _inside(context: Context, *, hurried: bool) -> Inside | None:
    """Return what answers in this process; None where the program would run in another context, or is another Shorepass."""
    if not isinstance(context, LocalContext) or context.name != "me":
        return None
    program = context.which(PROGRAM)
    if program is None or not _is_this(context, program):
        return None

    def answer(verb: str, stdin: bytes) -> tuple[int, bytes]:

        return server.answer(verb, lambda _: stdin, lambda: open_store(context, ask=ask, tell=_tell))

    ask = _refuse if hurried else _ask
    return answer


def _is_this(context: LocalContext, program: str) -> bool:
    """Tell whether a program is this installation's: the one beside this Python, or a script that starts it and no more."""
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    if os.path.realpath(program) == os.path.realpath(beside):
        return True
    lines = (context.head(program, HEAD) or b"").decode("utf-8", "replace").splitlines()
    return lines[:1] == ["#!/bin/sh"] and lines[1:] == [f'exec "{sys.executable}" -m {MODULE} "$@"']


def _ask(prompt: str) -> str:
    from shorepass.contexts import terminal

    return terminal.ask(prompt) if terminal.is_there() else _refuse(prompt)


def _refuse(_: str) -> str:
    """Ask no one: where there is no terminal, or others wait for the answer. Raises StoreLocked."""
    from shorepass.contexts import terminal

    raise terminal.locked()


def _tell(text: str) -> None:
    """Tell a person what they should know although there is an answer."""
    import logging

    logging.getLogger("shorepass").warning("%s", f"{PROGRAM}: {text}")


def unlock(here: LocalContext) -> None:
    """Ask for the vault's passphrase, if clients have logins there: for those who then look from several threads.

    Without a terminal no one is asked. Raises SourceError: the passphrase is wrong, or the vault is broken.
    """
    from shorepass.clients import FAMILIES, find
    from shorepass.contexts import terminal

    vault = Vault(here, ask=terminal.ask, tell=lambda _: None)
    if settings.load(here).store not in (None, vault.name) or not terminal.is_there() or not vault.exists():
        return
    entries = [entry for name in FAMILIES for entry in find(name).entries(here, ask_helpers=False)]
    if any(entry.helper == OURSELVES for entry in entries):
        vault.keys()
