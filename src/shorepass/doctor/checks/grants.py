"""SP801 to SP805: grants that lend nothing, as this machine shows it.

They are about the grants of this user. ``grants_inside`` looks at what a container has of a grant.
"""

from __future__ import annotations

import os
import time
from itertools import chain
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.agent_client.client import AgentClient, AgentFails, NoAgent
from shorepass.contexts.command import command
from shorepass.contexts.containers.container import ContainerContext, discover
from shorepass.contexts.discovery import REACH_SECONDS
from shorepass.contexts.engine_family import Family
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, ShorepassError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.grants import file
from shorepass.grants.contents import INSIDE
from shorepass.grants.folder import SOCKETS, folders_of, socket_of
from shorepass.who.lent import has_grant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.contexts.local import LocalContext
    from shorepass.contexts.place import Place
    from shorepass.doctor.examination import Examination
    from shorepass.grants.grant import Grant

__all__ = ["CODES", "check"]

CODES = {
    "SP801": "The file of the grants is broken",
    "SP802": "No agent serves the grants",
    "SP803": "The relay of a grant has ended",
    "SP804": "The container of a grant has ended, or was started again",
    "SP805": "A folder of the grants is left over, or missing",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Look at the grants of this user: at all of them from here, and from a container at those that it has."""
    context, here = examination.context, examination.here
    if here.platform == "windows" or not (context.name == here.name or isinstance(context, ContainerContext)):
        return
    now = time.time()
    try:
        grants = [grant for grant in file.load(here).values() if not grant.end(now)]
    except FileError as error:
        yield _broken(context.name, here, error)
        return
    if isinstance(context, ContainerContext):
        grants = [grant for grant in grants if has_grant(context, grant)]
    agent = list(_agent(context.name, here, grants)) if grants else []
    yield from agent
    if isinstance(context, ContainerContext):
        for grant in grants:
            yield from _relay(context.name, grant, context)
        return
    yield from _left_over(here, grants)
    if not agent:
        yield from _missing(here, grants)
    yield from _relays(here, grants)


# SP801


def _broken(name: str, here: LocalContext, error: FileError) -> Finding:
    path = file.path_of(here)
    aside = Advice(f"mv {quoted(path)} {quoted(path + '.old')}")
    return Finding("SP801", Severity.ERROR, name, path, error.reason, ("then lend the logins again",), aside)


# SP802


def _agent(name: str, here: LocalContext, grants: Sequence[Grant]) -> Iterator[Finding]:
    registries = chain.from_iterable(grant.registries for grant in grants)
    evidence = (f"lent: {', '.join(dict.fromkeys(registries))}", "public images still pull")
    try:
        is_locked = AgentClient(here).manage("status")["locked"]
    except (NoAgent, AgentFails) as error:
        start = Advice(command(None, "agent", "start"))
        yield Finding("SP802", Severity.ERROR, name, "agent", error.message, evidence, start)
        return
    if is_locked:
        unlock = Advice(command(None, "unlock"))
        yield Finding("SP802", Severity.ERROR, name, "agent", "it is locked, so no login is lent", evidence, unlock)


# SP803, SP804


def _relays(here: LocalContext, grants: Sequence[Grant]) -> Iterator[Finding]:
    """Look at the containers that grants were made for."""
    relayed = [grant for grant in grants if grant.target.partition(":")[0] in tuple(Family)]
    places = {place.name: place for place in discover(here, REACH_SECONDS)} if relayed else {}
    for grant in relayed:
        try:
            yield from _relay(here.name, grant, _opened(grant, places))
        except ShorepassError:
            continue  # the container is not known to be gone: its engine does not answer


def _opened(grant: Grant, places: dict[str, Place]) -> ContainerContext | None:
    """Return the container of a grant, None if its engine does not have it. Raises ShorepassError."""
    place = places.get(grant.target)
    family = grant.target.partition(":")[0]
    if place is None or place.open is None:
        if any(other.trouble for name, other in places.items() if name.startswith(f"{family}:")):
            raise ShorepassError(f"{family} does not answer")
        return None
    context = place.open()
    return context if isinstance(context, ContainerContext) else None


def _relay(name: str, grant: Grant, container: ContainerContext | None) -> Iterator[Finding]:
    """Find a relay that no longer serves its container."""
    if container is not None and grant.target != container.name:
        return  # it has the folder
    end = Advice(command(None, "revoke", grant.id))
    again = command(None, "share", grant.target, *_lent(grant))
    evidence = (f"grant {grant.id} lends {', '.join(grant.registries)}", f"to lend again, afterwards: {again}")
    why = _why_ended(grant, container)
    if why:
        yield Finding("SP804", Severity.WARNING, name, grant.target, why, evidence, end)
    elif container is not None and not _is_served(container, grant):
        cause = "nothing in the container answers for the grant: its command has ended"
        yield Finding("SP803", Severity.WARNING, name, grant.target, cause, evidence, end)


def _lent(grant: Grant) -> Iterator[str]:
    for registry in grant.registries:
        yield from ("--registry", registry)


def _why_ended(grant: Grant, container: ContainerContext | None) -> str:
    """Return why a container cannot have a relay, "" if it can."""
    if container is None:
        return "the engine has no such container"
    if not container.is_running:
        return "the container does not run"
    return "the container was started after the grant was made" if container.started > grant.created else ""


def _is_served(container: ContainerContext, grant: Grant) -> bool:
    """Tell whether the socket is in a container; true if a tmpfs hides the folder from the engine."""
    try:
        return container.unhindered().status(f"{INSIDE}/{SOCKETS.get(grant.mode, '')}") is not None
    except FileError:
        return True


# SP805


def _left_over(here: LocalContext, grants: Sequence[Grant]) -> Iterator[Finding]:
    folder = folders_of(here)
    known = {grant.folder for grant in grants}
    for name in files.names(folder):
        path = os.path.join(folder, name)
        if path not in known:
            cause = "no grant has this folder, and nothing serves it"
            yield Finding("SP805", Severity.WARNING, here.name, path, cause, (), Advice(f"rm -r {quoted(path)}"))


def _missing(here: LocalContext, grants: Sequence[Grant]) -> Iterator[Finding]:
    """Find what the agent should serve, and what is not there."""
    again = Advice(f"{command(None, 'agent', 'stop')} && {command(None, 'agent', 'start')}")
    for grant in grants:
        path = socket_of(grant) if grant.mode in SOCKETS else grant.folder
        if files.status(path) is None:
            evidence = (f"grant {grant.id} for {grant.target}", "a container that has the folder must start again, too")
            cause = "the agent runs, but this is not there"
            yield Finding("SP805", Severity.ERROR, here.name, path, cause, evidence, again)
