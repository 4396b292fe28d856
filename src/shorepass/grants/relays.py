"""The processes that relay grants to targets that run already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.proc import stamp

if TYPE_CHECKING:
    from shorepass.grants.grant import Grant

__all__ = ["has_dead_relay", "has_live_relay"]


def has_dead_relay(grant: Grant) -> bool:
    """Tell whether the process that relayed a grant has ended; false if none did, or if the system does not show it."""
    pid = grant.relay.partition(" ")[0]
    return pid.isdigit() and stamp(int(pid)) != grant.relay


def has_live_relay(grant: Grant) -> bool:
    """Tell whether a process relays a grant."""
    return bool(grant.relay) and not has_dead_relay(grant)
