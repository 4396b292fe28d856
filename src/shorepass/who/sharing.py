"""What contexts share: a file, a helper, a credential, an engine's socket."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from shorepass.errors import SourceError, without_user_info
from shorepass.who.login import Share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from shorepass.contexts import Context
    from shorepass.contexts.containers.container import Mount
    from shorepass.who.login import Login, Looked

    _Mark: TypeAlias = tuple[str, object, str]  # what it is, which one, and its name in that place

__all__ = ["is_container", "with_shares"]


def with_shares(looked: Sequence[Looked]) -> list[Looked]:
    """Return the contexts and logins with what they share.

    A mount or one file: a write in one context changes the other. One helper: the same program returns the same login. One
    credential: a copy, which a new login elsewhere does not change. A share is left out if an earlier one has its contexts.
    """
    own = [list(_sockets(found.context)) for found in looked]
    marks = [[_known_marks(found.context, login) for login in found.logins] for found in looked]
    holders: dict[tuple[str, object], dict[str, str]] = {}  # what, and which one: its name there, by place
    for found, sockets, rows in zip(looked, own, marks, strict=True):
        for what, which, subject in chain.from_iterable((sockets, *rows)):
            holders.setdefault((what, which), {}).setdefault(found.place.name, subject)
    containers = {found.place.name for found in looked if is_container(found.context)}
    shares = {
        mark: Share(mark[0], next(iter(names.values())), tuple(names))
        for mark, names in holders.items()
        if mark[0] == "socket" or (containers & names.keys() if mark[0] == "mount" else len(names) > 1)
    }
    return [
        found._replace(
            logins=tuple(
                login._replace(shared=tuple(_first(shares, row))) for login, row in zip(found.logins, rows, strict=True)
            ),
            shared=tuple(_first(shares, sockets)),
        )
        for found, sockets, rows in zip(looked, own, marks, strict=True)
    ]


def is_container(context: Context | None) -> bool:
    """Return whether files of this machine can be mounted in a context."""
    return hasattr(context, "mounts")


def _first(shares: dict[tuple[str, object], Share], row: Sequence[_Mark]) -> Iterator[Share]:
    """Yield the shares of one row, without those whose contexts an earlier one has."""
    named: set[str] = set()
    for what, which, _ in row:
        share = shares.get((what, which))
        if share is not None and not named.issuperset(share.contexts):
            named.update(share.contexts)
            yield share


def _sockets(context: Context | None) -> Iterator[_Mark]:
    mounts: Sequence[Mount] = getattr(context, "mounts", ())
    for mount in mounts:
        if mount.is_engine_socket:
            yield "socket", mount.source, mount.source


def _known_marks(context: Context | None, login: Login) -> list[_Mark]:
    """Return the marks of a login, [] if its context no longer answers."""
    try:
        return list(_marks(context, login))
    except Exception:  # noqa: BLE001  # what goes wrong in one context must not hide the others
        return []


def _marks(context: Context | None, login: Login) -> Iterator[_Mark]:
    """Yield what a login of another context may also have."""
    if context is None:
        return
    source = _on_this_machine(context, login.path)
    if source:
        yield "mount", source, source
        identity = _identity(context, login.path)
        if identity:
            yield "file", identity, login.path
    if login.helper and login.kind:
        program = context.which(f"docker-credential-{login.helper}")
        identity = _identity(context, program) if program else None
        if identity:
            yield "helper", (identity, login.key, login.user), f"docker-credential-{login.helper}"
    if login.credential is not None:
        yield (
            "credential",
            (login.registry, login.credential),
            f"{login.user or login.kind} at {without_user_info(login.key)}",
        )


def _on_this_machine(context: Context, path: str) -> str | None:
    """Return the path outside of a container of what is at ``path``; None for a variable, and for a container's own layer.

    (No context shares that layer, and a question to its engine costs 50 ms.)
    """
    if not (path.startswith(("/", "\\")) or path[1:3] == ":\\"):
        return None
    if not is_container(context):
        return path
    mount: Mount | None = context.mounted.of(path)  # type: ignore[attr-defined]  # a container's
    return mount.source + path[len(mount.target) :] if mount is not None and mount.source else None


def _identity(context: Context, path: str) -> str | None:
    try:
        status = context.status(path)
    except SourceError:
        return None
    return status.identity if status else None
