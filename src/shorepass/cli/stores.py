"""``shorepass stores``: the stores, which of them work here, and which one is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.cli import console
from shorepass.cli.flags import check_action
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.terminal import ask
from shorepass.errors import ShorepassError, StoreMissing, UsageError
from shorepass.logins.helper_entry import naming
from shorepass.profile import current
from shorepass.stores.in_use import DEFAULT, named, use_what_works
from shorepass.stores.survey import survey

if TYPE_CHECKING:
    import argparse

    from shorepass.stores.survey import Found

EXAMPLES = """\
shorepass stores                    # every store: whether it works here, and what makes it work
shorepass stores --json | jq -r '.stores[] | select(.state == "works") | .name'
shorepass stores use keychain       # store logins there from now on
shorepass stores use helper:pass
"""
NOTES = """\
Shorepass tests the keychain and every helper on PATH: it writes, reads and erases a random entry.
The store in use is the one that config.toml names, else the vault.
"""
COLOURS = {"works": "green", "broken": "red", "no answer": "red"}  # of a state; all others are warnings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "action", nargs="?", choices=("use",), metavar="ACTION", help="use: set the store; without: list the stores"
    )
    parser.add_argument("store", nargs="?", metavar="STORE", help="vault, keychain, helper:NAME; file: plain text")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """List the stores, or set one."""
    check_action(arguments, {"json": (None,)})
    here = current()
    if arguments.action == "use":
        if not arguments.store:
            raise UsageError("no store was named", hint=command(None, "stores"))
        return _use(here, arguments.store)

    found = survey(here)
    (_print_json if arguments.json else _print_table)(found)
    return 0


def _use(here: LocalContext, name: str) -> int:
    """Set the store if it works. Raises ShorepassError: it does not; then nothing is changed."""
    before = settings.load(here).store or DEFAULT
    if name == DEFAULT:
        named(name, here, ask=ask, tell=lambda _: None).list()  # it must have been made, and open
    use_what_works(here, name, ask=ask, tell=lambda _: None)
    console.out(f"{settings.path_of(here)}: the store is {name}")
    if before != name and (left := _logins(here, before)):
        console.note(f"{left} in {before}, but docker-credential-shorepass no longer uses it")
    if name == "file" and naming(here):
        console.note("clients' files still name docker-credential-shorepass")
        console.hint(command(None, "helper", "uninstall", "--all"))
    return 0


def _logins(here: LocalContext, name: str) -> str:
    """Return how many logins remain in a store, in words; ``""`` if it has none."""
    if name == "file":
        return ""  # docker's own logins
    try:
        count = len(named(name, here, ask=ask, tell=lambda _: None).list())
    except StoreMissing:
        return ""
    except ShorepassError:  # locked, perhaps until the user comes back to the desktop
        return "logins remain"
    if not count:
        return ""
    return "1 login remains" if count == 1 else f"{count} logins remain"


def _print_table(found: list[Found]) -> None:

    rows: list[list[str | console.Painted]] = []
    for store in found:
        used = " (in use)" if store.in_use else ""
        state = console.Painted(store.state, COLOURS.get(store.state, "yellow"))
        rows.append([store.name + used, state, store.detail, store.fix])
    console.print_table(["STORE", "STATE", "WHERE, OR WHY NOT", "TO MAKE IT WORK"], rows)


def _print_json(found: list[Found]) -> None:
    console.print_document({"stores": [store._asdict() for store in found]})
