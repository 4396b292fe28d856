"""``shorepass helper``: name docker-credential-shorepass in a client's file, or restore the former helper."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.cli import console, flags
from shorepass.cli.flags import ClientNames, client_name, here_with_files
from shorepass.clients import FAMILIES
from shorepass.config import docker_config, document
from shorepass.config.document import SIZE_LIMIT
from shorepass.contexts.command import command
from shorepass.contexts.terminal import ask
from shorepass.credential import ANONYMOUS
from shorepass.errors import MalformedFile, UsageError, printable, without_user_info
from shorepass.fixes.preview import preview
from shorepass.fixes.repair import Edit
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.logins import helper_entry
from shorepass.migration.journal import Journal
from shorepass.stores.vault.vault import Vault, init

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts import Change
    from shorepass.contexts.local import LocalContext
    from shorepass.logins.helper_entry import Place

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
    flags.add_file_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the change, ask, and make it."""
    here = here_with_files(arguments)
    if arguments.action == "install":
        if arguments.all:
            raise UsageError("--all is only for uninstall")
        for where in helper_entry.asked_for(here, client_name(arguments), arguments.registry):
            _install(arguments, here, where)
        _warn(here)
        return 0
    if arguments.all and arguments.registry:
        raise UsageError("--all and --for exclude each other")
    # migrate --undo reverts its own entries, because the logins must move back too
    migrations = arguments.all and bool(Journal(here).names())
    if arguments.all:
        places = helper_entry.places(here) if migrations else helper_entry.everywhere(here)
    else:
        places = helper_entry.asked_for(here, client_name(arguments), arguments.registry)
    for where in reversed(places):  # in reverse, because each entry remembers what the one before it made
        _uninstall(arguments, here, where)
    if not places:
        console.out("no file names docker-credential-shorepass")
    if not arguments.all and not arguments.registry and (left := len(helper_entry.naming(here))):
        others = "1 other entry names" if left == 1 else f"{left} other entries name"
        console.note(f"{others} docker-credential-shorepass, as each login does for its registry")
        console.hint(command(None, "helper", "uninstall", "--all"))
    if migrations:
        console.note("the entries of a migration remain, with the logins that it moved")
        console.hint(command(None, "migrate", "--undo"))
    return 0


def _install(arguments: argparse.Namespace, here: LocalContext, where: Place) -> None:

    member = ".".join(where.member)
    before = helper_entry.named_now(here.read(where.path, SIZE_LIMIT), where)
    changed = _change(arguments, here, where, helper_entry.installing(where), f"set {member} to {OURSELVES}")
    if changed:
        helper_entry.install(here, where)
    already = "" if changed else "already "
    console.out(f"{where.path}: {member} is {already}{OURSELVES}")
    if changed and before and here.which(f"docker-credential-{before}"):
        name = printable(before)
        console.note(f"the logins in docker-credential-{name} remain there, but clients no longer use them")
        console.hint(f"move them into the store: {command(None, 'migrate', '--from', name, '--apply')}")
    if where.member == ("credsStore",):
        _warn_of_plain_text(here, where.path)


def _uninstall(arguments: argparse.Namespace, here: LocalContext, where: Place) -> None:

    member = ".".join(where.member)
    if _change(arguments, here, where, helper_entry.uninstalling(here, where), f"restore {member}"):
        helper_entry.uninstall(here, where)
        console.out(f"{where.path}: restored {member}")
    else:
        if where in helper_entry.places(here):
            helper_entry.uninstall(here, where)  # another program has removed it: forget it
        console.out(f"{where.path}: {member} does not name {OURSELVES}")


def _change(arguments: argparse.Namespace, here: LocalContext, where: Place, edit: Change, summary: str) -> bool:
    """Show a change; False if there is no change to make. Raises UsageError: the user declined."""
    if edit(here.read(where.path, SIZE_LIMIT)) is None:
        return False
    console.out_lines(preview(Edit(here, where.path, edit, summary)))
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise UsageError("not a terminal: nothing was changed", hint="--yes skips the question")
        if not console.agrees("change it? [y/N]: "):
            raise UsageError("nothing was changed")
    return True


def _warn_of_plain_text(here: LocalContext, path: str) -> None:
    """Print which plain-text logins docker no longer uses."""
    try:
        config = docker_config.load(here.read(path, document.SIZE_LIMIT))
    except MalformedFile:
        return  # which docker does not read, either
    left = [
        key for key in config.auths if config.entry(key).credential() != ANONYMOUS and key not in config.cred_helpers
    ]
    if left:
        names = ", ".join(printable(without_user_info(key)) for key in left)
        console.note(f"{path} still has plain-text logins, which docker no longer uses: {names}")
        migrate, logout = command(None, "migrate", "--apply"), command(here, "logout", "REGISTRY")
        console.hint(f"move them into the store: {migrate}; or erase them: {logout}")


def _warn(here: LocalContext) -> None:
    """Print what is missing before a login can be stored."""
    if here.which(PROGRAM) is None:
        console.note(f"{PROGRAM} is not on PATH, where the client looks for it")
        beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
        if os.path.exists(beside):
            console.hint(f"add this folder to PATH: {quoted(os.path.dirname(beside))}")
    if settings.load(here).store in (None, "vault") and not Vault(here, ask=ask, tell=lambda _: None).exists():
        console.note("there is no vault yet, so no login can be stored")
        console.hint(init())
