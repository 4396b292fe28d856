"""The helpers that the clients of a context would ask, and their answers to ``list``.

Other helpers are not examined.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import row_of
from shorepass.clients.emulated import emulator_of
from shorepass.errors import HelperError, HelperFailed, HelperTimeout, SourceError, Trouble
from shorepass.helper.client import HelperClient
from shorepass.helper.known_failures import UNLOCK
from shorepass.helper.protocol import program_name
from shorepass.stores.helper_backends import is_locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeGuard

    from shorepass.clients import Client
    from shorepass.contexts import Context

__all__ = ["Named", "is_silent", "is_there", "listed", "named"]

LOCKED = "its keyring is locked: it can list logins, but cannot read or store them"


class Named(NamedTuple):
    """A helper (``docker-credential-SUFFIX``), the file that names it, and the clients that ask it for that reason.

    ``chosen``: no file names it, and docker will use its platform's store at the next login.
    """

    suffix: str
    path: str
    clients: tuple[str, ...]
    chosen: bool = False

    @property
    def program(self) -> str:
        """The name of its program."""
        return program_name(self.suffix)

    @property
    def why(self) -> str:
        """Why it is asked, for the user."""
        if self.chosen:
            return f"no file names it, but {self.clients[0]} uses it by default and will do so at the next login"
        return f"named in {self.path}, for {' and '.join(self.clients)}"


def named(context: Context, clients: Sequence[Client]) -> list[Named]:
    """Return the helpers that these clients would ask, one for each file that names it. Nothing is run."""
    found: dict[tuple[str, str], Named] = {}
    for client in clients:
        for entry in client.entries(context, ask_helpers=False):
            if not entry.helper or entry.error is not None:
                continue
            chosen = client.facts.chooses_store and not entry.key and _chosen(client, context)
            if not chosen and not entry.path:
                continue  # docker's file is broken, and so it is not known what docker will choose
            known = found.get((entry.helper, entry.path))
            if known is None:
                found[entry.helper, entry.path] = Named(entry.helper, entry.path, (client.name,), chosen)
            elif client.name not in known.clients:
                found[entry.helper, entry.path] = known._replace(clients=(*known.clients, client.name))
    return [helper for helper in found.values() if not helper.chosen or _has_part(helper, context, clients)]


def _has_part(helper: Named, context: Context, clients: Sequence[Client]) -> bool:
    """Return whether a client that would choose a helper by default is used in a context."""
    programs = chain.from_iterable(row_of(name).programs for name in helper.clients if not emulator_of(context, name))
    if not any(context.which(program) for program in programs):
        return False
    used = {client.name for client in clients if is_there(context, client.own_file(context))}
    return not used or bool(used.intersection(helper.clients))


def is_there(context: Context, path: str) -> bool:
    """Return whether a file exists, True also if that cannot be seen."""
    try:
        return context.status(path) is not None
    except SourceError:
        return True


def _chosen(client: Client, context: Context) -> bool:
    try:
        return client.target(context, "").detected
    except SourceError:
        return False


def listed(context: Context, suffix: str) -> dict[str, str] | HelperError:
    """Return what a helper lists (user names by server URL), or the error instead.

    A locked keyring is found before the helper is asked: on a desktop, its list would open a password window.
    """
    client = HelperClient(context, suffix)
    try:
        path = client.path()
        if suffix == "secretservice" and is_locked(context):
            return HelperFailed(path, "list", LOCKED, hint=UNLOCK, trouble=Trouble.LOCKED)
        return client.list()
    except HelperError as error:
        return error


def is_silent(answer: object) -> TypeGuard[HelperError]:
    """Return whether a helper with this answer must not be asked again: it hangs or asks for a password."""
    return isinstance(answer, HelperError) and (isinstance(answer, HelperTimeout) or answer.trouble is Trouble.LOCKED)
