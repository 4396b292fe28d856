"""What ``who`` shows: each login of a context, and its state."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.contexts.place import Place
    from shorepass.credential import Credential
    from shorepass.resolution import Step

__all__ = ["BROKEN", "Login", "Looked", "Share", "State"]


class State(Enum):
    """What is known of a login."""

    WORKS = "works"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # a registry was asked but did not answer about the login
    EXPIRED = "expired"
    HELPER_MISSING = "helper missing"
    HELPER_FAILED = "helper failed"
    UNREADABLE = "unreadable"
    ROOT_OWNED = "root-owned"  # unreadable, because root owns it in a home that is not root's
    MALFORMED = "malformed"
    LOCKED = "locked"  # a passphrase opens it: nothing is broken
    NOT_CHECKED = "not checked"


# The source of the login is broken, so the login cannot be used.
BROKEN = frozenset(
    (State.HELPER_MISSING, State.HELPER_FAILED, State.UNREADABLE, State.ROOT_OWNED, State.MALFORMED),
)


class Share(NamedTuple):
    """Something that contexts share. ``subject``: its name.

    ``what``: ``mount`` (a file of this machine that containers have), ``file``, ``helper``, ``credential``; or ``socket``,
    the engine's, by which these containers can control it. The first and the last may have only one context.
    """

    what: str
    subject: str
    contexts: tuple[str, ...]


class Login(NamedTuple):
    """One login of one context, for all clients that read it.

    ``clients``: docker, and podman for itself, skopeo and buildah. ``key``: as in the file or the helper's list;
    ``registry``: the one that it means, or "". ``kind``: ``password``, ``identity token``, ``bearer
    token``, "" if the helper was not asked. It is stored in ``path``, or in ``helper`` (its suffix), which ``path`` names;
    ``path`` is "" if docker chose the helper by default. ``detail``: the reason for the state. ``expires``: seconds
    since 1970, if the credential has an expiry. ``until_restart``: a restart of the machine removes its file. ``asked``:
    the steps of the registry's answer.
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
    until_restart: bool = False
    shared: tuple[Share, ...] = ()
    credential: Credential | None = None
    asked: tuple[Step, ...] = ()

    @property
    def stored_in(self) -> str:
        """The file that holds the login, or the program of the helper that does."""
        return f"docker-credential-{self.helper}" if self.helper else self.path

    @property
    def plain_text(self) -> bool:
        """Whether the file itself contains the secret."""
        return self.helper is None and self.credential is not None


class Looked(NamedTuple):
    """A context and what was found in it. ``trouble``: why it cannot be examined, ``hint``: the next step.

    ``shared`` is what the context itself shares with others, apart from its logins. ``notes``: facts that are
    not logins, such as a named helper that has no login.
    """

    place: Place
    context: Context | None = None
    logins: tuple[Login, ...] = ()
    trouble: str | None = None
    shared: tuple[Share, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
