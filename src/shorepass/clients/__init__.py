"""The clients: for each the exact rules by which the real program finds a credential, and where it stores one.

``find("docker")`` returns the module-level Client of ``clients.docker``; podman, skopeo and buildah share
``clients.containers``.
"""

from __future__ import annotations

from shorepass.errors import SourceError, UsageError
from shorepass.shapes import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.names import Reference
    from shorepass.resolution import Resolution

__all__ = ["NAMES", "Client", "Entry", "Target", "find"]

NAMES = ("docker", "podman", "skopeo", "buildah", "crane")


class Target(NamedTuple):
    """Where a client stores a login: ``key`` in the file ``path``, or with the helper ``helper`` under that key.

    ``detected``: no file names that helper, the client chose its platform's default; docker then writes the
    choice into the file as ``credsStore``, or it would not look there again. ``records``: the file keeps an empty
    entry for a login that rests with a helper (docker; containers keeps none).
    """

    path: str
    key: str
    helper: str | None = None
    detected: bool = False
    records: bool = False


class Entry(NamedTuple):
    """One stored login, for ``list`` and ``who``. ``error`` is set instead of ``username`` where the place is broken.

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
        """``docker``, ``podman`` ..."""

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what the program would send. Never raises SourceError: that is the Resolution's ``answer``."""

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of a file's keys whose login the program may take: one, or all among which it tosses a coin."""

    def target(self, context: Context, server: str) -> Target:
        """Return where the program's ``login SERVER`` stores. ``server`` is as the user typed it.

        Raises SourceError when the file that decides this is broken, UsageError when the server is no name.
        """

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return every place the program's ``logout SERVER`` erases, in its order."""

    def entries(self, context: Context, *, ask_helpers: bool = True) -> list[Entry]:
        """Return all stored logins the program could use, broken places included as entries with an error.

        Without ``ask_helpers`` none is run: where a helper has the logins, an entry without ``kind`` names it.
        """


def find(name: str) -> Client:
    """Return the client of that name. Raises UsageError."""
    if name == "docker":
        from shorepass.clients.docker import DOCKER  # one rule set is enough for one answer

        return DOCKER
    if name == "crane":
        from shorepass.clients.crane import CRANE

        return CRANE
    if name in NAMES:
        from shorepass.clients.containers import Containers

        return Containers(name)
    raise UsageError(f"unknown client {name!r}", hint=f"one of: {', '.join(NAMES)}")
