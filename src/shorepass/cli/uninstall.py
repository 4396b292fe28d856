"""``shorepass uninstall``: leave docker and podman as they were, before the program is removed."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from shorepass import files as disk
from shorepass.acceleration import front
from shorepass.agent.process import stop
from shorepass.agent_client.client import AgentFails, NoAgent
from shorepass.cli import console, flags
from shorepass.cli.ending import end
from shorepass.cli.flags import here_with_files
from shorepass.cli.revoke import restore_there
from shorepass.contexts.command import command
from shorepass.contexts.own_installation import command_to_remove
from shorepass.contexts.terminal import ask
from shorepass.errors import (
    MalformedFile,
    ShorepassError,
    SourceError,
    StoreError,
    StoreMissing,
    UsageError,
    WriteError,
    printable,
    without_user_info,
)
from shorepass.fixes.preview import preview
from shorepass.fixes.repair import Edit
from shorepass.grants import file, folder
from shorepass.grants.relays import has_live_relay
from shorepass.helper.protocol import program_name
from shorepass.migration import uninstall
from shorepass.share.vscode_helper import places
from shorepass.stores.in_use import chosen
from shorepass.stores.vault.document import Document, encode
from shorepass.stores.vault.vault import Vault

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.acceleration.front import State
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant
    from shorepass.migration.uninstall import Change, Rest
    from shorepass.stores import Store

EXAMPLES = """\
shorepass uninstall                        # shows each change and what remains, and asks
shorepass uninstall --keep                 # leaves the logins in the vault
shorepass uninstall --export logins.json   # first writes the logins into a file, in plain text
shorepass uninstall --delete --yes         # deletes the vault, its keys, and Shorepass's other files
shorepass uninstall --to file              # writes the logins into docker's and podman's own files, in plain text
"""
NOTES = """\
Each file gets back what was in it before Shorepass. If logins are stored, you must choose one of --keep, --export, --delete and
--to, because no client finds them without Shorepass. --json without --yes changes nothing.

exit codes: 0 done; 1 something still names Shorepass; 2 the command line is wrong; 3 a file or the store is broken
"""

FATES = "--keep, --export FILE, --delete, or --to file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    fate = parser.add_mutually_exclusive_group()
    fate.add_argument("--keep", action="store_true", help="leave the stored logins where they are")
    fate.add_argument("--delete", action="store_true", help="delete the vault, its keys, and Shorepass's other files")
    fate.add_argument(
        "--to",
        choices=("file",),
        metavar="STORE",
        help="file: write the logins into the clients' own files, in plain text",
    )
    parser.add_argument(
        "--export", metavar="FILE", help="first write the stored logins into this new file, in plain text"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    flags.add_file_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the changes, ask, and make them."""
    here = here_with_files(arguments)
    store = chosen(here, ask=ask, tell=console.note)
    names = _names(arguments, store)
    changes = uninstall.changes(here, uninstall.default_keys(names))
    forwarders = front.states(here)
    grants = _grants(here)
    if arguments.to:
        changes = [_with_logins(change, store) for change in changes]
    if arguments.json and not arguments.yes:
        _print_json(arguments, here, "planned", changes, forwarders, grants, names, [], [])
        return 0
    if not arguments.json:
        _show(here, changes, forwarders, grants)
    _require_fate(arguments, store, names)
    if not arguments.yes:
        _confirm([*changes, *forwarders, *grants], arguments)
    if arguments.export:
        _export(here, arguments.export, store, names)
    failed = _remove_forwarders(here, forwarders, quiet=arguments.json)
    failed += _take_out(here, changes, quiet=arguments.json)
    _end_grants(here, grants, quiet=arguments.json)
    _stop_agent(here)
    deleted = _delete(arguments, here, store, names) if not failed else []
    if arguments.json:
        _print_json(arguments, here, "removed", changes, forwarders, grants, names, deleted, failed)
    else:
        _print_rest(here, deleted, failed)
    return int(bool(failed) or bool(uninstall.require_removed(here)))


def _names(arguments: argparse.Namespace, store: Store) -> dict[str, str]:
    """Return what the store in use lists; nothing of one that is not there, or stays as it is without being opened."""
    try:
        return store.list()
    except StoreMissing:
        return {}
    except StoreError as error:
        if arguments.keep and not arguments.export:
            return {}
        error.hint = f"{error.hint or 'open it'}; or leave it: {command(None, 'uninstall', '--keep')}"
        raise


def _with_logins(change: Change, store: Store) -> Change:

    logins, _ = uninstall.logins_of(change, store)
    return change._replace(logins=logins)


def _grants(here: LocalContext) -> list[Grant]:
    """Return what is lent; nothing if the file is broken, because then no grant counts."""
    try:
        return list(file.load(here).values())
    except SourceError:
        return []


def _show(here: LocalContext, changes: Sequence[Change], forwarders: Sequence[State], grants: Sequence[Grant]) -> None:

    for grant in grants:
        lent = ", ".join(grant.repositories or grant.registries)
        console.out(f"end the grant {grant.id}: {printable(grant.target)} has {lent}")
    for state in forwarders:
        console.out(f"remove {state.link}: the forwarder of {printable(program_name(state.name))}")
    for change in changes:
        summary = f"remove Shorepass from {change.path}"
        console.out_lines(preview(Edit(here, change.path, change.edit, summary)))
    if not changes and not forwarders and not grants:
        console.out("no file names Shorepass")


def _require_fate(arguments: argparse.Namespace, store: Store, names: dict[str, str]) -> None:
    """Raise UsageError where logins are stored, and nothing says what becomes of them."""
    if names and not (arguments.keep or arguments.delete or arguments.to or arguments.export):
        count = "1 login" if len(names) == 1 else f"{len(names)} logins"
        raise UsageError(
            f"{store.name} has {count} that no client finds without Shorepass: nothing was changed",
            hint=f"{command(None, 'uninstall')} with one of {FATES}",
        )
    if arguments.delete and store.name.startswith("helper:"):
        reason = f"what docker-credential-{store.name.partition(':')[2]} stores is not Shorepass's alone"
        raise UsageError(reason, hint=command(None, "uninstall", "--keep"))


def _confirm(changes: Sequence[Change | State | Grant], arguments: argparse.Namespace) -> None:

    if not changes and not arguments.delete and not arguments.export:
        return
    if not sys.stdin.isatty():
        raise UsageError("not a terminal: nothing was changed", hint="--yes skips the question")
    also = ", and delete the vault with its keys" if arguments.delete else ""
    if not console.agrees(f"remove Shorepass from these files{also}? [y/N]: "):
        raise UsageError("nothing was changed")


def _export(here: LocalContext, path: str, store: Store, names: dict[str, str]) -> None:
    """Write every login of a store into a new file. Raises SourceError, WriteError."""
    found = Document({}, ())
    for key in names:
        found = found.with_login(key, store.get(key))

    def edit(content: disk.FileContent | None) -> bytes | None:
        if content is not None:
            raise WriteError(path, "the file already exists")
        return encode(found)

    disk.update(path, edit, owner=here.home_owner(path))


def _remove_forwarders(here: LocalContext, forwarders: Sequence[State], *, quiet: bool) -> list[ShorepassError]:
    """Remove the forwarder from in front of each helper, and return the errors."""
    failed = []
    for state in forwarders:
        try:
            front.remove(here, state.name)
        except ShorepassError as error:
            failed.append(error)
            continue
        if not quiet:
            console.out(f"{state.link}: removed the forwarder")
    return failed


def _end_grants(here: LocalContext, grants: Sequence[Grant], *, quiet: bool) -> None:
    """End all grants, and remove their folders, also those that are left over."""
    with suppress(MalformedFile):
        end(here, grants)
    for grant in grants:
        if not quiet:
            console.out(f"ended the grant {grant.id}")
    relayed = {grant.target for grant in grants if has_live_relay(grant)}  # a relay that runs restores by itself
    for place in places(here):
        if place not in relayed:
            restore_there(here, place)
    folder.sweep(here, ())
    disk.remove_folder(folder.folders_of(here))


def _stop_agent(here: LocalContext) -> None:
    """Stop the agent, because it is a program of this installation, and holds its logins."""
    try:
        stop(here)
    except (NoAgent, AgentFails):
        return  # an agent of another installation may speak another version


def _take_out(here: LocalContext, changes: Sequence[Change], *, quiet: bool) -> list[ShorepassError]:

    failed = []
    for change in changes:
        try:
            uninstall.take_out(here, change)
        except ShorepassError as error:
            failed.append(error)
            continue
        if not quiet:
            console.out(f"{change.path}: removed Shorepass")
    if not failed:
        uninstall.forget(here)
    return failed


def _delete(arguments: argparse.Namespace, here: LocalContext, store: Store, names: dict[str, str]) -> list[str]:
    """Delete what is stored, where that was asked for; return what was deleted."""
    if not arguments.delete:
        return []
    if store.name != "vault":
        for key in names:
            store.erase(key)
    return uninstall.delete_vault(here, Vault(here, ask=ask, tell=console.note))


def _rests(here: LocalContext) -> list[Rest]:

    return uninstall.what_stays(here, Vault(here, ask=ask, tell=console.note))


def _print_rest(here: LocalContext, deleted: Sequence[str], failed: Sequence[ShorepassError]) -> None:

    for path in deleted:
        console.out(f"deleted {path}")
    for rest in _rests(here):
        console.out(f"remains: {rest.path}: {rest.what}")
    for error in failed:
        console.print_error(error)
    if not failed:
        console.say("now remove the program:")
        console.say(f"  {command_to_remove()}")


def _print_json(
    arguments: argparse.Namespace,
    here: LocalContext,
    state: str,
    changes: Sequence[Change],
    forwarders: Sequence[State],
    grants: Sequence[Grant],
    names: dict[str, str],
    deleted: Sequence[str],
    failed: Sequence[ShorepassError],
) -> None:
    """Print one document. What is documented in docs/reference/json.md stays."""
    files = [
        {
            "path": change.path,
            "members": [without_user_info(".".join(one.place.member)) for one in change.named],
            "plain_text_keys": [without_user_info(key) for key in change.logins],
        }
        for change in changes
    ]
    document = {
        "state": state,
        "files": files,
        "forwarders": [one.link for one in forwarders],
        "grants": [grant.id for grant in grants],
        "login_count": len(names),
        "exported": arguments.export if state == "removed" else None,
        "deleted": list(deleted),
        "errors": [error.message for error in failed],
        "stays": [rest._asdict() for rest in _rests(here)],
        "remove": command_to_remove(),
    }
    console.print_document(document)
