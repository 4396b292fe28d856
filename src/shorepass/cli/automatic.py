"""``shorepass run`` without ``--share``: the row ``[[automatic]]`` of the policy says what the containers get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.grants import policy_file
from shorepass.grants.policy import as_time
from shorepass.grants.starters import find_starter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.contexts.local import LocalContext

__all__ = ["share_by_policy"]


def share_by_policy(here: LocalContext, arguments: argparse.Namespace, program: str, argv: Sequence[str]) -> None:
    """Set the flags of a grant as the policy's row for a command has them.

    Raises UsageError: no row is for it, or the command starts no container; InvalidReference, FileError, MalformedFile.
    """
    policy = policy_file.load(here)
    if not policy.automatic:
        raise UsageError(
            "--as and --share are missing, and the policy has no row [[automatic]]",
            hint=command(None, "run", "--share", "REGISTRY", "--", argv[0], "..."),
        )
    starter, start = find_starter(program, argv, arguments.services)
    row = starter.find_row(here, start, policy) if starter.find_row else None
    if row is None:
        raise UsageError(
            "the policy has no row [[automatic]] for this command, and no registry was named",
            hint=command(None, "run", "--share", "REGISTRY", "--", argv[0], "..."),
        )
    arguments.share = list(row.registries)
    arguments.repositories = list(row.repositories)
    arguments.push = row.push
    arguments.mode = arguments.mode or row.mode or None
    arguments.confirm = arguments.confirm or row.confirm
    if arguments.duration is None and row.seconds:
        arguments.duration = as_time(row.seconds)
    lent = ", ".join((*row.registries, *row.repositories))
    console.note(f"lends {lent}: line {row.line} of the policy")
