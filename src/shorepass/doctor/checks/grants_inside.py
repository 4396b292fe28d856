"""SP806 to SP809: a container has a grant of this user, or had one, and its clients do not get the login."""

from __future__ import annotations

import os
import time
from itertools import chain
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.client_table import DEFAULT
from shorepass.contexts.command import command
from shorepass.contexts.containers.container import ContainerContext
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import ContextError, FileError, UsageError
from shorepass.files import SIZE_LIMIT
from shorepass.fixes.repair import Advice, Edit
from shorepass.foreign_text import quoted
from shorepass.grants import file
from shorepass.grants.contents import HELPER_INSIDE, INSIDE, contents
from shorepass.grants.folder import folders_of
from shorepass.grants.grant import ENGINE, FORWARD
from shorepass.grants.relays import has_live_relay
from shorepass.helper import PROGRAM
from shorepass.helper.protocol import program_name
from shorepass.names import Reference
from shorepass.share.vscode_helper import opened, places, restoring, taken
from shorepass.who.lent import has_grant
from shorepass.who.use import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shorepass.contexts.containers.container import Mount
    from shorepass.contexts.local import LocalContext
    from shorepass.doctor.examination import Examination
    from shorepass.grants.grant import Grant
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check"]

CODES = {
    "SP806": "A container has the folder of a grant that has ended",
    "SP807": "The helper of a grant is not on the container's PATH",
    "SP808": "The container's own settings hide a lent login",
    "SP809": "docker in a container still names Shorepass in place of VS Code",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Look at a container that has a grant of this user; from here, at those that a relay has changed."""
    context, here = examination.context, examination.here
    now = time.time()
    try:
        known = file.load(here)
    except FileError:
        return  # SP801
    if context.name == here.name:
        yield from _taken_there(here, known)
    if not isinstance(context, ContainerContext):
        return
    mine = [grant for grant in known.values() if not grant.end(now) and has_grant(context, grant)]
    if not any(map(has_live_relay, mine)):
        yield from _taken(context.name, context, here)
    ended = list(_ended(context, here, known, now))
    yield from ended
    if not ended:  # else all follows from that
        for grant in mine:
            yield from _without_helper(context, grant)
            yield from _hidden(examination, context, grant)


# SP806


def _ended(context: ContainerContext, here: LocalContext, known: Mapping[str, Grant], now: float) -> Iterator[Finding]:
    above = folders_of(here)
    for mount in context.mounts:
        if not mount.source.startswith(f"{above}/"):
            continue
        id_ = mount.source.removeprefix(f"{above}/").partition("/")[0]
        grant = known.get(id_)
        end = grant.end(now) if grant else "it was revoked, or its time is over"
        if not end and not _is_old(context, mount):
            continue
        evidence = [f"mounted from {mount.source}"]
        if files.status(mount.source) is None:
            evidence.append("the folder no longer exists on this machine, so the container does not start again")
        cause = f"the grant {id_} has ended: {end}" if end else "the folder of the grant was made again since then"
        advice = _another_grant(grant) if end else f"{context.name.replace(':', ' restart ', 1)}"
        yield Finding("SP806", Severity.WARNING, context.name, mount.target, cause, tuple(evidence), Advice(advice))


def _is_old(context: ContainerContext, mount: Mount) -> bool:
    """Tell whether a container has a folder that this machine has replaced; false if the container cannot tell."""
    try:
        there, inside = files.status(mount.source), context.unhindered().status(mount.target)
    except FileError:
        return False
    if there is None or inside is None or inside.identity is None:
        return False
    return inside.identity != there.identity


def _another_grant(grant: Grant | None) -> str:
    """Return how a container gets another grant."""
    registries = grant.registries if grant else ("REGISTRY",)
    words = chain.from_iterable(("--registry", registry) for registry in registries)
    return f"make the container again with the flags of: {command(None, 'share', 'flags', *words)}"


# SP807


def _without_helper(context: ContainerContext, grant: Grant) -> Iterator[Finding]:
    if grant.mode != FORWARD or context.which(PROGRAM) is not None:
        return
    path = context.getenv("PATH") or ""
    folder = os.path.dirname(HELPER_INSIDE)
    evidence = (f"PATH: {path}", f"grant {grant.id} for {', '.join(grant.registries)}")
    follows = tuple((code, PROGRAM) for code in ("SP201", "SP603"))
    if _is_there(context, HELPER_INSIDE):
        cause = f"it is in {folder}, and the container's PATH does not have this folder"
        advice = _with_variables(context, grant, {"PATH": ":".join(filter(None, (path, folder)))})
    elif grant.target == context.name:
        return  # SP803
    else:
        cause = f"the container has the folder of the grant, but not {HELPER_INSIDE}"
        advice = _another_grant(grant)
    yield Finding("SP807", Severity.ERROR, context.name, PROGRAM, cause, evidence, Advice(advice), follows)


def _is_there(context: ContainerContext, path: str) -> bool:
    try:
        return context.unhindered().status(path) is not None
    except FileError:
        return False


def _with_variables(context: ContainerContext, grant: Grant, variables: Mapping[str, str]) -> str:
    """Return how clients get variables: in a container that ran already, each command gets them."""
    family = context.name.partition(":")[0]
    words = " ".join(f"--env {quoted(f'{name}={value}')}" for name, value in variables.items())
    if grant.target == context.name:
        return f"start its clients with: {family} exec {words}"
    return f"make the container again with: {family} run {words}"


# SP808


def _hidden(examination: Examination, context: ContainerContext, grant: Grant) -> Iterator[Finding]:
    expected = _variables(examination.here, grant)
    wrong = {name: value for name, value in expected.items() if context.getenv(name) != value}
    is_by_exec = grant.target == context.name  # its clients get the variables by exec
    if grant.mode == ENGINE:
        if wrong:
            cause = "clients in the container use another engine than the grant's"
            yield _finding(context, grant, DEFAULT, cause, wrong)
        return
    programs = (PROGRAM, *map(program_name, grant.helpers))
    for client in examination.clients:
        for registry in grant.named:
            place = _place(client.resolve(quiet(context), Reference(registry, "")))
            own = {name: value for name, value in wrong.items() if name == client.facts.variable}
            if place in programs or place.startswith(f"{INSIDE}/"):
                continue
            if not place and (is_by_exec or not own):
                continue
            cause = f"{client.facts.label} uses {place or 'no login'} for {registry}, and not the grant"
            yield _finding(context, grant, client.name, cause, own)
            break


def _place(resolution: Resolution) -> str:
    """Return the helper that a client asks, which is not started here, or else the file that it uses; "" for nothing."""
    helpers = [step.subject for step in resolution.steps if step.subject.startswith(program_name(""))]
    if helpers:
        return helpers[-1]
    return resolution.source.path if resolution.source else ""


def _variables(here: LocalContext, grant: Grant) -> dict[str, str]:
    """Return the variables of a container that has a grant."""
    try:
        return contents(here, grant)[1]
    except UsageError:
        return {}


def _finding(context: ContainerContext, grant: Grant, subject: str, cause: str, wrong: Mapping[str, str]) -> Finding:
    """Return that a client does not use a grant. ``wrong``: the variables that are not as the grant needs them."""
    evidence = [f"{name} is {context.getenv(name) or 'not set'}" for name in wrong]
    advice = _with_variables(context, grant, wrong) if wrong else f"remove that login from {context.name}"
    severity = Severity.NOTE if grant.target == context.name else Severity.WARNING
    return Finding("SP808", severity, context.name, subject, cause, tuple(evidence), Advice(advice))


# SP809


def _taken_there(here: LocalContext, known: Mapping[str, Grant]) -> Iterator[Finding]:
    """Look into the containers in which something is not restored, and that no relay serves now."""
    served = {grant.target for grant in known.values() if has_live_relay(grant)}
    for place in places(here):
        try:
            container = opened(here, place)
        except ContextError:
            continue  # it was removed, or its engine does not answer
        if place not in served:
            yield from _taken(here.name, container, here)


def _taken(name: str, container: ContainerContext, here: LocalContext) -> Iterator[Finding]:
    whole = container.unhindered()
    for row in taken(here, container.id):
        edit = restoring(row)
        try:
            content = whole.read(row.path, SIZE_LIMIT)
            if edit(content) is None:
                continue
        except FileError:
            continue
        cause = "a relay that has ended has changed its credsStore"
        evidence = (f"before: {row.was}", "docker there finds no login, and cannot log in")
        repair = Edit(whole, row.path, edit, f"name {row.was} again in credsStore")
        follows = tuple((code, PROGRAM) for code in ("SP201", "SP603"))
        subject = row.path if name == row.place else f"{row.place}: {row.path}"
        yield Finding("SP809", Severity.ERROR, name, subject, cause, evidence, repair, follows)
