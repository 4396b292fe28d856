"""``shorepass helper``: let docker and podman keep their logins with Shorepass, or as they did before."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.cli import console, place
from shorepass.cli.place import ClientNames, client_name, here_with_files
from shorepass.clients import FAMILIES
from shorepass.config import docker_config, document
from shorepass.config.document import SIZE_LIMIT
from shorepass.contexts.command import command
from shorepass.contexts.terminal import ask
from shorepass.credential import ANONYMOUS
from shorepass.errors import MalformedFile, UsageError, printable, without_user_info
from shorepass.fixes.preview import preview
from shorepass.fixes.repair import Edit as Repair
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.logins import helper_entry
from shorepass.migration.journal import Journal
from shorepass.stores.vault.vault import Vault, init

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext
    from shorepass.logins.helper_entry import Edit, Place

EXAMPLES = """\
shorepass helper install                        # docker, every registry: credsStore
shorepass helper install --for ghcr.io          # docker, one registry: credHelpers
shorepass helper install --for quay.io --client podman
shorepass helper uninstall
shorepass helper uninstall --all                # in every file, also for logins; not for migrate
"""
NOTES = """\
Both actions show the change first, and ask. uninstall restores the former helper.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    action = "install: name docker-credential-shorepass in a client's file; uninstall: restore the former helper"
    parser.add_argument("action", choices=("install", "uninstall"), metavar="ACTION", help=action)
    parser.add_argument("--for", dest="registry", metavar="REGISTRY", help="only for this registry")
    parser.add_argument("--all", action="store_true", help="uninstall: in every file that Shorepass has changed")
    parser.add_argument(
        "--client",
        choices=ClientNames(FAMILIES),
        help="the client with the file (default: docker; with --authfile: podman)",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    place.add_file_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the change, ask, and make it."""
    here = here_with_files(arguments)
    if arguments.action == "install":
        if arguments.all:
            raise UsageError("--all is for uninstall alone")
        for where in helper_entry.asked_for(here, client_name(arguments), arguments.registry):
            _install(arguments, here, where)
        _warn(here)
        return 0
    if arguments.all and arguments.registry:
        raise UsageError("either --all or --for")
    # what migrate has named is taken back as a whole: the logins have to go back as well
    migrations = arguments.all and bool(Journal(here).names())
    if arguments.all:
        places = helper_entry.places(here) if migrations else helper_entry.everywhere(here)
    else:
        places = helper_entry.asked_for(here, client_name(arguments), arguments.registry)
    for where in reversed(places):  # the last one found what those before it had made
        _uninstall(arguments, here, where)
    if not places:
        console.out("no file names it by login or install")
    if not arguments.all and not arguments.registry and (left := len(helper_entry.naming(here))):
        others = "one other place names" if left == 1 else f"{left} other places name"
        console.note(f"{others} it, as a login does for its registry")
        console.hint(command(None, "helper", "uninstall", "--all"))
    if migrations:
        console.note("what migrate has named stays, with the logins that it has moved")
        console.hint(command(None, "migrate", "--undo"))
    return 0


def _install(arguments: argparse.Namespace, here: LocalContext, where: Place) -> None:

    member = ".".join(where.member)
    before = helper_entry.named_now(here.read(where.path, SIZE_LIMIT), where)
    changed = _change(arguments, here, where, helper_entry.installing(where), f"set {member} to {OURSELVES}")
    if changed:
        helper_entry.install(here, where)
    console.out(f"{where.path}: {member} is {OURSELVES}" + ("" if changed else " already"))
    if changed and before and here.which(f"docker-credential-{before}"):
        name = printable(before)
        console.note(f"what docker-credential-{name} holds stays there, where nobody looks any more")
        console.hint(f"move it into the store: {command(None, 'migrate', '--from', name, '--apply')}")
    if where.member == ("credsStore",):
        _warn_of_plain_text(here, where.path)


def _uninstall(arguments: argparse.Namespace, here: LocalContext, where: Place) -> None:

    member = ".".join(where.member)
    if _change(arguments, here, where, helper_entry.uninstalling(here, where), f"put {member} back as it was"):
        helper_entry.uninstall(here, where)
        console.out(f"{where.path}: {member} is as it was before")
    else:
        if where in helper_entry.places(here):
            helper_entry.uninstall(here, where)  # somebody else has taken it out: there is nothing to remember any more
        console.out(f"{where.path}: {member} does not name {OURSELVES}")


def _change(arguments: argparse.Namespace, here: LocalContext, where: Place, edit: Edit, summary: str) -> bool:
    """Show a change; False when there is none to make. Raises UsageError when it is not wanted."""
    if edit(here.read(where.path, SIZE_LIMIT)) is None:
        return False
    console.out_lines(preview(Repair(here, where.path, edit, summary)))
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise UsageError("there is nobody to ask, so nothing was changed", hint="--yes does not ask")
        if not console.agrees("change it? [y/N]: "):
            raise UsageError("nothing was changed")
    return True


def _warn_of_plain_text(here: LocalContext, path: str) -> None:
    """Say which logins docker now passes over, and that they are still there to read."""
    try:
        config = docker_config.load(here.read(path, document.SIZE_LIMIT))
    except MalformedFile:
        return  # which docker does not read, either
    left = [
        key for key in config.auths if config.entry(key).credential() != ANONYMOUS and key not in config.cred_helpers
    ]
    if left:
        names = ", ".join(printable(without_user_info(key)) for key in left)
        console.note(f"{path} still holds in plain text, where docker no longer looks: {names}")
        migrate, logout = command(None, "migrate", "--apply"), command(here, "logout", "REGISTRY")
        console.hint(f"move it into the store: {migrate}; or only take it out: {logout}")


def _warn(here: LocalContext) -> None:
    """Say what else it takes until a login can be kept."""
    if here.which(PROGRAM) is None:
        console.note(f"{PROGRAM} is not on PATH, where the client looks for it")
        beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
        if os.path.exists(beside):
            console.hint(f"put its folder there: {quoted(os.path.dirname(beside))}")
    if settings.load(here).store in (None, "vault") and not Vault(here, ask=ask, tell=lambda _: None).exists():
        console.note("there is no vault yet, so no login can be kept")
        console.hint(init())
