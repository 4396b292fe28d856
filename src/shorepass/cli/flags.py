"""The flags for the client, the context and the registry of a verb."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from shorepass.client_table import DEFAULT, FILE_FLAG, FOLDER_FLAG, NAMES, of_flag, program_of
from shorepass.clients import find
from shorepass.contexts.find import find as find_by_name
from shorepass.contexts.local import LocalContext
from shorepass.errors import UsageError
from shorepass.foreign_text import printable, quoted
from shorepass.numbers import LONGEST
from shorepass.profile import current

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shorepass.clients import Client
    from shorepass.contexts import Context
    from shorepass.registry.client import Access

__all__ = [
    "ClientNames",
    "access",
    "add_client_flags",
    "add_file_flags",
    "add_places_flag",
    "add_registry_flags",
    "check_action",
    "client_name",
    "clients_of_files",
    "context",
    "failure_code",
    "find_client",
    "find_context",
    "here",
    "here_with_files",
    "truth",
]


class ClientNames(tuple[str, ...]):
    """Names of clients as choices: each also with a release behind it, which ``clients.find`` reads."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        """Tell whether it is one of the names, with or without a release."""
        return super().__contains__(program_of(str(name)))


def add_client_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--in``, ``--client``, ``--authfile`` and ``--config``."""
    parser.add_argument(
        "--in",
        dest="place",
        default="me",
        metavar="CONTEXT",
        help="where the client runs: me (default), user:NAME, sudo, docker:NAME, ssh:HOST ... (see shorepass who --all)",
    )
    parser.add_argument(
        "--client",
        choices=ClientNames(NAMES),
        help="the client with these rules, also of one release: docker@20.10 (default: docker; with --authfile: podman)",
    )
    add_file_flags(parser)


def add_places_flag(parser: argparse._ActionsContainer, default: str = "") -> None:
    """Add an ``--in`` that may be repeated: ``places``. ``default``: what the help adds to ``me``."""
    parser.add_argument(
        "--in",
        dest="places",
        action="append",
        default=[],
        metavar="CONTEXT",
        help=f"the context to examine: me{default}, user:NAME, sudo, docker:NAME, ssh:HOST ...; may be repeated",
    )


def add_file_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--authfile`` and ``--config``."""
    parser.add_argument("--authfile", metavar="FILE", help="podman's file, instead of its usual one")
    parser.add_argument("--config", metavar="DIR", help="docker's folder, instead of DOCKER_CONFIG or ~/.docker")


def add_registry_flags(parser: argparse.ArgumentParser, timeout: str = "for the whole answer of a registry") -> None:
    """Add the flags that say how to talk with the registry. ``timeout``: what that flag's seconds are for."""
    parser.add_argument(
        "--tls-verify",
        type=truth,
        nargs="?",
        const=True,
        metavar="BOOL",
        help="check the certificate of the registry; false also allows plain http for it",
    )
    parser.add_argument("--cert-dir", metavar="DIR", help="the folder with *.crt, *.cert and *.key for this registry")
    parser.add_argument(
        "--trust-realm",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="send the credential to this token server, also if it does not belong to the registry; may be repeated",
    )
    parser.add_argument("--timeout", type=_seconds, default=15.0, metavar="SECONDS", help=f"{timeout} (default: 15)")


def truth(text: str) -> bool:
    """Return the value of a flag as a boolean, in podman's spellings."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= LONGEST:
        raise argparse.ArgumentTypeError(f"{printable(text)!r} is not a number of seconds")
    return number


def check_action(arguments: argparse.Namespace, table: Mapping[str, Sequence[str | None]]) -> None:
    """Check that each flag is for the action. Raises UsageError.

    ``table``: the actions of a flag, by its name in ``arguments``. None: the verb without an action.
    """
    for name, actions in table.items():
        if getattr(arguments, name) and arguments.action not in actions:
            named = " and ".join(action or "the verb without an action" for action in actions)
            raise UsageError(f"--{name.replace('_', '-')} is only for {named}")


def client_name(arguments: argparse.Namespace) -> str:
    """Return the name of the client that the flags mean."""
    name: str | None = getattr(arguments, "client", None)  # doctor takes several, and asks as docker does
    if name or not arguments.authfile:
        return name or DEFAULT
    return of_flag(FILE_FLAG)


def clients_of_files(arguments: argparse.Namespace) -> list[str]:
    """Return the clients whose files the flags name."""
    named = ((FOLDER_FLAG, arguments.config), (FILE_FLAG, arguments.authfile))
    return [of_flag(flag) for flag, file in named if file]


def failure_code(arguments: argparse.Namespace) -> int:
    """Return the exit code of a ``login`` or ``logout`` that fails: docker's own 1, or 125 of podman and its kin."""
    return find(program_of(client_name(arguments))).facts.failure_code


def find_client(arguments: argparse.Namespace) -> Client:
    """Return the client that the flags mean."""
    client = find(client_name(arguments))
    if arguments.authfile and client.row.flag != FILE_FLAG:
        hint = f"use {client.row.flag} DIR, or --client {of_flag(FILE_FLAG)}"
        raise UsageError(f"{client.name} reads no auth file", hint=hint)
    return client.named_by_flag() if arguments.authfile else client


def context(arguments: argparse.Namespace, here: LocalContext | None = None) -> Context:
    """Return the context that the flags mean, with the files that were named. Raises ContextError, UsageError.

    ``here``: this process's context, where the verb has it already.
    """
    return find_context(arguments.place, arguments, here)


def here(arguments: argparse.Namespace) -> LocalContext:
    """Return this context, with the files that flags name. Raises UsageError: ``--in`` names another context."""
    found = context(arguments)
    if not isinstance(found, LocalContext) or arguments.place != "me":
        raise UsageError(
            "accounts are stored only where Shorepass runs",
            hint=f"run it there, without --in {quoted(arguments.place)}",
        )
    return found


def find_context(name: str, arguments: argparse.Namespace, here: LocalContext | None = None) -> Context:
    """Return the context of that name, with the files that the flags name. Raises ContextError, UsageError."""
    place: Context = here or current()
    if name != "me":
        place = find_by_name(name, here or current())
    named = _named_files(arguments)
    return place.with_env(**named) if named else place


def here_with_files(arguments: argparse.Namespace) -> LocalContext:
    """Return this context, with the files that flags name: for verbs without ``--in``."""
    return current().with_env(**_named_files(arguments))


def _named_files(arguments: argparse.Namespace) -> dict[str, str]:
    named = {"REGISTRY_AUTH_FILE": arguments.authfile, "DOCKER_CONFIG": arguments.config}
    return {name: path for name, path in named.items() if path}


def access(arguments: argparse.Namespace) -> Access:
    """Return how the flags say to talk with the registry."""
    from shorepass.registry.client import Access

    client = client_name(arguments) if "client" in arguments else DEFAULT
    return Access(
        tls_verify=arguments.tls_verify,
        cert_dir=arguments.cert_dir,
        trusted_realms=tuple(arguments.trust_realm),
        client=client,
        timeout=arguments.timeout,
    )
