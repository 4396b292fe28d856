"""``shorepass run``: one command with the logins of an account, which leaves no file, or a container with lent logins."""

from __future__ import annotations

import os
from argparse import REMAINDER
from typing import TYPE_CHECKING

from shorepass import processes
from shorepass.accounts.outside_run import context_outside_run
from shorepass.cli import console
from shorepass.cli.automatic import share_by_policy
from shorepass.cli.flags import ClientNames
from shorepass.cli.lending import MODE_GROUPS, add_limits
from shorepass.cli.run_lent import run_lent
from shorepass.client_table import DEFAULT, NAMES
from shorepass.clients import find
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.errors import ShorepassError, UsageError, printable, without_user_info
from shorepass.files import run_folder
from shorepass.logins.private_config import bring_home, client_of, lend, vanished_logins
from shorepass.profile import current
from shorepass.settings import check_account

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.clients.private import Lent

EXAMPLES = """\
shorepass run --as work -- docker push ghcr.io/acme/app:1
shorepass run --as work -- podman pull quay.io/acme/app
shorepass run --as work --client podman -- ./release.sh
shorepass run --share ghcr.io -- docker run -it image
shorepass run --share ghcr.io --service ci -- docker compose up
shorepass run docker run ghcr.io/acme/app    # with a row [[automatic]] in the policy
"""
NOTES = """\
The command gets a private DOCKER_CONFIG (podman, skopeo and buildah: REGISTRY_AUTH_FILE) without any login in it. Shorepass
removes it afterwards. For a registry without a login of this account, the command uses the default login.
With --share, the command must start containers: docker or podman with run or create, compose with up, run or create, or
devcontainer up. The grant ends with the command. After create, devcontainer up, or for a container in the background it ends at
its time. Without --as and --share, the policy says what the containers get (see shorepass policy).

exit codes: the command's own; 128 + N if signal N ended it; 126 it cannot be run; 127 it does not exist;
125 Shorepass failed before the command started
"""

FLAG_GROUPS = {"Lend to containers": ("--share", "--service", "--mode"), **MODE_GROUPS}
OWN_FAILURE = 125
CANNOT_RUN = 126
NOT_FOUND = 127
USAGE_EXIT_CODE = OWN_FAILURE  # as env, timeout and docker run: other codes are the command's
TAKES_A_COMMAND = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--as", dest="account", metavar="NAME", help="the account (see shorepass accounts)")
    whose.add_argument(
        "--share",
        action="append",
        metavar="REGISTRY",
        help="lend the login for this registry to the containers that the command starts; may be repeated",
    )
    parser.add_argument(
        "--service",
        dest="services",
        action="append",
        default=[],
        metavar="SERVICE",
        help="compose: lend it only to this service (default: to each service); may be repeated",
    )
    add_limits(parser)
    parser.add_argument(
        "--client",
        choices=ClientNames(NAMES),
        help="the client that the command starts (default: the command itself, else docker)",
    )
    parser.add_argument("command", nargs=REMAINDER, metavar="COMMAND", help="the command and its arguments")


def run(arguments: argparse.Namespace) -> int:
    """Run it; return its exit code."""
    arguments.failure_code = OWN_FAILURE
    argv = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not argv:
        words = ["--as", arguments.account or "NAME", "--", DEFAULT, "push", "..."]
        if arguments.share:
            words = ["--share", arguments.share[0], "--", DEFAULT, "run", "..."]
        raise UsageError("no command was named", hint=command(None, "run", *words))
    here = context_outside_run(current())
    if arguments.share or not arguments.account:
        return _lend(here, arguments, argv)
    client = arguments.client or client_of(argv[0])
    keys = _keys(here, client, arguments.account)
    program = _find(here, argv[0])
    if isinstance(program, int):
        return _not_run(argv[0], program)
    return _attend(here, client, arguments.account, keys, program, argv)


def _lend(here: LocalContext, arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    program = _find(here, argv[0])
    if isinstance(program, int):
        return _not_run(argv[0], program)
    arguments.automatic = not arguments.share
    if arguments.automatic:
        share_by_policy(here, arguments, program, argv)
    try:
        status = run_lent(here, arguments, program, argv)
    except processes.ProcessNotStarted as error:
        console.print_error(ShorepassError(f"{argv[0]}: {error}"))
        return CANNOT_RUN
    return 128 - status if status < 0 else status


def _not_run(name: str, code: int) -> int:
    reason = "not found" if code == NOT_FOUND else "cannot be run"
    console.print_error(ShorepassError(f"{name}: {reason}"))
    return code


def _keys(here: LocalContext, client: str, account: str) -> list[str]:
    """Return the keys of the account's logins for the command; ``[]`` if podman finds the login in its own file.

    Raises UsageError: it has no login.
    """
    from shorepass.logins import as_account  # late: it asks registries, and a lent login is counted in milliseconds

    check_account(account)
    try:
        return as_account.keys(here, account)
    except UsageError as error:
        native = ", ".join(map(printable, as_account.native_keys(here, account)))
        if not native:
            raise
        if not find(client).facts.namespaces:
            where = f"where {client} does not look"
            reason = f"the account {account!r} has logins only in podman's file, {where}: {native}"
            raise UsageError(reason, hint=command(None, "login", "--as", account, "REGISTRY")) from error
        _tell(f"{client} finds the login of the account {account!r} in its own file: {native}")
        return []


def _find(here: LocalContext, name: str) -> str | int:
    """Return the path of a program, or the exit code if it cannot be run."""
    if os.path.dirname(name):
        path = os.path.abspath(name)
        if here.which(path):
            return path
        places = [path]
    else:
        found = here.which(name)
        if found:
            return found
        places = [os.path.join(folder, name) for folder in (here.getenv("PATH") or "").split(os.pathsep) if folder]
    return CANNOT_RUN if any(map(os.path.exists, places)) else NOT_FOUND


def _attend(here: LocalContext, client: str, account: str, keys: list[str], program: str, argv: Sequence[str]) -> int:

    with processes.holding_signals(), run_folder.folder(here.temporary_folder()) as folder:
        lent = lend(here, client, account, keys, folder.path) if keys else None
        if lent:
            _warn_of_unseen(client, lent)
        variables = lent.variables if lent else {}
        try:
            status = processes.attend(program, argv, env={**here.environment(), **variables}, keep=folder.fds)
        except processes.ProcessNotStarted as error:
            console.print_error(ShorepassError(f"{argv[0]}: {error}"))
            return CANNOT_RUN
        if lent:
            _warn_of_vanished(account, vanished_logins(here, lent))
        for failure in bring_home(here, lent) if lent else ():
            console.print_error(ShorepassError(f"a change of the command is lost: {failure.message}"))
    return 128 - status if status < 0 else status


def _warn_of_unseen(client: str, lent: Lent) -> None:

    for key in lent.unseen:
        _tell(
            f"{client} does not see the login for {printable(without_user_info(key))}: it asks helpers only for a registry"
        )


def _warn_of_vanished(account: str, keys: list[str]) -> None:

    for key in map(without_user_info, keys):
        _tell(f"the login for {printable(key)} was in a file that no longer exists, and is not stored")
        console.hint(command(None, "login", "--as", account, printable(key)))


def _tell(text: str) -> None:
    console.note(text)
