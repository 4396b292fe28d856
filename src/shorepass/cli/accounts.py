"""``shorepass accounts``: the accounts beside the default logins, and the rules that choose them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.accounts import rules
from shorepass.accounts.keys import accounts_of
from shorepass.accounts.rules import directory_of, repository_of
from shorepass.cli import console
from shorepass.cli.flags import check_action
from shorepass.clients import FAMILIES, find
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.terminal import nobody
from shorepass.errors import ShorepassError, StoreMissing, UsageError
from shorepass.logins.as_account import survey
from shorepass.profile import current
from shorepass.settings import Rule
from shorepass.stores.in_use import chosen

if TYPE_CHECKING:
    import argparse

    from shorepass.logins.as_account import Row

EXAMPLES = """\
shorepass login --as work ghcr.io
shorepass accounts                                      # accounts, their logins, and the rules that choose them
shorepass accounts use work 'ghcr.io/acme/*'            # for these repositories
shorepass accounts use work --directory ~/src/acme      # in this folder and the folders in it
shorepass accounts forget work 'ghcr.io/acme/*'
shorepass accounts forget work                          # all of its rules; for its logins: shorepass logout --as work
"""
NOTES = """\
SHOREPASS_ACCOUNT=work overrides every rule. A rule for repositories overrides a rule for a folder.
docker asks for a registry without the repository. For a rule of some repositories, use: shorepass run --as work -- docker ...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    action = "use: add a rule; forget: remove rules; without: list the accounts"
    parser.add_argument("action", nargs="?", choices=("use", "forget"), metavar="ACTION", help=action)
    parser.add_argument("account", nargs="?", metavar="NAME", help="the account")
    repository = "what the rule is for: ghcr.io/acme/app, ghcr.io/acme/*, ghcr.io"
    parser.add_argument("repository", nargs="?", metavar="REPOSITORY", help=repository)
    parser.add_argument("--directory", metavar="DIR", help="a rule for a folder instead of a repository")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """List the accounts, or change a rule."""
    check_action(arguments, {"json": (None,)})
    here = current()
    if arguments.action is None:
        if arguments.directory is not None:
            raise UsageError("--directory is for use and forget")
        _list(here, as_json=arguments.json)
        return 0
    if not arguments.account:
        raise UsageError("no account was named", hint=command(None, "accounts"))
    if arguments.repository and arguments.directory is not None:
        way = command(None, "accounts", arguments.action, arguments.account, "--directory", arguments.directory)
        raise UsageError("a rule is for a repository or for a folder, not for both", hint=way)
    return (_use if arguments.action == "use" else _forget)(here, _rule(here, arguments))


def _rule(here: LocalContext, arguments: argparse.Namespace) -> Rule:

    if arguments.directory is not None:
        if not arguments.directory:
            raise UsageError("the name of the folder is empty")
        return Rule(arguments.account, directory=directory_of(here, arguments.directory))
    if not arguments.repository:
        return Rule(arguments.account)
    return Rule(arguments.account, repository_of(arguments.repository))


def _use(here: LocalContext, rule: Rule) -> int:

    subject = rule.repository or rule.directory
    if not subject:
        raise UsageError(
            "no repository and no folder was named",
            hint=f"{command(None, 'accounts', 'use', rule.account, 'ghcr.io/acme/*')}, or --directory DIR",
        )
    changed = rules.use(here, rule)
    already = "" if changed else " already"
    console.out(f"{settings.path_of(here)}: {subject}{already} uses {rule.account}")
    if rule.repository and rule.repository.removesuffix("/*").count("/"):
        _say_how(rule)
    else:
        _warn_without_login(here, rule)
    return 0


def _say_how(rule: Rule) -> None:
    """Print a command for each client, because clients do not send the repository to a helper."""
    registry = rule.repository.partition("/")[0]
    console.note("clients ask a helper for a registry, without the repository; to use this rule:")
    for client in map(find, reversed(FAMILIES)):
        way = command(None, "run", "--as", rule.account, "--", client.name, "...")
        if client.facts.namespaces:
            way = command(None, "login", "--as", rule.account, registry, client=client.name)
        console.hint(f"{client.name}: {way}")


def _warn_without_login(here: LocalContext, rule: Rule) -> None:
    """Print that the account has no login, if Shorepass can see that without a passphrase."""
    try:
        there = accounts_of(chosen(here, ask=nobody, tell=lambda _: None).list())
    except StoreMissing:
        there = []
    except ShorepassError:
        return
    if rule.account not in there:
        where = "in that folder" if rule.directory else "for that registry"
        console.note(f"{rule.account} has no login yet, so clients get no login {where}")
        registry = rule.repository.partition("/")[0] or "REGISTRY"
        console.hint(command(None, "login", "--as", rule.account, registry))


def _forget(here: LocalContext, rule: Rule) -> int:

    count = rules.forget(here, rule)
    subject = rule.repository or rule.directory
    of = f" for {subject}" if subject else ""
    done = "removed 1 rule" if count == 1 else f"removed {count} rules"
    console.out(f"{settings.path_of(here)}: {done}: {rule.account}{of}")
    return 0


def _list(here: LocalContext, *, as_json: bool) -> None:

    rows = survey(here)
    if as_json:
        _print_json(rows)
    elif rows:
        _print_table(rows)
    else:
        console.say("no accounts beside the default logins")
        console.hint(command(None, "login", "--as", "NAME", "REGISTRY"))


def _print_table(rows: list[Row]) -> None:

    console.print_table(
        ["ACCOUNT", "REGISTRY", "USER", "STORED IN", "CHOSEN BY"],
        [
            [
                row.account,
                row.registry or "-",
                row.username or "no login",
                row.stored_in or "-",
                ", ".join(map(_words, row.rules)),
            ]
            for row in rows
        ],
    )


def _words(rule: Rule) -> str:
    return rule.repository or f"in {rule.directory}"


def _rule_document(rule: Rule) -> dict[str, str]:
    return {"repository": rule.repository} if rule.repository else {"directory": rule.directory}


def _print_json(rows: list[Row]) -> None:
    document = [
        {
            "account": row.account,
            "registry": row.registry or None,
            "user": row.username or None,
            "stored_in": row.stored_in or None,
            "rules": list(map(_rule_document, row.rules)),
        }
        for row in rows
    ]
    console.print_document({"accounts": document})
