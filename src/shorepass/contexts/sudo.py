"""``sudo``: what ``sudo COMMAND`` runs in. ``sudo-login``: what ``sudo -i`` and ``sudo su`` run in.

Which variables survive, whose home it is and what PATH says is decided by the policy of this machine (sudoers(5):
``env_reset``, ``env_keep``, ``always_set_home``, ``secure_path``), by PAM, and for a login by the shell's own files. So sudo
itself is asked: it runs a shell, without asking for a password, and that shell tells what it sees.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from shorepass.contexts import Place
from shorepass.contexts.discovery import REACH_SECONDS
from shorepass.contexts.local import LocalContext
from shorepass.contexts.shell import ShellContext
from shorepass.contexts.transport import Transport
from shorepass.errors import ContextError, UsageError, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.processes import Completed

__all__ = ["discover", "find"]

KINDS = {"sudo": ("-n",), "sudo-login": ("-n", "-i")}


def find(here: LocalContext, kind: str, rest: str) -> LocalContext | ShellContext:
    """Return the context that sudo leads to. Raises UsageError; ContextError: sudo is not there, or does not let us."""
    if rest:
        raise UsageError(f"{printable(f'{kind}:{rest}')}: {kind} takes no name", hint=f"--in {kind}, or --in user:NAME")
    program = here.which("sudo")
    if program is None:
        raise ContextError(kind, "there is no sudo on PATH")
    hint = "sudo -v asks for the password; then try again"
    way = Transport(kind, (program, *KINDS[kind]), joins=False, hint=hint, here=_OnTerminal(here.environment()))
    context = ShellContext.open(way, timeout=REACH_SECONDS)
    if context.uid == 0 and sys.platform != "win32" and os.geteuid() == 0:
        return LocalContext(context.environment(), name=kind)  # no need of sudo to read root's files
    return context


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:  # noqa: ARG001 -- sudo is asked when it is opened
    """Yield both, where there is a sudo; not for root, unless they came by sudo: nobody else's rights are left to ask for."""
    if here.which("sudo") and (here.uid != 0 or here.getenv("SUDO_UID")):
        for kind in KINDS:
            yield Place(kind, open=partial(find, here, kind, ""))


class _OnTerminal(LocalContext):
    """The context of this very process, whose programs keep our terminal: sudo remembers by it who has typed a password."""

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program on our terminal."""
        from shorepass.processes import run

        return run(argv, stdin, env=self._environ, timeout=timeout, limit=limit, session=False)
