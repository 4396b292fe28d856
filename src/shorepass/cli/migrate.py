"""``shorepass migrate``: move logins from plain text or from another helper into the store, and back."""

from __future__ import annotations

import os
import sys
from itertools import chain
from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.accounts.keys import split
from shorepass.cli import console, flags
from shorepass.cli.flags import ClientNames, clients_of_files, here_with_files
from shorepass.client_table import program_of
from shorepass.clients import FAMILIES
from shorepass.contexts.command import command
from shorepass.contexts.terminal import ask, nobody
from shorepass.credential import Basic, IdentityToken
from shorepass.errors import ShorepassError, UsageError, without_user_info
from shorepass.foreign_text import quoted, visible
from shorepass.helper import PROGRAM
from shorepass.helper.protocol import program_name
from shorepass.logins.helper_entry import naming
from shorepass.logins.placement import PLAIN
from shorepass.migration.journal import Journal
from shorepass.migration.move import Done, move, moving
from shorepass.migration.other_helper import helper_moving, move_from_helper, plan_helper, undo_to_helper
from shorepass.migration.sources import plan
from shorepass.migration.undo import undo as undo_moves
from shorepass.stores.in_use import DEFAULT, choose, named, use_what_works
from shorepass.stores.vault.vault import Vault

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext
    from shorepass.migration.journal import Moved
    from shorepass.stores import Store

EXAMPLES = """\
shorepass migrate                        # prints the plain-text logins of docker and podman that can move; changes nothing
shorepass migrate --apply
shorepass migrate --undo                 # reverts the last migration
shorepass migrate --from pass --apply    # the logins of docker-credential-pass
"""
NOTES = """\
After this, docker and podman ask docker-credential-shorepass, and send the same logins as before. Shorepass removes a secret
from a file only after it has read the secret back from the store. If a run is interrupted, no login is lost: run --apply again.

exit codes: 0 done; 1 a login remains in plain text; 2 the command line is wrong; 3 a file, the store or the helper is broken
"""
NOTHING = "no login is in plain text"
NOTHING_TO_UNDO = "nothing to undo: no migration is known here"
MANY = 20  # logins; storing as many takes a second


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--apply", action="store_true", help="move the logins; without it nothing is changed")
    undo = "revert a migration; without NAME: the last one"
    what.add_argument("--undo", nargs="?", const="", metavar="NAME", help=undo)
    helper = "move the logins of docker-credential-HELPER instead"
    parser.add_argument("--from", dest="helper", metavar="HELPER", help=helper)
    store = "the store that must be in use, or that is used from now on: vault, keychain, helper:NAME"
    parser.add_argument("--to", metavar="STORE", help=store)
    client = "only the files of this client (default: docker and podman)"
    parser.add_argument("--client", choices=ClientNames(FAMILIES), help=client)
    flags.add_file_flags(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print what would move, move it, or move it back."""
    here = here_with_files(arguments)
    if arguments.undo is not None:
        if arguments.helper or arguments.to or arguments.client:
            raise UsageError("--undo cannot be combined with --from, --to or --client")
        return _undo(arguments, here)
    return _migrate(arguments, here)


def _migrate(arguments: argparse.Namespace, here: LocalContext) -> int:

    _warn_of_missing(arguments)
    store = _Chosen(arguments, here)
    if not arguments.apply:
        return _plan_or_move(arguments, here, store)
    store.make()
    with Journal(here).alone():
        return _plan_or_move(arguments, here, store)


def _warn_of_missing(arguments: argparse.Namespace) -> None:
    """Warn of a file that a flag names and that does not exist: it may be a typo."""
    config = arguments.config and os.path.join(arguments.config, "config.json")
    for path in (arguments.authfile, config):
        if path and not os.path.lexists(path):
            _tell(f"{path}: the file does not exist")


def _plan_or_move(arguments: argparse.Namespace, here: LocalContext, store: _Chosen) -> int:

    there = store.open() if store.is_made else None
    if arguments.helper is not None:
        return _from_helper(arguments, here, store, there)
    planned = plan(here, _clients(arguments), there)
    if not arguments.apply:
        return _say(arguments, "planned", store.label, Done(None, moving(planned), planned.stays))
    return _say(arguments, "moved", store.label, move(here, planned, store.open, _step))


def _from_helper(arguments: argparse.Namespace, here: LocalContext, store: _Chosen, there: Store | None) -> int:

    if arguments.client:
        raise UsageError("--from and --client exclude each other: --from moves the logins of every client")
    planned = plan_helper(here, arguments.helper, there)
    state, done = "planned", Done(None, helper_moving(planned), planned.stays)
    if arguments.apply:
        state, done = "moved", move_from_helper(here, planned, store.open, _step)
    status = _say(arguments, state, store.label, done, planned.helper)
    if done.moved and not planned.places and not naming(here):
        _tell(f"no file names {program_name(planned.helper)}, so no client asks for these logins; to use them:")
        console.hint(command(None, "helper", "install"))
    return status


class _Opener:
    """Opens a store each time, but asks for a passphrase only once."""

    def __init__(self, here: LocalContext, name: str) -> None:
        self.name = name
        self._here = here
        self._typed: dict[str, str] = {}

    def open(self) -> Store:
        """Open it. Raises UsageError."""
        return named(self.name, self._here, ask=self._ask, tell=_tell)

    def _ask(self, prompt: str) -> str:

        if prompt not in self._typed:
            self._typed[prompt] = ask(prompt)
        return self._typed[prompt]


class _Chosen(_Opener):
    """The store that docker-credential-shorepass uses. Raises UsageError: not one to move logins to."""

    def __init__(self, arguments: argparse.Namespace, here: LocalContext) -> None:

        name = settings.load(here).store
        super().__init__(here, name or DEFAULT)
        self.is_made = name not in (None, DEFAULT) or self._vault_exists()
        self._wanted = arguments.to if not self.is_made and name is None else None
        if arguments.to is not None:
            named(arguments.to, here, ask=self._ask, tell=_tell)  # raises if there is no such store
        if PLAIN in (self.name, arguments.to):
            raise UsageError(f"the store {PLAIN} is plain text", hint=command(None, "stores", "use", "vault"))
        if arguments.to not in (None, self.name) and not self._wanted:
            reason = f"docker-credential-shorepass uses the store {self.name}, so no client would find a login there"
            raise UsageError(reason, hint=command(None, "stores", "use", arguments.to))
        wanted = self._wanted or "a new store"
        self.label = self.name if self.is_made or name else wanted

    def _vault_exists(self) -> bool:

        return Vault(self._here, ask=self._ask, tell=_tell).exists()

    def make(self) -> None:
        """Create the store if it is missing, and check that clients find Shorepass.

        Raises UsageError, SourceError, WriteError.
        """
        if self._here.which(PROGRAM) is None:
            raise UsageError(
                f"{PROGRAM} is not on PATH, where the clients look for it",
                hint=f"add its folder to PATH, as in: {quoted(os.path.dirname(sys.executable))}",
            )
        if self._wanted:
            use_what_works(self._here, self._wanted, ask=self._ask, tell=_tell)
        if not self.is_made:
            self.name = self.label = choose(self._here, ask=self._ask, tell=_tell).name
            self.is_made = True


def _tell(text: str) -> None:
    console.note(text)


def _clients(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the clients whose files move: the named client, those of the named files, else docker and podman."""
    if arguments.client:
        return (program_of(arguments.client),)
    return tuple(clients_of_files(arguments) or FAMILIES)


def _undo(arguments: argparse.Namespace, here: LocalContext) -> int:

    journal = Journal(here)
    if not journal.names():
        raise UsageError(NOTHING_TO_UNDO)
    with journal.alone():
        names = journal.names()
        if not names:
            raise UsageError(NOTHING_TO_UNDO)  # another process has done it
        name = arguments.undo or names[-1]
        record = journal.read(name)
        take_back = undo_to_helper if record.helper else undo_moves
        done = take_back(here, name, record, _Opener(here, record.store).open)
        if not record.helper:
            keys = {*chain.from_iterable(one.under for one in done.moved)}
            _warn_of_accounts(here, record.store, keys)
    return _say(arguments, "undone", record.store, done, record.helper or None)


def _warn_of_accounts(here: LocalContext, store: str, keys: set[str]) -> None:
    """Print which accounts clients no longer use, because the files no longer name Shorepass for these keys."""
    try:
        names = named(store, here, ask=nobody, tell=_tell).list() if keys else {}
    except ShorepassError:
        return  # a locked store: print nothing
    for key, account in map(split, names):
        if account and key in keys:
            _tell(
                f"the account {account} has a login for {key}, but clients no longer ask Shorepass for it; "
                f"to use it: {command(None, 'run', '--as', account)}"
            )


def _step(done: int, of: int) -> None:
    """Show the progress on a terminal, if there are many logins."""
    if of >= MANY:
        console.count(done, of, "stored")


def _say(arguments: argparse.Namespace, state: str, store: str, done: Done, helper: str | None = None) -> int:
    """Print what was planned or done, and return the exit code for it. ``helper``: whose logins these are."""
    if arguments.json:
        _print_json(state, store, done, helper)
    else:
        _print_text(state, store, done, helper)
    if any(stay.broken for stay in done.stays):
        return 3
    return 1 if done.stays else 0


def _print_json(state: str, store: str, done: Done, helper: str | None) -> None:
    """Print one document. What is documented in docs/reference/json.md stays."""
    source = f"docker-credential-{helper}"
    moved = [
        {
            "key": one.key,
            "user": user or None,
            "kind": kind,
            "stored_in": one.path or source,
            "path": one.path or None,
            "store_keys": list(one.under),
        }
        for one, user, kind in _rows(done)
    ]
    stays = [
        {
            **stay._asdict(),
            "path": stay.path or None,
            "key": without_user_info(stay.key) or None,
            "reason": visible(stay.reason),
            "hint": stay.hint and visible(stay.hint),
        }
        for stay in done.stays
    ]
    names = {"migration": done.name, "store": store, "helper": helper}
    document = {"state": state, **names, "logins": moved, "stays": stays}
    console.print_document(document)


def _print_text(state: str, store: str, done: Done, helper: str | None) -> None:

    becomes = {"planned": f"moves to {store}", "moved": f"moved to {store}", "undone": "moved back"}[state]
    source = f"docker-credential-{helper}"
    rows = [(one.key, user, kind, one.path or source, becomes) for one, user, kind in _rows(done)]
    for stay in done.stays:
        if stay.key:
            rows.append((without_user_info(stay.key), "", "", stay.path or source, f"remains: {stay.reason}"))
        else:
            console.print_error(ShorepassError(f"{stay.path}: {stay.reason}"))
    if rows:
        console.print_table(("REGISTRY", "USER", "KIND", "STORED IN", "STATE"), rows)
    nothing = f"{source} has no login" if helper else NOTHING
    console.out(_summary(state, store, done) or nothing)
    for hint in dict.fromkeys(stay.hint for stay in done.stays if stay.hint):
        console.hint(hint)
    if state == "planned" and done.moved:
        source_flags = ("--from", helper) if helper else ()
        console.hint(command(None, "migrate", *source_flags, "--apply"))


def _summary(state: str, store: str, done: Done) -> str:
    """Return ``2 logins can move to vault, 1 remains``."""
    count, left = len(done.moved), len(done.stays)
    said = {"planned": f"can move to {store}", "moved": f"moved to {store}", "undone": f"moved back from {store}"}[
        state
    ]
    if not count and not left:
        return "nothing is left to undo" if state == "undone" else ""
    text = f"1 login {said}" if count == 1 else f"{count} logins {said}"
    if left:
        text += ", 1 remains" if left == 1 else f", {left} remain"
    undo = command(None, "migrate", "--undo")
    return f"{text}; to undo: {undo}" if state == "moved" and count else text


def _rows(done: Done) -> list[tuple[Moved, str, str]]:

    rows = []
    for one, login in done.moved.items():
        user = login.username if isinstance(login, Basic | IdentityToken) else ""
        kind = "identity token" if isinstance(login, IdentityToken) else "password"
        rows.append((one, user, kind))
    return rows
