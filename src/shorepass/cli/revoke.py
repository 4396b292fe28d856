"""``shorepass revoke``: end grants at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.ending import end, sweep
from shorepass.contexts.command import command
from shorepass.errors import SourceError, UsageError, printable
from shorepass.grants import file
from shorepass.grants.relays import has_dead_relay
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext

__all__ = ["restore_there"]

EXAMPLES = """\
shorepass revoke 1a2b3c4d
shorepass revoke --all
shorepass revoke --all --json
"""
NOTES = """\
Open connections of the grant are closed. A container that has read a login still has it: to end that,
change the password or token at the registry.

exit codes: 0 done; 2 the command line is wrong, or there is no such grant
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("grants", nargs="*", metavar="GRANT", help="the id of a grant (see shorepass grants)")
    parser.add_argument("--all", action="store_true", help="end every grant")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """End them."""
    here = current()
    known = file.load(here)
    wanted = list(known) if arguments.all else list(dict.fromkeys(arguments.grants))
    if not wanted and not arguments.all:
        raise UsageError("no grant was named", hint=command(None, "grants"))
    unknown = [id_ for id_ in wanted if id_ not in known]
    if unknown:
        raise UsageError(f"there is no grant {', '.join(map(printable, unknown))}", hint=command(None, "grants"))
    if wanted:
        end(here, [known[id_] for id_ in wanted])
    sweep(here, set(known) - set(wanted))
    for id_ in wanted:
        if has_dead_relay(known[id_]):
            restore_there(here, known[id_].target)
    if arguments.json:
        console.print_document({"grants": wanted})
        return 0
    for id_ in wanted:
        console.out(f"revoked the grant {id_}")
    if not wanted:
        console.out("nothing is lent")
    return 0


def restore_there(here: LocalContext, target: str) -> None:
    """Restore what a relay that was killed has changed in a container; print why that is not possible."""
    # Here, because it brings HTTP, and the end of a grant does not wait for that.
    from shorepass.share.vscode_helper import restore

    try:
        restore(here, target)
    except SourceError as error:
        console.note(error.message)
