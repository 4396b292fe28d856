"""``shorepass logout``: erases what the client's own logout erases, and Shorepass's copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console, flags
from shorepass.client_table import FILE_FLAG, row_of
from shorepass.contexts.command import command, operand
from shorepass.errors import UsageError, printable, without_user_info
from shorepass.helper import OURSELVES
from shorepass.logins import as_account
from shorepass.logins.log_out import log_out, log_out_account, log_out_everywhere
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse

    from shorepass.clients.facts import Words
    from shorepass.contexts import Context
    from shorepass.logins.log_in import Erasure
    from shorepass.logins.log_out import Departure
    from shorepass.logins.remaining import Left

EXAMPLES = """\
shorepass logout ghcr.io
shorepass logout --client podman quay.io/acme
shorepass logout --all --json
shorepass logout --as work ghcr.io
"""
NOTES = """\
Shorepass also erases its own copies: in its store, in backups, and in what doctor keeps for --undo.
It prints the logins of other clients that remain, each with the command that logs out of it.
--all erases the logins of one client: docker's, or those of the client that --client names.

exit codes: 0 done; 1 failed, with docker's rules; 125 failed, with podman's rules, or the command line is wrong.
A registry without a login is an error with podman's rules, but not with docker's.
"""

USAGE_EXIT_CODE = 125  # docker's and podman's own for a flag they do not know
too_many_code = flags.failure_code  # and for too many arguments, where they differ


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("server", nargs="?", metavar="SERVER", help="the registry (default: Docker Hub)")
    parser.add_argument("--as", dest="account", metavar="NAME", help="only the login of this account")
    parser.add_argument("-a", "--all", action="store_true", help="every login of this client and of every account")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    flags.add_client_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Log out; 0 unless a login could not be erased (or, with podman's rules, was not there)."""
    client = flags.find_client(arguments)
    facts = client.facts
    arguments.failure_code = facts.failure_code
    if arguments.all and arguments.server:
        raise UsageError("--all takes no server")
    if arguments.all and arguments.account is not None:
        raise UsageError("--all and --as exclude each other: --all erases the logins of every account")
    if not arguments.all and not arguments.server and facts.needs_server:
        raise UsageError("no registry was named", hint="name one, or use --all")
    here = current()
    context = flags.context(arguments, here)
    server = arguments.server or "docker.io"
    accounts: list[str] = []
    before: list[str] = []
    if arguments.account is not None:
        done = log_out_account(flags.here(arguments), client, server, arguments.account)
    elif arguments.all:
        done = log_out_everywhere(here, context, client)
        if context.name == "me":
            done = done._replace(erased=done.erased + as_account.erase_all(here))
    else:
        before = as_account.accounts_left(here, client, server) if context.name == "me" else []
        done = log_out(here, context, client, server)
        accounts = as_account.accounts_left(here, client, server) if context.name == "me" else []
    found = any(erasure.found for erasure in done.erased)
    broken = any(erasure.error for erasure in done.erased)
    missed = facts.requires_login and not (found or arguments.all)
    if arguments.json:
        _print_json(done, accounts)
    else:
        from_where = "" if arguments.all else server
        _print_text(done, from_where, facts.words, missed=missed)
        for account in sorted({*before} - {*accounts}):
            console.say(f"that was the login of the account {account}, which is in use here")
        _print_left(done, context)
        if arguments.all and context.name != "me" and any(each.target.helper == OURSELVES for each in done.erased):
            there = command(None, "logout", "--all")
            console.say(f"Shorepass did not look at the accounts in {context.name}; run this there: {there}")
        for account in accounts:
            named = without_user_info(server)
            way = command(context, "logout", "--as", account, named)
            console.say(f"the account {account} is still logged in to {named}: {way}")
    return facts.failure_code if broken or missed else 0


def _print_text(done: Departure, server: str, words: Words, *, missed: bool) -> None:
    """Print what was erased and what was not there. ``missed``: it is an error that there was no login."""
    server, erasures = without_user_info(server), done.erased + done.ours
    found = any(erasure.found for erasure in done.erased)
    if found:
        console.out(words.removed.format(server=server or "all registries"))
    for erasure in erasures:
        if erasure.found:
            console.out(f"erased {without_user_info(erasure.target.key)} from {_where(erasure)}")
    if not found:
        tell = console.err if missed else console.say
        tell(words.not_logged_in.format(server=server or "any registry"))
    missing: dict[str, list[str]] = {}
    for erasure in erasures:
        if erasure.error is None and not erasure.found:
            missing.setdefault(_where(erasure), []).append(without_user_info(erasure.target.key))
    for where, keys in missing.items():
        console.say(f"not found in {where}: {', '.join(keys)}")
    for error in {erasure.error.message: erasure.error for erasure in erasures if erasure.error}.values():
        console.print_error(error)


def _print_left(done: Departure, context: Context) -> None:
    """Print what can no longer be undone, and which clients are still logged in."""
    if done.repairs:
        names = ", ".join(done.repairs)
        console.say(f"erased the copies in these fixes, which --undo can no longer revert: {names}")
    for left in done.left:
        key = printable(without_user_info(left.key))
        console.say(f"{left.client} is still logged in to {key}, by {left.path}: {_command(left, context)}")


def _command(left: Left, context: Context) -> str:
    """Return the command that logs out of what remains; advice if no logout reaches it."""
    if left.flags is None:
        return "remove it there"
    if left.flags or row_of(left.client).flag != FILE_FLAG:
        context = context.with_env(REGISTRY_AUTH_FILE="")  # docker has no such file; the flags name another one
    return command(context, "logout", *left.flags, *operand(without_user_info(left.key)), client=left.client)


def _where(erasure: Erasure) -> str:
    helper = erasure.target.helper
    return f"docker-credential-{helper}" if helper else erasure.target.path


def _reason(erasure: Erasure) -> str | None:
    return erasure.error.message if erasure.error else None


def _print_json(done: Departure, accounts: list[str]) -> None:

    rows = [
        {
            "key": without_user_info(erasure.target.key),
            "path": erasure.target.path,
            "helper": erasure.target.helper,
            "found": erasure.found,
            "error": _reason(erasure),
        }
        for erasure in done.erased + done.ours
    ]
    left = [{"client": left.client, "key": without_user_info(left.key), "path": left.path} for left in done.left]
    document = {
        "erasures": rows,
        "fixes_forgotten": done.repairs,
        "still_logged_in": left,
        "accounts_left": accounts,
    }
    console.print_document(document)
