"""The user's settings, store and accounts, opened once and passed on.

``with_store`` makes a context that answers for ``docker-credential-shorepass`` in this process: Shorepass does not start itself
again. So a passphrase is typed once per command, and the key is derived from it once.
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from shorepass import files, settings
from shorepass.agent_client import layout
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.helper import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.chain import Chain
    from shorepass.settings import Settings
    from shorepass.stores import Store
    from shorepass.stores.vault.key import Ask

__all__ = ["MODULE", "Profile", "current", "is_this", "unlock", "with_store"]

MODULE = "shorepass.docker_credential"
HEAD = 4096  # bytes of a program, to see what it starts


class Profile:
    """The settings, the store and the accounts of the user of ``here``; each is read when it is first needed.

    ``ask`` gets a prompt and returns a passphrase. ``tell`` gets a warning for the user.
    Properties raise SourceError and UsageError.
    """

    def __init__(self, here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> None:
        self.here = here
        self._ask = ask
        self._tell = tell

    @cached_property
    def settings(self) -> Settings:
        """The settings of the user."""
        return settings.load(self.here)

    @cached_property
    def store(self) -> Store:
        """The store in the settings, else the vault."""
        from shorepass.stores.in_use import chosen

        return chosen(self.here, ask=self._ask, tell=self._tell, found=self.settings)

    @cached_property
    def chain(self) -> Chain:
        """The answers of ``docker-credential-shorepass``, inside ``shorepass run`` too."""
        from shorepass.chain import chain_of

        choose = last = None
        if self.settings.rules or self.here.getenv(settings.ACCOUNT_VARIABLE):
            from shorepass.accounts.choice import Chooser

            choose = Chooser(self.here, self.settings).for_key
        if self.here.getenv(settings.BEHIND_VARIABLE):
            from shorepass.accounts.outside_run import LoginsOutsideRun

            last = LoginsOutsideRun(self.here, self.store.name)
        return chain_of(self.store, choose, last)


def current() -> LocalContext:
    """Return the context of this process for one run of a program, in which each file and each helper is asked once."""
    return LocalContext.current(inside=_answer, memory=Memory(of_one_run=True))


def with_store(here: LocalContext) -> LocalContext:
    """Return a context in which this process answers for Shorepass's helper, if PATH leads to this Shorepass."""
    return here.with_inside(_answer)


def _answer(here: LocalContext, program: str, verb: str, stdin: bytes, *, hurried: bool) -> tuple[int, bytes] | None:
    """Answer for the helper ``program``; None if that is another Shorepass's. Raises ShorepassError.

    ``hurried``: no passphrase is asked for.
    """
    if not is_this(here, program):
        return None
    from shorepass.helper import server

    ask = _refuse if hurried else _ask
    return server.answer(verb, lambda _: stdin, lambda: Profile(here, ask=ask, tell=_tell).chain)


def is_this(context: LocalContext, program: str) -> bool:
    """Tell whether a program is this installation's helper.

    It is the one beside this Python, a script that only starts it, or the forwarder in front of either.
    """
    program = layout.original(context, program) or program
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    if files.leads_to(program, beside):
        return True
    lines = (context.head(program, HEAD) or b"").decode("utf-8", "replace").splitlines()
    return lines[:1] == ["#!/bin/sh"] and lines[1:] == [f'exec "{sys.executable}" -m {MODULE} "$@"']


def _ask(prompt: str) -> str:
    from shorepass.contexts import terminal

    return terminal.ask(prompt) if terminal.is_there() else _refuse(prompt)


def _refuse(_: str) -> str:
    """Ask no one: there is no terminal, or other programs wait for the answer. Raises StoreLocked."""
    from shorepass.contexts import terminal

    raise terminal.locked()


def _tell(text: str) -> None:
    """Warn the user although there is an answer."""
    import logging

    logging.getLogger("shorepass").warning("%s", f"{PROGRAM}: {text}")


def unlock(here: LocalContext) -> None:
    """Ask for the vault's passphrase if clients have logins there, before several threads read them.

    Without a terminal no one is asked. Raises SourceError: the passphrase is wrong, or the vault is broken.
    """
    from shorepass.clients import FAMILIES, find
    from shorepass.contexts import terminal
    from shorepass.helper import OURSELVES
    from shorepass.stores.vault.vault import Vault

    vault = Vault(here, ask=terminal.ask, tell=lambda _: None)
    if settings.load(here).store not in (None, vault.name) or not terminal.is_there() or not vault.exists():
        return
    helpers: set[str | None] = set()
    for name in FAMILIES:
        helpers.update(entry.helper for entry in find(name).entries(here, ask_helpers=False))
    if OURSELVES in helpers:
        vault.keys()
