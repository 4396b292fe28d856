"""``sudo``: what ``sudo COMMAND`` runs in.

``sudo-login``: what ``sudo -i`` and ``sudo su`` run in.

The policy of this machine decides about the variables, the home and PATH (sudoers(5): ``env_reset``, ``env_keep``,
``always_set_home``, ``secure_path``). So do PAM, and for a login the shell's own files. So Shorepass asks sudo itself: sudo
runs a shell, without asking for a password, and that shell prints what it sees. If sudo runs no shell (for example because
you may run docker only), ``sudo -l`` prints the policy.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from shorepass.contexts.command import as_root
from shorepass.contexts.local import LocalContext
from shorepass.contexts.place import Place
from shorepass.contexts.shells.shell import ANSWER_SECONDS, ShellContext
from shorepass.contexts.shells.transport import Transport
from shorepass.contexts.sudoers import environment
from shorepass.errors import ContextError, FileError, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.processes import ProcessError, ProcessNotStarted, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.contexts import FileContent
    from shorepass.processes import Completed

__all__ = ["discover", "find"]

LISTING_LIMIT = 1024 * 1024  # bytes of sudo -l
ASKING = ("password is required", "authentication is required")  # sudo's words, and sudo-rs's
KINDS = {"sudo": ("-n",), "sudo-login": ("-n", "-i")}


def find(here: LocalContext, kind: str, rest: str, *, timeout: float = ANSWER_SECONDS) -> LocalContext | ShellContext:
    """Return the context that sudo leads to.

    Raises UsageError; ContextError: there is no sudo, or it refuses.
    """
    if rest:
        raise UsageError(f"{printable(f'{kind}:{rest}')}: {kind} takes no name", hint=f"--in {kind}, or --in user:NAME")
    program = here.which("sudo")
    if program is None:
        raise ContextError(kind, "there is no sudo on PATH")
    here = _OnTerminal(here.environment())
    stays = kind == "sudo"  # because a login starts in the home
    hint = f"{quoted(program)} -l shows what you may run"
    way = Transport(kind, (program, *KINDS[kind]), joins=False, hint=hint, here=here, stays=stays)
    try:
        context = ShellContext.open(way, timeout=timeout)
    except ContextError as error:
        listing = _listing(here, program, timeout)
        by_policy = _by_policy(here, listing) if kind == "sudo" and listing else None
        if by_policy is not None:
            return by_policy
        if _asks_for_password(error, listing):
            hint = "sudo -v, then the same command again"
            raise ContextError(kind, "sudo asks for a password", hint=hint) from None
        raise
    if context.uid == 0 and sys.platform != "win32" and os.geteuid() == 0:
        # This process is root already, so it needs no sudo to read root's files.
        directory = None if stays else os.sep
        return LocalContext(context.environment(), name=kind, directory=directory)
    return context


def _listing(here: LocalContext, program: str, timeout: float) -> Completed | None:
    """Return what ``sudo -l`` prints, in English, without asking for a password.

    Return None if it does not run.
    """
    try:
        return here.with_env(LC_ALL="C").run([program, "-n", "-l"], b"", timeout=timeout, limit=LISTING_LIMIT)
    except ProcessError:
        return None


def _by_policy(here: LocalContext, listing: Completed) -> LocalContext | None:
    """Return root's context as sudo's policy describes it.

    Return None if sudo does not print its policy.
    """
    text = listing.stdout.decode("utf-8", "surrogateescape") if listing.status == 0 else ""
    root = LocalContext({}, uid=0).home() or "/root"
    environ = environment(text, here.environment(), root)
    return None if environ is None else _ByPolicy(environ, uid=0, name="sudo")


def _asks_for_password(error: ContextError, listing: Completed | None) -> bool:
    """Tell whether sudo ran no shell because it may not ask.

    ``error`` has sudo's words in the user's language.
    """
    text = error.reason
    if listing:
        text += "\n" + listing.stderr.decode("utf-8", "replace")
    return any(word in text for word in ASKING)


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:
    """Yield both contexts if there is a sudo.

    For root only under sudo, because root needs no other rights.
    """
    if here.which("sudo") and (here.uid != 0 or here.getenv("SUDO_UID")):
        for kind in KINDS:
            yield Place(kind, open=partial(find, here, kind, "", timeout=timeout))


class _ByPolicy(LocalContext):
    """Root's environment by sudo's policy, with the files that the caller may read.

    It runs no program.
    """

    def with_env(self, **variables: str) -> _ByPolicy:
        """Return this context with some variables set."""
        return _ByPolicy({**self._environ, **variables}, uid=0, name=self.name)

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content.

        Raises ContextError where root could read it and the caller may not.
        """
        try:
            return super().read(path, limit)
        except FileError as error:
            raise ContextError(self.name, error.message, hint=as_root("who", "--in", "me")) from None

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:  # noqa: ARG002
        """Raise ProcessNotStarted: the program would run as the wrong user."""
        raise ProcessNotStarted("sudo does not run it without a password")


class _OnTerminal(LocalContext):
    """The context of this process, with programs on its terminal.

    sudo remembers a password per terminal.
    """

    def with_env(self, **variables: str) -> _OnTerminal:
        """Return this context with some variables set."""
        return _OnTerminal({**self._environ, **variables})

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program on this process's terminal."""
        return run(argv, stdin, env=self._environ, timeout=timeout, limit=limit, session=False, directory=None)
