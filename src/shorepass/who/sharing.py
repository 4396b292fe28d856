"""What places have in common: one file that two of them read, one helper, one credential."""

from __future__ import annotations

from shorepass.errors import SourceError
from shorepass.who.login import Share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.contexts import Context
    from shorepass.who.login import Login, Looked

__all__ = ["with_shares"]


def with_shares(looked: Sequence[Looked]) -> list[Looked]:
    """Return the same, each login with what it shares with other places.

    One file: whoever writes it in one place changes the other. One helper: the same program answers with the same
    account. One credential: a copy, which a new login does not change. Each is said only where the one before is not.
    """
    marks = [[list(_marks(found.context, login)) for login in found.logins] for found in looked]
    holders: dict[tuple[str, object], dict[str, str]] = {}  # what, and which one: a name of it, by context
    for found, rows in zip(looked, marks, strict=True):
        for row in rows:
            for what, which, subject in row:
                holders.setdefault((what, which), {}).setdefault(found.place.name, subject)
    shares = {
        mark: Share(mark[0], next(iter(names.values())), tuple(names))
        for mark, names in holders.items()
        if len(names) > 1
    }
    return [
        found._replace(
            logins=tuple(
                login._replace(shared=tuple(_first(shares, row))) for login, row in zip(found.logins, rows, strict=True)
            )
        )
        for found, rows in zip(looked, marks, strict=True)
    ]


def _first(shares: dict[tuple[str, object], Share], row: Sequence[tuple[str, object, str]]) -> Iterator[Share]:
    """Yield the shares of one login; not those whose places an earlier one has named."""
    named: set[str] = set()
    for what, which, _ in row:
        share = shares.get((what, which))
        if share is not None and not named.issuperset(share.contexts):
            named.update(share.contexts)
            yield share


def _marks(context: Context | None, login: Login) -> Iterator[tuple[str, object, str]]:
    """Yield what another place's login may have too: what it is, which one, and its name here."""
    if context is None:
        return
    identity = _identity(context, login.path) if _may_be_shared(context, login.path) else None
    if identity:
        yield "file", identity, login.path
    if login.helper and login.kind:
        program = context.which(f"docker-credential-{login.helper}")
        identity = _identity(context, program) if program else None
        if identity:
            yield "helper", (identity, login.key, login.account), f"docker-credential-{login.helper}"
    if login.credential is not None:
        yield "credential", (login.registry, login.credential), f"{login.account or login.kind} at {login.key}"


def _may_be_shared(context: Context, path: str) -> bool:
    """Tell whether a path is one of files that another place may have: not a variable, not a container's own layer."""
    if not (path.startswith(("/", "\\")) or path[1:3] == ":\\"):
        return False
    mount_of = getattr(context, "mount_of", None)  # a container's; to ask for the file itself costs its engine 50 ms
    return mount_of is None or mount_of(path) is not None


def _identity(context: Context, path: str) -> str | None:
    try:
        status = context.status(path)
    except SourceError:
        return None
    return status.identity if status else None
