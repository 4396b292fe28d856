"""``shorepass run --share``: containers with a grant, which ends with the command."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

from shorepass import processes
from shorepass.cli import console
from shorepass.cli.asking import asking
from shorepass.cli.ending import end
from shorepass.cli.lending import lend, repeated
from shorepass.cli.share_notes import warn
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, UsageError
from shorepass.files import run_folder
from shorepass.grants.starters import find_starter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["run_lent"]

# Of a word that may mean this, the grant remains until its time: a container in the background outlives the command.
DETACHED = re.compile(r"--(detach|wait)(=.*)?|-[A-Za-z]*d[A-Za-z]*")


# Of a word that may mean this, the terminal belongs to the container.
INTERACTIVE = re.compile(r"--(interactive|tty)(=.*)?|-[A-Za-z]*[it][A-Za-z]*")


def run_lent(here: LocalContext, arguments: argparse.Namespace, program: str, argv: Sequence[str]) -> int:
    """Run a command of docker, podman or another starter with a new grant.

    Return the exit status, negative if a signal ended it. Raises UsageError: the command does not start a container;
    ShorepassError; ProcessNotStarted.
    """
    starter, start = find_starter(program, argv, arguments.services)
    typed = f"{' '.join(starter.words)} {start.verb}"
    if arguments.services and not starter.services:
        shared = repeated("--share", arguments.share)
        raise UsageError(
            f"{typed} starts no services, so leave out --service", hint=command(None, "run", *shared, "--", *argv)
        )
    grant = lend(here, typed, arguments.share, arguments, is_typed=not arguments.automatic)
    lives_on = start.verb in starter.lasting or any(map(DETACHED.fullmatch, argv))
    try:
        warn(here, grant)
        with processes.holding_signals(), run_folder.folder(here.temporary_folder()) as folder:
            lent = starter.add(here, grant, start._replace(private=folder.path))
            with _asking(here, grant, argv):
                status = processes.attend(program, lent, env=here.environment(), keep=folder.fds)
    except BaseException:
        end(here, [grant])
        raise
    if lives_on and status == 0:
        console.note(f"the grant {grant.id} remains; {command(None, 'revoke', grant.id)} ends it")
        return status
    try:
        end(here, [grant])
    except ShorepassError as error:  # the exit code is the command's
        console.print_error(error)
    return status


def _asking(here: LocalContext, grant: Grant, argv: Sequence[str]) -> AbstractContextManager[None]:
    """Ask on the terminal about the grant, if the command leaves it to Shorepass."""
    return nullcontext() if any(map(INTERACTIVE.fullmatch, argv)) else asking(here, grant)
