"""What the audit log knows of the use of each grant."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.audit_log import log_path, records
from shorepass.agent.grant_lines import NO_USE

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["Use", "uses"]


class Use(NamedTuple):
    """When a login was last given by a grant, in seconds since 1970, and the ids of the containers that got one.

    No container: the programs that got one run on this machine, as a relay does, or their container is not known.
    """

    last: float
    containers: tuple[str, ...]


def uses(here: LocalContext) -> dict[str, Use]:
    """Return the use of each grant in the log, by the grant's id. Raises FileError."""
    found: dict[str, Use] = {}
    for record in records(log_path(here)):
        grant = str(record.get("grant") or "")
        if not grant or record.get("result") != "ok" or record.get("verb") in NO_USE:
            continue
        try:
            last = datetime.fromisoformat(record["time"]).timestamp()
        except (KeyError, TypeError, ValueError):
            continue
        known = found.get(grant, Use(last, ())).containers
        container = str(record.get("container") or "")
        if container and container not in known:
            known = (*known, container)
        found[grant] = Use(last, known)
    return found
