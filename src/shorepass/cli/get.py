"""``shorepass get``: the credential that the real client sends, as one line of JSON or one of its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console, flags
from shorepass.client_table import DEFAULT
from shorepass.contexts.command import command
from shorepass.credential import Anonymous
from shorepass.errors import ShorepassError, SourceError
from shorepass.foreign_text import visible
from shorepass.helper.login_command import asked_helper, log_in
from shorepass.helper.protocol import answer_fields
from shorepass.names import parse
from shorepass.resolution import Outcome

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts import Context
    from shorepass.resolution import Resolution

EXAMPLES = """\
shorepass get ghcr.io/acme/app:1
shorepass get --client podman quay.io/acme/app
shorepass get --field secret ghcr.io | crane auth login ghcr.io -u alice --password-stdin
shorepass get ghcr.io | jq -r .Username
"""
NOTES = """\
The output is {"ServerURL": ..., "Username": ..., "Secret": ...}. The user name is <token> for an identity token and
<bearer> for a registry token. Shorepass asks no registry.

exit codes: 0 a credential; 1 the client sends no credential; 2 the command line is wrong; 3 a source is broken
"""

FIELDS = {"serverurl": "ServerURL", "username": "Username", "secret": "Secret"}  # --field: the member of the JSON


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("reference", metavar="REF", help="an image or a registry")
    parser.add_argument("--field", choices=FIELDS, help="print only this value, without quotes")
    flags.add_client_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the credential."""
    context = flags.context(arguments)
    resolution = flags.find_client(arguments).resolve(context, parse(arguments.reference))
    credential = resolution.credential
    if isinstance(credential, Anonymous):
        _tell_of_none(resolution, context)
        return 1
    if resolution.alternatives:
        console.note(
            f"{resolution.client} is not deterministic here: it sends one of "
            f"{1 + len(resolution.alternatives)} answers at random"
        )
        console.hint(command(context, "explain", arguments.reference, client=resolution.client))
    for step in resolution.steps:
        if step.kind == "file" and step.outcome is Outcome.FAILED:
            console.note(f"{step.subject}: {step.detail}")
    fields = answer_fields(resolution.server_url, credential)
    if arguments.field:
        _print_field(fields[FIELDS[arguments.field]], arguments.field)
    else:
        console.print_json(fields, indent=None)
    return 0


def _tell_of_none(resolution: Resolution, context: Context) -> None:

    client, reference = resolution.client, resolution.reference
    named = "" if client == DEFAULT else client
    hint = log_in(context, reference.registry, client=named, helper=asked_helper(resolution))
    console.print_error(ShorepassError(f"no login for {reference}: {client} asks for it anonymously", hint=hint))


def _print_field(value: str, field: str) -> None:
    """Print a value as it is, for a program: with the bytes of the file, UTF-8 or not.

    Raises SourceError: it has characters that a terminal obeys. A user name or a key with them is refused everywhere. A
    secret may have any bytes: it is refused only on a terminal, and not for line feeds and tabs.
    """
    shown = value.replace("\n", "").replace("\t", "") if field == "secret" else value
    if visible(shown) != shown and (field != "secret" or console.is_terminal()):
        where = "on a terminal" if field == "secret" else ""
        reason = f"it has control characters, so Shorepass does not print it {where}".rstrip()
        raise SourceError(f"--field {field}: {reason}", hint="without --field, it is printed as JSON with escapes")
    console.data(value.encode("utf-8", "surrogateescape") + b"\n")
