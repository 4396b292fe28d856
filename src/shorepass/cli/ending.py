"""End grants, as ``revoke`` does, and as each command does whose grant ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.grants import file, folder
from shorepass.grants.grant import EXPORT, TOKEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["end", "sweep", "withdraw"]

WITH_SECRETS = (TOKEN, EXPORT)  # modes whose file has them


def end(here: LocalContext, grants: Collection[Grant]) -> None:
    """End grants, also if no agent runs. Raises WriteError, MalformedFile, AgentFails."""
    file.remove(here, {grant.id for grant in grants})
    try:
        AgentClient(here).manage("grants")
    except NoAgent:
        for grant in grants:
            folder.remove(grant)


def withdraw(grants: Iterable[Grant]) -> None:
    """Remove the logins that a killed agent has left in the files of grants. Raises WriteError."""
    for grant in grants:
        if grant.mode in WITH_SECRETS:
            folder.empty_config(grant)


def sweep(here: LocalContext, kept: Collection[str]) -> None:
    """Remove what a killed agent has left of ended grants. An agent that runs does that itself."""
    if not folder.leftovers(here, kept):
        return
    try:
        AgentClient(here).manage("status")
    except NoAgent:
        folder.sweep(here, kept)
