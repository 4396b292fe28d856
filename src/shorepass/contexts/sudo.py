"""``sudo``: what ``sudo COMMAND`` runs in. ``sudo-login``: what ``sudo -i`` and ``sudo su`` run in.

Which variables survive, whose home it is and what PATH says is decided by the policy of this machine (sudoers(5):
``env_reset``, ``env_keep``, ``always_set_home``, ``secure_path``), by PAM, and for a login by the shell's own files. So sudo
itself is asked: it runs a shell, without asking for a password, and that shell tells what it sees. Where it runs no shell
for us (who may run docker and nothing else, for one), ``sudo -l`` tells the policy.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from shorepass.contexts import Place
from shorepass.contexts.local import LocalContext
from shorepass.contexts.shells.shell import ANSWER_SECONDS, ShellContext
from shorepass.contexts.shells.transport import Transport
from shorepass.contexts.sudoers import environment
from shorepass.errors import ContextError, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.processes import ProcessError, ProcessNotStarted, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.processes import Completed

__all__ = ["discover", "find"]

LISTING_LIMIT = 1024 * 1024  # bytes of sudo -l
ASKING = ("password is required", "authentication is required")  # sudo's words, and sudo-rs's
KINDS = {"sudo": ("-n",), "sudo-login": ("-n", "-i")}


def find(here: LocalContext, kind: str, rest: str, *, timeout: float = ANSWER_SECONDS) -> LocalContext | ShellContext:
    """Return the context that sudo leads to. Raises UsageError; ContextError: sudo is not there, or does not let us."""
    if rest:
        raise UsageError(f"{printable(f'{kind}:{rest}')}: {kind} takes no name", hint=f"--in {kind}, or --in user:NAME")
    program = here.which("sudo")
    if program is None:
        raise ContextError(kind, "there is no sudo on PATH")
    here = _OnTerminal(here.environment())
    stays = kind == "sudo"  # a login starts in the home, and a person goes on from there
    hint = f"{quoted(program)} -l shows what you may run"
    way = Transport(kind, (program, *KINDS[kind]), joins=False, hint=hint, here=here, stays=stays)
    try:
        context = ShellContext.open(way, timeout=timeout)
    except ContextError as error:
        listing = _listing(here, program, timeout)
        deduced = _deduced(here, listing) if kind == "sudo" and listing else None
        if deduced is not None:
            return deduced
        if _asks_for_password(error, listing):
            hint = "sudo -v, then the same command again"
            raise ContextError(kind, "sudo asks for a password", hint=hint) from None
        raise
    if context.uid == 0 and sys.platform != "win32" and os.geteuid() == 0:
        directory = None if stays else os.sep
        return LocalContext(
            context.environment(), name=kind, directory=directory
        )  # no need of sudo to read root's files
    return context


def _listing(here: LocalContext, program: str, timeout: float) -> Completed | None:
    """Return what ``sudo -l`` prints, in English, without asking for a password; None where it does not run."""
    try:
        return here.with_env(LC_ALL="C").run([program, "-n", "-l"], b"", timeout=timeout, limit=LISTING_LIMIT)
    except ProcessError:
        return None


def _deduced(here: LocalContext, listing: Completed) -> LocalContext | None:
    """Return what can be known where sudo runs no shell for us, but tells what its policy is; None where it does not."""
    text = listing.stdout.decode("utf-8", "surrogateescape") if listing.status == 0 else ""
    root = LocalContext({}, uid=0).home() or "/root"
    environ = environment(text, here.environment(), root)
    return None if environ is None else _Deduced(environ, uid=0, name="sudo")


def _asks_for_password(error: ContextError, listing: Completed | None) -> bool:
    """Tell whether sudo did not run a shell because it may not ask; its own words are in the user's language."""
    said = [error.reason] + ([listing.stderr.decode("utf-8", "replace")] if listing else [])
    return any(word in text for text in said for word in ASKING)


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:
    """Yield both, where there is a sudo; not for root, unless they came by sudo: nobody else's rights are left to ask for."""
    if here.which("sudo") and (here.uid != 0 or here.getenv("SUDO_UID")):
        for kind in KINDS:
            yield Place(kind, open=partial(find, here, kind, "", timeout=timeout))


class _Deduced(LocalContext):
    """Root's environment, worked out. Files are those that the caller may read; nothing can be run."""

    def with_env(self, **variables: str) -> _Deduced:
        """Return this context with some variables set."""
        return _Deduced({**self._environ, **variables}, uid=0, name=self.name)

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:  # noqa: ARG002
        """Raise ProcessNotStarted: as the caller it would run for the wrong user."""
        raise ProcessNotStarted("sudo does not let us run it without a password")


class _OnTerminal(LocalContext):
    """The context of this very process, whose programs keep our terminal: sudo remembers by it who has typed a password."""

    def with_env(self, **variables: str) -> _OnTerminal:
        """Return this context with some variables set."""
        return _OnTerminal({**self._environ, **variables})

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program on our terminal."""
        return run(argv, stdin, env=self._environ, timeout=timeout, limit=limit, session=False, directory=None)
