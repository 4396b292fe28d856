"""What ``who`` shows: a Login for each credential that a place holds, and what state it is in."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shorepass.contexts import Context, Place
    from shorepass.credential import Credential
    from shorepass.resolution import Step

__all__ = ["BROKEN", "Login", "Looked", "Share", "State"]


class State(Enum):
    """What is known of a login."""

    WORKS = "works"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # a registry was asked, and gave no answer about the login
    EXPIRED = "expired"
    HELPER_MISSING = "helper missing"
    HELPER_FAILED = "helper failed"
    UNREADABLE = "unreadable"
    ROOT_OWNED = "root-owned"  # unreadable, because root owns it in a home that is not root's
    MALFORMED = "malformed"
    LOCKED = "locked"  # whoever knows the passphrase can open it: nothing is broken
    NOT_CHECKED = "not checked"


# The source of the login is broken: no registry need be asked to know that it is of no use.
BROKEN = frozenset(
    (State.HELPER_MISSING, State.HELPER_FAILED, State.UNREADABLE, State.ROOT_OWNED, State.MALFORMED),
)


class Share(NamedTuple):
    """Something that places have in common, ``subject`` by name.

    ``what``: ``mount`` (a file of this machine that containers have), ``file``, ``helper``, ``credential``; or ``socket``, the
    engine's, through which whoever is in these containers commands it. The last and the first may name one place alone.
    """

    what: str
    subject: str
    contexts: tuple[str, ...]


class Login(NamedTuple):
    """One login of one place, for all clients that read it there.

    ``clients``: docker, and podman for itself, skopeo and buildah. ``key`` stands in the file or the helper's list;
    ``registry`` is the one that it means, empty where it means none. ``kind``: ``password``, ``identity token``, ``bearer
    token``, empty where nobody was asked. It rests in ``path``, or with ``helper`` (its suffix), which ``path`` names;
    ``path`` is empty where docker chose the helper by itself. ``detail``: why the state is what it is. ``expires``: seconds
    since 1970, where the credential says so. ``asked``: the steps of the registry's answer.
    """

    context: str
    clients: tuple[str, ...]
    key: str
    registry: str
    user: str
    kind: str
    path: str
    helper: str | None
    state: State
    detail: str = ""
    hint: str | None = None
    expires: float | None = None
    shared: tuple[Share, ...] = ()
    credential: Credential | None = None
    asked: tuple[Step, ...] = ()

    @property
    def stored_in(self) -> str:
        """The file that holds the login, or the program of the helper that does."""
        return f"docker-credential-{self.helper}" if self.helper else self.path

    @property
    def plain_text(self) -> bool:
        """Whether whoever can read the file has the secret."""
        return self.helper is None and self.credential is not None


class Looked(NamedTuple):
    """A context, and what was found in it. ``trouble``: why nothing could be, ``hint``: the next step; then no ``context``.

    ``shared`` is what the context itself shares with others, apart from its logins. ``notes``: what is worth knowing and
    is no login, such as a helper that a file names and that has none.
    """

    place: Place
    context: Context | None = None
    logins: tuple[Login, ...] = ()
    trouble: str | None = None
    shared: tuple[Share, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
