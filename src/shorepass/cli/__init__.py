"""The command line: one file per verb, imported when the user types that verb.

The only place where an error becomes an exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from shorepass import exit_statuses
from shorepass.cli import console
from shorepass.cli.parser import Parser, add_output_flags
from shorepass.errors import MalformedFile, ShorepassError, UnknownWord
from shorepass.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn, Protocol

    class Verb(Protocol):
        """What each module of a verb offers."""

        EXAMPLES: str
        add_arguments: Callable[[argparse.ArgumentParser], None]
        run: Callable[[argparse.Namespace], int]


__all__ = ["VERBS", "main", "parser_of", "parser_of_everything", "program", "top_parser"]

VERBS = {
    "login": "log in to a registry, and store the login where the client looks for it",
    "logout": "erase a login as the client does, and every copy of it in Shorepass",
    "get": "print the credential that a client sends, as one line of JSON",
    "list": "list the stored logins",
    "who": "show who is logged in, in which context, and whether it works",
    "explain": "show which credential a client sends and why, step by step",
    "doctor": "find problems with the logins of a context, and fix them",
    "migrate": "move logins from plain text or from another helper into the store, and back",
    "helper": "name docker-credential-shorepass in a client's file, or restore the former helper",
    "accelerate": "put the agent in front of other credential helpers, so that they answer faster",
    "stores": "list the stores and whether they work here, and set one",
    "vault": "create the encrypted file with the logins, change its key, or export it",
    "agent": "answer credential helpers from memory: start, stop, lock it, and see who asked",
    "share": "lend a login to a container, which cannot ask for any other",
    "grants": "list what is lent: to whom, until when, and its last use",
    "revoke": "end grants at once",
    "policy": "show what may be lent and what gets a grant by itself, and check the file",
    "unlock": "type the vault's passphrase once, for the agent",
    "accounts": "list the accounts beside the default logins, and the rules that choose them",
    "run": "run one command with the logins of an account, or a container with lent logins",
    "completion": "print the completion file of a shell",
    "uninstall": "remove Shorepass from docker's and podman's files, before you remove the program",
}

PIPE_CLOSED = 141  # as a program that SIGPIPE ended

EXIT_CODES = """\
Exit codes:
  0  done
  1  no login (get), findings (doctor), refused, unreachable, or not written
  2  the command line is wrong
  3  a source is broken: a config file or a credential helper
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = [
        *(sys.argv[1:] if argv is None else argv)
    ]  # list() is the builtin only until the verb of that name is loaded
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    name = next((word for word in arguments if word in VERBS), "")
    if name and arguments[0] == name:
        verb = _verb(name)
        parser = parser_of(name)
        words = arguments[1:]
        if not getattr(verb, "TAKES_A_COMMAND", False):  # a verb that runs a command does not change its words
            words = [_explicit(word) for word in words]
        return _run(verb, parser, parser.parse_args(words))
    top = top_parser()
    if name and arguments[0].startswith("-") and arguments[0] not in top.flags():
        arguments.remove(name)
        parser_of(name).refuse_order(arguments)
    if arguments:
        top.parse_args(arguments)  # --help, --version, or the error that names the verbs
    top.print_help()
    return 0


def program() -> NoReturn:
    """Run one command as a process, and end it at once: a thread that still waits for a silent server holds nothing up."""
    _open_what_is_closed()
    exit_statuses.report_their_end()
    sys.excepthook = console.crash
    try:
        status = _status()
        console.finish()
    except BrokenPipeError:
        status = PIPE_CLOSED
    except OSError as error:
        _report_output_error(error)
        status = 1
    os._exit(status)


def _status() -> int:
    """Run one command; return its exit code, also if ``--help``, ``--version`` or a wrong command line ends it."""
    try:
        return main()
    except SystemExit as end:
        return int(end.code or 0)


def _open_what_is_closed() -> None:
    """Open the null device for each stream that the caller has closed (``>&-``), as gnulib's stdopen does.

    Else the next file that Shorepass opens becomes that stream. Programs that Shorepass starts still get a closed stream.
    Standard output is opened for reading, so that writing there is an error.
    """
    for name, mode, how in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, how), mode))  # noqa: SIM115  # for as long as the process lives


def _run(verb: Verb, parser: Parser, arguments: argparse.Namespace) -> int:
    console.present(quiet=arguments.quiet, colour=not arguments.no_color)
    end_of_waits = console.show_waits()
    try:
        return verb.run(arguments)
    except ShorepassError as error:
        _add_hint(error, parser, arguments)
        console.print_error(error)
        return exit_code(arguments, error)
    except KeyboardInterrupt:
        console.err("shorepass: interrupted")
        return 130
    except BrokenPipeError:
        console.close_stdout()
        return PIPE_CLOSED
    except OSError as error:  # every room has errors of its own: what is left is standard output
        _report_output_error(error)
        return 1
    finally:
        end_of_waits()


def _add_hint(error: ShorepassError, parser: Parser, arguments: argparse.Namespace) -> None:
    """Give an error the command that helps, if the error itself cannot know it."""
    if isinstance(error, UnknownWord):
        error.hint = parser.corrected(error) or error.hint
    if isinstance(error, MalformedFile):
        from shorepass.contexts.command import fixed_by

        fixed_by(error, getattr(arguments, "place", None))


def _report_output_error(error: OSError) -> None:
    reason = (error.strerror or str(error)).lower()
    console.print_error(ShorepassError(f"standard output: {reason}"))


def exit_code(arguments: argparse.Namespace, error: ShorepassError) -> int:
    """Return the error's own exit code, or the one the imitated client's verb has for every failure."""
    imitated: int | None = getattr(arguments, "failure_code", None)
    return error.exit_code if imitated is None else imitated


def _verb(name: str) -> Verb:

    return import_module(f"shorepass.cli.{name}")


def _explicit(word: str) -> str:
    """Give a bare ``--tls-verify`` its value: as with podman, the next word is the registry and not a truth."""
    return "--tls-verify=true" if word == "--tls-verify" else word


def parser_of(name: str) -> Parser:
    """Return the parser of a verb."""
    verb = _verb(name)
    parser = Parser(
        name,
        VERBS[name],
        examples=verb.EXAMPLES,
        notes=getattr(verb, "NOTES", ""),
        groups=getattr(verb, "FLAG_GROUPS", None),
    )
    parser.usage_exit_code = getattr(verb, "USAGE_EXIT_CODE", 2)
    parser.too_many_code = getattr(verb, "too_many_code", None)
    verb.add_arguments(parser)
    add_output_flags(parser)
    return parser


def top_parser() -> Parser:
    """Return the parser of a command line that names no verb."""
    verbs = "\n".join(f"  {name:12}{text}" for name, text in VERBS.items())
    parser = Parser(
        "",
        "registry logins for containers: who is logged in, here, for this client, and why",
        notes=f"Verbs:\n{verbs}\n\nshorepass VERB --help shows the examples and flags of a verb.\n\n{EXIT_CODES}",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help="one of the verbs below")
    return parser


class _Version(argparse.Action):
    """``--version``: print the version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:

        console.out(f"shorepass {__version__}")
        parser.exit()


def parser_of_everything() -> argparse.ArgumentParser:
    """Return one parser with every verb in it."""
    parser = argparse.ArgumentParser(prog="shorepass")
    parser.add_argument("--version", action="store_true", help="print the version")
    subparsers = parser.add_subparsers(dest="verb")
    for name, text in VERBS.items():
        subparser = subparsers.add_parser(name, help=text)
        _verb(name).add_arguments(subparser)
        add_output_flags(subparser)
    return parser
