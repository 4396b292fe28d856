"""The grants of this user, beside the contexts that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.uses import uses
from shorepass.grants import file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts import Context
    from shorepass.contexts.containers.container import Mount
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant
    from shorepass.who.login import Looked

__all__ = ["Lent", "has_grant", "lent"]


class Lent(NamedTuple):
    """A grant that has not ended.

    ``lender``: the context whose logins it lends. ``contexts``: those that have it, of all that were looked into.
    ``last_use``: seconds since 1970; None if it was not used, or if its mode does not see uses.
    """

    grant: Grant
    lender: str
    contexts: tuple[str, ...]
    last_use: float | None

    @property
    def subject(self) -> tuple[str, ...]:
        """What is lent: repositories, or else registries."""
        return self.grant.repositories or self.grant.registries

    @property
    def targets(self) -> tuple[str, ...]:
        """Who has it: contexts, or else the word of the user."""
        return self.contexts or (self.grant.target,)


def lent(here: LocalContext, looked: Sequence[Looked], *, now: float) -> list[Lent]:
    """Return the grants that were made in one of the contexts, or that one of them has. Raises FileError, MalformedFile."""
    grants = [grant for grant in file.load(here).values() if not grant.end(now)]
    used = uses(here) if grants else {}
    is_lender_seen = any(found.place.name == here.name for found in looked)
    rows = []
    for grant in grants:
        holders = tuple(found.place.name for found in looked if _has(found, grant))
        if holders or is_lender_seen:
            last = used[grant.id].last if grant.id in used else None
            rows.append(Lent(grant, here.name, holders, last))
    return rows


def _has(found: Looked, grant: Grant) -> bool:
    if found.context is not None and has_grant(found.context, grant):
        return True
    return grant.target == found.place.name


def has_grant(context: Context, grant: Grant) -> bool:
    """Tell whether a context has a grant: it was made for that context, or its folder or a part of it is mounted there."""
    mounts: Sequence[Mount] = getattr(context, "mounts", ())
    is_mounted = any(f"{mount.source}/".startswith(f"{grant.folder}/") for mount in mounts)
    return is_mounted or grant.target == context.name
