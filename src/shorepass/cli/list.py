"""``shorepass list``: the stored logins of every client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console, flags
from shorepass.clients import FAMILIES, find
from shorepass.contexts.command import command
from shorepass.errors import without_user_info
from shorepass.names import registry_of_key

if TYPE_CHECKING:
    import argparse

    from shorepass.clients import Entry

EXAMPLES = """\
shorepass list
shorepass list --client podman
shorepass list --json | jq -r '.logins[].registry'
"""
NOTES = """\
Without --client, the list has docker's and podman's logins.

exit codes: 0 done; 2 the command line is wrong; 3 a file or a helper is broken (the list has the other logins)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    flags.add_client_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one row per login."""
    here = flags.context(arguments)
    chosen = arguments.client or arguments.authfile or arguments.config
    clients = [flags.find_client(arguments)] if chosen else [find(name) for name in FAMILIES]
    rows: list[tuple[str, Entry]] = []
    for client in clients:
        rows += [(client.name, entry) for entry in client.entries(here)]
    if arguments.json:
        _print_json(rows)
    elif rows:
        _print_table(rows)
    else:
        console.say("no logins")
        console.hint(command(here, "login", "REGISTRY", client=arguments.client or ""))
    for error in {entry.error.message: entry.error for _, entry in rows if entry.error}.values():
        console.print_error(error)
    return 3 if any(entry.error for _, entry in rows) else 0


def _stored_in(entry: Entry) -> str:
    return f"docker-credential-{entry.helper}" if entry.helper else entry.path


def _print_table(rows: list[tuple[str, Entry]]) -> None:

    console.print_table(
        ["CLIENT", "REGISTRY", "USER", "KIND", "STORED IN"],
        [
            [client, without_user_info(entry.key), entry.username, entry.kind, _stored_in(entry)]
            for client, entry in rows
        ],
    )


def _reason(entry: Entry) -> str | None:
    return entry.error.message if entry.error else None


def _print_json(rows: list[tuple[str, Entry]]) -> None:

    logins = [
        {
            "client": client,
            "key": without_user_info(entry.key),
            "registry": registry_of_key(entry.key) or None,
            "user": entry.username or None,
            "kind": entry.kind or None,
            "stored_in": _stored_in(entry),
            "path": entry.path,
            "helper": entry.helper,
            "error": _reason(entry),
        }
        for client, entry in rows
    ]
    console.print_document({"logins": logins})
