"""``shorepass who``: everybody who is logged in, in one place or in all of this machine."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.contexts import Context, Place
    from shorepass.contexts.local import LocalContext
    from shorepass.who.login import Login, Looked

EXAMPLES = """\
examples:
  shorepass who                                me, and what sudo makes of me
  sudo shorepass who --all                     every user, container and virtual machine
  shorepass who --in docker:web --in user:bob  these places
  shorepass who --json | jq '.logins[] | select(.plain_text)'

No secret is shown. A login stands for every client that reads it; podman stands for skopeo and buildah too.
exit codes: 0 done; 3 a source is broken, or a place is out of reach (the rest is shown all the same)
"""

OWN_KINDS = ("sudo",)  # what belongs to this user, and costs little to look at


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--all", action="store_true", help="everybody and everything on this machine")
    parser.add_argument(
        "--in",
        dest="places",
        action="append",
        default=[],
        metavar="CONTEXT",
        help="this place: me, user:NAME, sudo, docker:NAME, ssh:HOST ...; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print one row a login."""
    import time

    from shorepass.contexts.local import LocalContext
    from shorepass.who.gather import look
    from shorepass.who.login import BROKEN

    looked = look(_places(arguments, LocalContext.current()), now=time.time())
    if arguments.json:
        _print_json(looked)
    else:
        _print_text(looked)
    broken = any(found.trouble or any(login.state in BROKEN for login in found.logins) for found in looked)
    return 3 if broken else 0


def _places(arguments: argparse.Namespace, here: LocalContext) -> list[Place]:
    """Return the places that the flags mean. Raises UsageError."""
    from shorepass.contexts.discovery import KINDS, discover
    from shorepass.errors import UsageError

    if arguments.all and arguments.places:
        raise UsageError("--all and --in exclude each other")
    if arguments.places:
        return [_named(name, here) for name in dict.fromkeys(arguments.places)]
    return discover(here, kinds=KINDS if arguments.all else OWN_KINDS)


def _named(name: str, here: LocalContext) -> Place:
    """Return the place of that name. Raises UsageError: there is no such form."""
    from shorepass.contexts import Place
    from shorepass.contexts.find import find
    from shorepass.errors import ContextError

    try:
        context: Context = find(name, here)
    except ContextError as error:
        return Place(name, trouble=error.reason)
    return Place(name, open=lambda: context)


def _print_json(looked: Sequence[Looked]) -> None:
    import json

    from shorepass.who.document import document

    print(json.dumps(document(looked), indent=2))


def _print_text(looked: Sequence[Looked]) -> None:
    from shorepass.cli.console import print_table

    rows = [_row(login) for found in looked for login in found.logins]
    if rows:
        print_table(["CONTEXT", "CLIENTS", "KEY", "ACCOUNT", "KIND", "RESTS IN", "STATE"], rows)
    for found in looked:
        if found.trouble:
            print(f"shorepass: {found.place.name}: {found.trouble}", file=sys.stderr)
    print(_sentence(looked), file=sys.stderr)


def _row(login: Login) -> list[str]:
    rests = f"docker-credential-{login.helper}" if login.helper else login.path
    state = f"{login.state.value}: {login.detail}" if login.detail else login.state.value
    return [login.context, ", ".join(login.clients), login.key, login.account, login.kind, rests, state]


def _sentence(looked: Sequence[Looked]) -> str:
    from shorepass.who.document import summary

    count = summary(looked)
    return (
        f"{_counted(count['logins'], 'login')} in {_counted(count['places'], 'place')},"
        f" {count['broken']} broken, {count['plain_text']} in plain text"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
