"""The clients: for each the exact rules by which the real program finds a credential, and where it stores one.

A client is one file here, with its rules and its ``Facts``, and one row of ``client_table``. ``find`` returns it by its name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shorepass.client_table import DEFAULT, FAMILIES, NAMES, ROWS
from shorepass.clients.release import Release
from shorepass.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from shorepass.client_table import Row
    from shorepass.clients.facts import Facts
    from shorepass.clients.followed import Followed
    from shorepass.clients.private import Lent
    from shorepass.clients.views import FileView
    from shorepass.config.auth_file import AuthFile
    from shorepass.contexts import Context, FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.names import Reference
    from shorepass.resolution import Resolution, Step

__all__ = [
    "DEFAULT",
    "FAMILIES",
    "NAMES",
    "Client",
    "Entry",
    "Target",
    "find",
    "find_all",
]


class Target(NamedTuple):
    """Where a client stores a login: ``key`` in the file ``path``, or with the helper ``helper`` under that key.

    ``detected``: no file names that helper, the client chose its platform's default; docker then writes the
    choice into the file as ``credsStore``, or it would not look there again. ``records``: the file keeps an empty
    entry for a login that a helper stores (docker; containers keeps none). ``otherwise``: where the client stores the login
    if it cannot be stored here; None: its login then fails. ``found_as``: the client does not find a login that it stores here,
    and finds one for that server; empty: it finds this one. ``after``: the helpers that must have erased their logins before
    the client's logout erases this one.
    """

    path: str
    key: str
    helper: str | None = None
    detected: bool = False
    records: bool = False
    otherwise: Target | None = None
    found_as: str = ""
    after: tuple[str, ...] = ()


class Entry(NamedTuple):
    """One stored login, for ``list`` and ``who``. ``error`` is set instead of ``username`` where the file or helper is broken.

    ``credential`` is set where it was read anyway: from a file. An entry that only says which helper has the login (see
    ``Client.entries``) has no ``kind``; its ``key`` is empty where that is the helper for all the rest, and its ``path``
    where no file names it: the client chose its platform's own.
    """

    key: str
    username: str
    kind: str  # "password", "identity token", "bearer token"
    path: str
    helper: str | None = None
    error: SourceError | None = None
    credential: Credential | None = None


class Client(Protocol):
    """The rules of one client program."""

    @property
    def name(self) -> str:
        """``docker``, ``podman`` ...; with the release where one was asked for: ``docker@20.10``."""

    @property
    def release(self) -> Release | None:
        """The release whose rules were asked for; None: those of the newest that is known."""

    @property
    def row(self) -> Row:
        """Its row of the table of clients."""

    @property
    def facts(self) -> Facts:
        """What differs between clients, as data."""

    def named_by_flag(self) -> Client:
        """Return this client as it acts where a flag names its file, and not a variable."""

    def followed(self, context: Context) -> Followed:
        """Return the release whose rules the program follows in a context; nothing is started before a rule is asked for."""

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what the program would send. Never raises SourceError: that is the Resolution's ``answer``."""

    def stored(self, context: Context, server: str) -> Resolution:
        """Return the login that the program's ``login SERVER`` finds before it asks for another. Raises UsageError."""

    def remarks(self, context: Context, reference: Reference) -> list[Step]:
        """Return a step for each command of the program that finds another login for an image than pull and push."""

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of a file's keys whose login the program may take: one, or all among which it tosses a coin."""

    def target(self, context: Context, server: str) -> Target:
        """Return where the program's ``login SERVER`` stores. ``server`` is as the user typed it.

        Raises SourceError when the file that decides this is broken, UsageError when the server is not a name.
        """

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return every file entry and helper that the program's ``logout SERVER`` erases, in its order."""

    def entries(self, context: Context, *, ask_helpers: bool = True) -> list[Entry]:
        """Return all stored logins the program could use, broken files and helpers included as entries with an error.

        Without ``ask_helpers`` none is run: where a helper has the logins, an entry without ``kind`` names it.
        """

    def reads_dash(self, context: Context) -> bool:
        """Tell whether the password ``-`` on the command line of its login means standard input."""

    def login_password(self, context: Context, text: str, *, from_stdin: bool) -> str:
        """Return the password that its login makes of what it was given, on standard input or by its flag."""

    def files(self, context: Context, *, for_login: bool = False) -> Sequence[AuthFile]:
        """Return the files that are read, in that order, whether they are there or not.

        ``for_login``: as ``login`` sees them; the first is the one that it writes.
        """

    def own_file(self, context: Context) -> str:
        """Return the file of its own that is read first, where no other client's variable puts another before it."""

    def missing(self, context: Context) -> AuthFile | None:
        """Return the file that the user has named and that is not there, where the program stops at that. Raises FileError."""

    def passes_over_variable(self, context: Context, *, runs: bool) -> str:
        """Return why the variable with logins is not read there, empty where it is. ``runs``: programs may be run for that."""

    def asked_for(self, registry: str) -> str:
        """Return the key by which a registry's login is looked for first, and by which a helper is asked."""

    def read_entry(self, members: Iterable[tuple[str, Any]]) -> Credential:
        """Return what an entry of a file holds, by its members as they are stored. Raises BadEntryError."""

    def write_entry(self, credential: Credential) -> dict[str, str]:
        """Return the entry of a file that the program writes for a credential."""

    def view(self, content: FileContent, *, legacy: bool = False) -> FileView:
        """Return what the program sees in a file. ``legacy``: the file has no ``auths``. Raises MalformedFile."""

    def refusal(self, content: FileContent) -> str:
        """Return why the program runs no command with a file that it can read, "" if it does."""

    def common_helpers(self, context: Context) -> list[str]:
        """Return the list of helpers in a file without logins, just as it is there. Raises FileError, MalformedFile."""

    def certificate_folders(self, context: Context, host: str) -> list[str]:
        """Return the folders with certificates for ``host[:port]``: the first that exists is read."""

    def is_insecure(self, context: Context, reference: Reference, *, tls: bool, seconds: float) -> bool:
        """Tell whether the program connects although nothing proves who answers. What cannot be asked proves nothing.

        ``tls``: the registry has a certificate, of an unknown authority; else it speaks plain http. ``seconds``: how long a
        program may be asked.
        """

    def lend(self, here: LocalContext, keys: Iterable[str], folder: str) -> Lent:
        """Make a private configuration in ``folder``, in which Shorepass's helper is asked for all.

        ``keys`` are those of the account whose logins come first. Raises UsageError: another login would; FileError,
        WriteError.
        """


def find(name: str) -> Client:
    """Return the client of that name, ``docker``, or of one release of it: ``docker@20.10``. Raises UsageError."""
    program, at, release = name.partition("@")
    row = ROWS.get(program)
    if row is None:
        raise UsageError(f"unknown client {program!r}", hint=f"one of: {', '.join(NAMES)}")
    module = import_module(f"shorepass.clients.{row.module}")  # one rule set is enough for one answer
    asked = Release.parse(release) if at else None
    client: Client = module.client(program, asked)
    return client


def find_all(family: str | None = None) -> list[Client]:
    """Return all clients, or those of a family."""
    return [find(name) for name, row in ROWS.items() if family in (None, row.family)]
