"""``shorepass who``: all logins, in one context or in every context of this machine."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.cli import console, flags
from shorepass.contexts.command import as_root
from shorepass.contexts.discovery import KINDS, discover
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.contexts.place import Place
from shorepass.errors import (
    ContextError,
    FileError,
    ShorepassError,
    SourceError,
    UsageError,
    WriteError,
    printable,
    trouble_in,
    without_user_info,
)
from shorepass.foreign_text import quoted
from shorepass.profile import current, unlock
from shorepass.who.check import check
from shorepass.who.document import date, described, document, sentence, shares_of, unseen
from shorepass.who.examine import look
from shorepass.who.lent import lent
from shorepass.who.login import BROKEN, State
from shorepass.who.map import page
from shorepass.who.sharing import with_shares

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.contexts import Context
    from shorepass.who.lent import Lent
    from shorepass.who.login import Login, Looked

EXAMPLES = """\
shorepass who                                # you, and you with sudo
sudo "$(command -v shorepass)" who --all     # every user, container and virtual machine
shorepass who --in docker:web --in user:bob
shorepass who --check                        # also asks the registries, once for each credential
shorepass who --html who.html                # a map: one page that needs no network
shorepass who --json | jq '.logins[] | select(.plain_text)'
"""
NOTES = """\
Shorepass shows no secret. A row names every client that uses the login; podman also means skopeo and buildah.

exit codes: 0 done; 1 with --check: a registry refuses a login, or is unreachable; 2 the command line is wrong;
3 a source is broken, or Shorepass cannot look into a context that --in names (the output has the other contexts)
"""

FAILED = BROKEN | {State.REFUSED, State.UNREACHABLE, State.EXPIRED}
# The state is also a word in each row: a color never says something alone. A login that was not checked has no color.
COLOURS = {
    State.WORKS: "green",
    **dict.fromkeys((State.UNREACHABLE, State.LOCKED), "yellow"),
    **dict.fromkeys((*BROKEN, State.REFUSED, State.EXPIRED), "red"),
}
GRANT_HEADINGS = ["GRANT", "LENT BY", "LENT TO", "MODE", "REGISTRIES", "UNTIL", "LAST USE"]
OWN_KINDS = ("sudo",)  # what belongs to this user, and costs little to look at


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--all", action="store_true", help="every context of this machine")
    flags.add_places_flag(where)
    parser.add_argument("--check", action="store_true", help="ask the registries whether the logins work")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document")
    form.add_argument("--html", metavar="FILE", help="write a map into this file (- is standard output)")
    flags.add_registry_flags(parser, timeout="for all registries together, with --check")


def run(arguments: argparse.Namespace) -> int:
    """Print one row per login."""
    here, now = current(), time.time()
    places = _places(arguments, here)
    if any(place.name == here.name for place in places):
        with suppress(SourceError):  # the rows of the logins show the error
            unlock(here)
    looked = look(places, now=now)
    if arguments.check:
        looked = check(looked, flags.access(arguments), seconds=arguments.timeout, now=now)
    looked = with_shares(looked)
    if arguments.all and here.uid:
        console.note("other users are not shown: only root can look into them")
        console.hint(as_root("who", "--all"))
    grants = _grants(here, looked, now)
    if arguments.html:
        _draw(looked, grants, arguments.html, now, here)
    elif arguments.json:
        console.print_document(document(looked, grants))
    else:
        _print_text(looked, grants)
    if not arguments.json:
        _print_unseen(looked, named=bool(arguments.places))
        console.say(sentence(looked))
    states = {login.state for login in chain.from_iterable(found.logins for found in looked)}
    if states & BROKEN or (arguments.places and any(found.trouble for found in looked)):
        return 3  # of contexts that --in does not name, what cannot be looked into is a note
    return 1 if states & {State.REFUSED, State.UNREACHABLE} else 0


def _places(arguments: argparse.Namespace, here: LocalContext) -> list[Place]:
    """Return the contexts that the flags name. Raises UsageError."""
    if arguments.places:
        return [_named(name, here) for name in dict.fromkeys(arguments.places)]
    kinds = KINDS if arguments.all else OWN_KINDS
    return discover(here, kinds=kinds)


def _named(name: str, here: LocalContext) -> Place:
    """Return the context of that name. Raises UsageError: no context has such a name."""
    try:
        context: Context = find(name, here)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, the other contexts are shown
        trouble = trouble_in(name, error)
        return Place(name, trouble=trouble.reason, hint=trouble.hint)
    return Place(name, open=lambda: context)


def _grants(here: LocalContext, looked: Sequence[Looked], now: float) -> list[Lent]:
    """Return the grants to show. A broken file of the grants hides no login."""
    try:
        return lent(here, looked, now=now)
    except SourceError as error:
        _print_detail(error, is_error=False)
        return []


def _draw(looked: Sequence[Looked], grants: Sequence[Lent], path: str, now: float, here: LocalContext) -> None:
    """Write the map. Raises WriteError."""
    drawn = page(looked, grants, now=now, host=here.host_name(), user=here.user_name())
    if path == "-":
        console.data(drawn.encode() + b"\n")
    else:
        try:
            files.update(path, lambda _: drawn.encode(), own=True)
        except FileError as error:  # an error of a written file, not of a source
            raise WriteError(path, error.reason) from None
        _say_how_to_open(here, path)


def _say_how_to_open(here: LocalContext, path: str) -> None:
    """Print that the map is written, and how to open it: also for the user behind sudo, who cannot read root's file."""
    written = os.path.abspath(path)
    console.say(f"wrote {written}: open it in a browser: {Path(written).as_uri()}")
    uid, gid = here.getenv("SUDO_UID"), here.getenv("SUDO_GID")
    if here.uid == 0 and uid and gid and uid != "0":
        console.hint(f"only root can read it: sudo chown {quoted(f'{uid}:{gid}')} {quoted(written)}")


def _print_text(looked: Sequence[Looked], grants: Sequence[Lent]) -> None:

    logins = list(chain.from_iterable(found.logins for found in looked))
    if logins:
        headings = ["CONTEXT", "CLIENT", "REGISTRY", "USER", "KIND", "STORED IN", "STATE"]
        rows = [_row(login) for login in logins]
        ends = list(map(_end, logins))
        if any(ends):
            headings.append("EXPIRES")
            rows = [[*row, end] for row, end in zip(rows, ends, strict=True)]
        console.print_table(headings, rows)
    for share in shares_of(looked):
        console.out(described(share))
    if grants:
        console.print_table(GRANT_HEADINGS, [_grant_row(one) for one in grants])
    details = dict.fromkeys((_words(login), login.hint, login.state in FAILED) for login in logins if login.detail)
    for words, hint, is_error in details:
        _print_detail(ShorepassError(words, hint=hint), is_error=is_error)
    for found in looked:
        for note in found.notes:
            console.note(f"{found.place.name}: {note}")


def _print_unseen(looked: Sequence[Looked], *, named: bool) -> None:
    """Print which contexts could not be looked into, each reason once: an error where ``--in`` named them."""
    for (trouble, hint), names in unseen(looked).items():
        reason = trouble if named else f"not looked at: {trouble}"
        error = ContextError(", ".join(map(printable, names)), printable(reason), hint=hint)
        _print_detail(error, is_error=named)


def _print_detail(detail: ShorepassError, *, is_error: bool) -> None:
    """Print why something is as it is: an error, or else a note."""
    if is_error:
        console.print_error(detail)
        return
    console.note(detail.message)
    if detail.hint:
        console.hint(detail.hint)


def _words(login: Login) -> str:
    """Return the detail of a login, after its config key; the detail of a broken source names the file itself."""
    # the text may be from another user's context
    return login.detail if login.state in BROKEN else f"{without_user_info(login.key)}: {login.detail}"


def _end(login: Login) -> str:
    """Return when a login ends, "" if it has no known end."""
    ends = [date(login.expires)] if login.expires is not None else []
    if login.until_restart:
        ends.append("at restart")
    return ", ".join(ends)


def _row(login: Login) -> list[str | console.Painted]:

    return [
        login.context,
        ", ".join(login.clients),
        without_user_info(login.key),
        login.user,
        login.kind,
        login.stored_in,
        console.Painted(login.state.value, COLOURS.get(login.state, "")),
    ]


def _grant_row(one: Lent) -> list[str | console.Painted]:
    unused = "never" if one.grant.is_seen else "not seen"
    last = date(one.last_use) if one.last_use is not None else unused
    targets = ", ".join(map(printable, one.targets))
    return [one.grant.id, one.lender, targets, one.grant.mode, ", ".join(one.subject), date(one.grant.until), last]
