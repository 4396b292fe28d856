"""``shorepass login``: with docker's and podman's own words, flags and exit codes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shorepass.cli import console, flags
from shorepass.contexts.ci import is_in_job
from shorepass.contexts.command import command
from shorepass.credential import Anonymous, Basic, IdentityToken
from shorepass.errors import LoginRefused, ShorepassError, UsageError, without_user_info
from shorepass.logins.log_in import check_stored, log_in
from shorepass.names import require_user_name
from shorepass.secret import Secret

if TYPE_CHECKING:
    import argparse

    from shorepass.clients import Client
    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.logins.log_in import Login
    from shorepass.registry.client import Access

EXAMPLES = """\
shorepass login ghcr.io
echo "$TOKEN" | shorepass login -u alice --password-stdin ghcr.io
shorepass login --client podman quay.io/acme
shorepass login --get-login ghcr.io
shorepass login --tls-verify=false -u alice localhost:5000
shorepass login --store file ghcr.io            # in plain text, as docker does
shorepass login --as work ghcr.io               # a second account there; see shorepass accounts
"""
NOTES = """\
Shorepass checks the login with the registry first. A refused login changes no file.
If the client's file names no credential helper, Shorepass stores the login in the system's keychain. If that does not work
here, Shorepass stores it in an encrypted file (shorepass stores). Only --store file stores it in plain text.
Without a server, the registry is Docker Hub.

exit codes: 0 done; 1 failed, with docker's rules; 125 failed, with podman's rules, or the command line is wrong
"""

USAGE_EXIT_CODE = 125  # docker's and podman's own for a flag they do not know
too_many_code = flags.failure_code  # and for too many arguments, where they differ


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of docker login and of podman login."""
    parser.add_argument("server", nargs="?", metavar="SERVER", help="the registry (default: Docker Hub)")
    parser.add_argument("-u", "--username", metavar="NAME", help="user name")
    password = "password or token (docker 29.6: - reads standard input); other users can see it in the process list"  # noqa: S105
    parser.add_argument("-p", "--password", metavar="TEXT", help=password)
    parser.add_argument("--password-stdin", action="store_true", help="read the password or token from standard input")
    parser.add_argument("--get-login", action="store_true", help="only print the user name of the stored login")
    store = (
        "where to store it: vault, keychain, helper:NAME; file: plain text (overrides the helper in the client's file)"
    )
    parser.add_argument("--store", metavar="NAME", help=store)
    account = "store the login for this account, beside the default login"
    parser.add_argument("--as", dest="account", metavar="NAME", help=account)
    parser.add_argument("-v", "--verbose", action="store_true", help="print where the login is stored")
    flags.add_client_flags(parser)
    flags.add_registry_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Log in; 0 when the registry accepted and the login is stored."""
    client = flags.find_client(arguments)
    arguments.failure_code = client.facts.failure_code
    if not arguments.server and client.facts.needs_server:
        raise UsageError(
            "no registry was named", hint=command(arguments.place, "login", "REGISTRY", client=client.name)
        )
    server = arguments.server or "docker.io"
    _check_flags(arguments)
    if arguments.password == "-" and client.reads_dash(flags.context(arguments)):  # noqa: S105  # the word for standard input
        arguments.password, arguments.password_stdin = None, True
    elif arguments.password is not None:
        console.say("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    if arguments.account is not None:
        return _log_in_as(arguments, client, server)
    here = flags.context(arguments)
    if arguments.get_login:
        return _get_login(here, client, server)
    access = flags.access(arguments)
    if arguments.username is None and arguments.password is None and not arguments.password_stdin:
        stored = _existing(here, client, server, access)
        if stored:
            return 0
    credential = _ask(arguments, client, here)
    done = log_in(here, client, server, credential, access, store=arguments.store, tell=_tell)
    _report(done, here, client, verbose=arguments.verbose)
    return 0


def _log_in_as(arguments: argparse.Namespace, client: Client, server: str) -> int:
    """Log in for an account: its logins are stored where this process runs."""
    from shorepass.logins import as_account  # a login without --as needs neither accounts nor stores

    here, account = flags.here(arguments), arguments.account
    if arguments.get_login:
        login = command(here, "login", "--as", account, without_user_info(server), client=client.name)
        return _print_name(as_account.stored(here, client, server, account), server, login)
    credential = _ask(arguments, client, here)
    access = flags.access(arguments)
    done = as_account.log_in(here, client, server, credential, access, account, store=arguments.store, tell=_tell)
    _report(done, here, client, verbose=arguments.verbose)
    return 0


def _tell(text: str) -> None:
    console.note(text)


def _check_flags(arguments: argparse.Namespace) -> None:

    if arguments.password_stdin and arguments.password is not None:
        raise UsageError("conflicting options: cannot specify both --password and --password-stdin")
    if arguments.password_stdin and arguments.username is None:
        raise UsageError("the --password-stdin option requires --username to be set")
    if arguments.username == "":
        raise _empty("username", flags.context(arguments))
    if arguments.password == "":
        raise _empty("password", flags.context(arguments))


def _empty(what: str, here: Context) -> UsageError:
    """Return the error for an empty user name or password: in a CI job a variable is empty."""
    hint = EMPTY_IN_JOB if is_in_job(here) else None
    return UsageError(f"{what} is empty", hint=hint)


def _get_login(here: Context, client: Client, server: str) -> int:
    # Here, because it knows helpers by their output, which a login does not ask for.
    from shorepass.helper.login_command import asked_helper
    from shorepass.helper.login_command import log_in as log_in_hint

    resolution = client.stored(here, server)
    login = log_in_hint(here, without_user_info(server), client=client.name, helper=asked_helper(resolution))
    return _print_name(resolution.credential, server, login)


def _print_name(credential: Credential, server: str, login: str) -> int:
    """Print the user name of a login; ``login`` is the command that creates one. Raises ShorepassError: there is no login."""
    if isinstance(credential, Anonymous):
        raise ShorepassError(f"not logged into {without_user_info(server)}", hint=login)
    name = credential.username if isinstance(credential, Basic | IdentityToken) else ""
    console.out(name)
    return 0


def _existing(here: Context, client: Client, server: str, access: Access) -> bool:
    """Try what is stored, as both programs do when no user name is given; True when it still works."""
    try:
        stored = check_stored(here, client, server, access)
    except LoginRefused as error:
        console.print_error(error)
        console.say("The stored login is refused; asking for another.")
        return False
    if stored is None:
        return False
    words = client.facts.words
    console.say(words.trying.format(server=server, username=stored.username))
    console.out(words.still_good.format(server=server, username=stored.username))
    return True


def _ask(arguments: argparse.Namespace, client: Client, here: Context) -> Credential:
    """Read user name and password from flags, standard input or the terminal."""
    username, password = arguments.username, arguments.password
    if arguments.password_stdin:
        text = _decoded(sys.stdin.buffer.read(PASSWORD_LIMIT + 1))
        password = client.login_password(here, text, from_stdin=True)
    elif password is not None:
        password = client.login_password(here, password, from_stdin=False)
    if (username is None or password is None) and not sys.stdin.isatty():
        raise UsageError("cannot perform an interactive login from a non-TTY device", hint=_piped(arguments))
    if username is None:
        if arguments.server is None:
            console.note("the registry is Docker Hub; the password can be a personal access token")
        username = console.question("Username: ").strip()
    if not username:
        raise _empty("username", here)
    if password is None:
        password = console.hidden_question("Password: ")
    if not password.strip():
        raise _empty("password", here)
    return Basic(require_user_name(username), Secret(password))


def _piped(arguments: argparse.Namespace) -> str:
    """Return the command that asks nothing, for the server that was typed."""
    server = [] if arguments.server is None else [without_user_info(arguments.server)]
    user = arguments.username or "NAME"
    login = command(arguments.place, "login", "-u", user, "--password-stdin", *server, client=arguments.client or "")
    return f'printf %s "$TOKEN" | {login}'


# https://docs.gitlab.com/ci/variables/ , https://docs.github.com/actions/security-for-github-actions
EMPTY_IN_JOB = (
    "is its variable set in this job? Jobs of forks get no secrets, "
    "and jobs of other than protected branches no protected variables"
)
PASSWORD_LIMIT = 1024 * 1024  # bytes: the largest tokens have some 10 KiB


def _decoded(data: bytes) -> str:
    """Return standard input as text. Raises UsageError: it is too long, or not UTF-8."""
    if len(data) > PASSWORD_LIMIT:
        raise UsageError(f"more than {PASSWORD_LIMIT} bytes of password on standard input")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError("the password on standard input is not UTF-8") from None


def _report(done: Login, here: Context, client: Client, *, verbose: bool) -> None:
    if done.plain_text and done.changed and client.facts.warns_of_plain_text:
        console.say()
        console.say(f"WARNING! Your credentials are stored unencrypted in '{done.target.path}'.")
        console.say("Configure a credential helper to remove this warning.")
        console.say()
    if verbose:
        where = f"docker-credential-{done.target.helper}" if done.target.helper else done.target.path
        console.say(f"Used: {where} ({done.target.key}, as {here.name})")
    console.out(client.facts.words.success)
