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
from shorepass.grants import file, policy_file
from shorepass.grants.folder import SOCKETS, folders_of, socket_of
from shorepass.grants.relays import has_dead_relay
from shorepass.who.lent import has_grant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shorepass.contexts.local import LocalContext
    from shorepass.contexts.place import Place
    from shorepass.doctor.examination import Examination
    from shorepass.grants.grant import Grant

__all__ = ["CODES", "check"]

CODES = {
    "SP801": "The file of the grants or the policy is broken",
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
    try:
        policy_file.load(here)
    except FileError as error:
        yield _refused(context.name, here, error)
    if isinstance(context, ContainerContext):
        grants = [grant for grant in grants if has_grant(context, grant)]
    agent = list(_agent(context.name, here, grants)) if grants else []
    yield from agent
    if isinstance(context, ContainerContext):
        for grant in filter(has_dead_relay, grants):
            yield _dead(context.name, grant, _why_ended(grant, context))
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


def _refused(name: str, here: LocalContext, error: FileError) -> Finding:
    evidence = ("a broken policy refuses every login that you lend",)
    look = Advice(command(None, "policy", "check"))
    return Finding("SP801", Severity.ERROR, name, policy_file.path_of(here), error.reason, evidence, look)


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
    """Look at the grants whose relay has ended, and at their containers."""
    dead = [grant for grant in grants if has_dead_relay(grant)]
    places = {place.name: place for place in discover(here, REACH_SECONDS)} if dead else {}
    for grant in dead:
        yield _dead(here.name, grant, _why_there(grant, places))


def _why_there(grant: Grant, places: Mapping[str, Place]) -> str:
    """Return why a grant's container cannot have a relay, "" if it can, or if no engine tells."""
    family = grant.target.partition(":")[0]
    place = places.get(grant.target)
    if place is None or place.open is None:
        silent = any(other.trouble for name, other in places.items() if name.startswith(f"{family}:"))
        return "" if silent or family not in tuple(Family) else "the engine has no such container"
    try:
        container = place.open()
    except ShorepassError:
        return ""
    return _why_ended(grant, container) if isinstance(container, ContainerContext) else ""


def _why_ended(grant: Grant, container: ContainerContext) -> str:
    if not container.is_running:
        return "the container does not run"
    return "the container was started after the grant was made" if container.started > grant.created else ""


def _dead(name: str, grant: Grant, why: str) -> Finding:
    """Return the finding about a relay that has ended. ``why``: because of its container."""
    end = Advice(command(None, "revoke", grant.id))
    again = command(None, "share", grant.target, *_lent(grant))
    evidence = (f"grant {grant.id} lends {', '.join(grant.registries)}", f"to lend again, afterwards: {again}")
    code = "SP804" if why else "SP803"
    cause = why or "nothing there answers for the grant: its command has ended"
    return Finding(code, Severity.WARNING, name, grant.target, cause, evidence, end)


def _lent(grant: Grant) -> Iterator[str]:
    for registry in grant.registries:
        yield from ("--registry", registry)


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
