"""SP701 to SP706: the agent's socket, the forwarder in front of helpers, and the agent's systemd units.

They are about this user on this machine: another context has an agent of its own, or uses this one by a grant.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.acceleration import front
from shorepass.agent_client import layout, systemd_units
from shorepass.agent_client.address import own_addresses, own_folder, trouble_with
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.agent_client.forwarder_file import path_for
from shorepass.config.locations import split
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.doctor.finding import Finding, Severity
from shorepass.files.nodes import SIZE_LIMIT
from shorepass.fixes.repair import Advice, Mode
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.helper.protocol import program_name
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.acceleration.front import State
    from shorepass.doctor.examination import Examination
    from shorepass.fixes.repair import Repair

__all__ = ["CODES", "check"]

CODES = {
    "SP701": "The agent has ended, and its socket remains",
    "SP702": "Something is in the way of the agent's socket",
    "SP703": "The forwarder is from another version of Shorepass",
    "SP704": "The program behind the forwarder no longer exists",
    "SP705": "PATH no longer leads to the forwarder",
    "SP706": "The agent's systemd units do not run",
}

SECONDS = 2.0  # for the agent to accept a connection
SYSTEMCTL_SECONDS = 5.0
OUTPUT_LIMIT = 64 * 1024  # bytes
PRIVATE = 0o700
REFUSED = os.strerror(errno.ECONNREFUSED)
WITHOUT = "helpers still answer, but each call starts the helper itself"


def check(examination: Examination) -> Iterator[Finding]:
    """Look at the agent of this user."""
    context = examination.context
    if context.name != "me" or not isinstance(context, LocalContext) or context.platform == "windows":
        return
    known = _known_units(context) if examination.runs else {}
    yield from _socket(context, systemd_listens=known.get(systemd_units.SOCKET, {}).get("ActiveState") == "active")
    states = front.states(context)
    yield from _version(context, states)
    yield from _no_original(examination, context)
    for state in states:
        yield from _not_first(context, state)
    if known:
        yield from _units(known)


def _finding(code: str, subject: str, cause: str, *evidence: str, repair: Repair) -> Finding:
    return Finding(code, Severity.WARNING, "me", subject, cause, evidence, repair)


# SP701, SP702


def _socket(context: LocalContext, *, systemd_listens: bool) -> Iterator[Finding]:
    """Look at the agent's folder and socket. If systemd listens there, a connection would start the agent."""
    folder = own_folder(context)
    trouble = trouble_with(folder)
    if trouble:
        yield _finding(
            "SP702",
            folder,
            trouble.removeprefix(f"{folder} ").removeprefix(f"{folder}: "),
            WITHOUT,
            repair=_way(context, folder),
        )
        return
    for address in own_addresses(context):
        seen = files.status(address.path) if address.own and not trouble_with(address.folder) else None
        if seen is None:
            continue
        if seen.kind != "other" or seen.uid != context.uid:
            cause = f"it belongs to {seen.owner or seen.uid}" if seen.uid != context.uid else "it is not a socket"
            yield _finding("SP702", address.path, cause, WITHOUT, repair=_aside(address.path))
        elif not systemd_listens and _is_dead(address.path):
            start = Advice(command(None, "agent", "start"))
            yield _finding("SP701", address.path, "no process listens on this socket", WITHOUT, repair=start)


def _way(context: LocalContext, folder: str) -> Repair:
    """Return the fix for a folder that the agent does not use: its mode, or another folder."""
    status = context.status(folder)
    if status is None or status.link or status.kind != "folder" or status.uid != context.uid:
        return _aside(folder)
    return Mode(context, folder, PRIVATE, status)


def _aside(path: str) -> Advice:
    return Advice(f"mv {quoted(path)} {quoted(path + '.old')}")


def _is_dead(path: str) -> bool:
    try:
        with Connection.to(path, owner=None, seconds=SECONDS):
            return False
    except ConnectionLost as error:
        return str(error) == REFUSED


# SP703 to SP705


def _again(name: str) -> str:
    """Return the command that puts the forwarder in front of a helper again."""
    return command(None, "agent", "enable") if name == OURSELVES else command(None, "accelerate", name)


def _undo(name: str) -> str:
    return command(None, "agent", "disable") if name == OURSELVES else command(None, "accelerate", "--undo", name)


def _version(context: LocalContext, states: list[State]) -> Iterator[Finding]:
    path = layout.forwarder(context)
    ours = path_for(context.platform, context.machine)
    installed = context.read(path, SIZE_LIMIT)
    expected = context.read(ours, SIZE_LIMIT) if ours else None
    if states and installed and expected and installed.data != expected.data:
        repair = Advice(_again(states[0].name))
        yield _finding(
            "SP703", path, "it differs from the one of this Shorepass", f"this Shorepass has {ours}", repair=repair
        )


def _no_original(examination: Examination, context: LocalContext) -> Iterator[Finding]:
    """Find the forwarders on PATH that cannot start a program: those that a client would ask, and those that are known."""
    named = [helper.suffix for helper in examination.helpers]
    for name in dict.fromkeys([*front.names(context), *named]):
        program = program_name(name)
        found = context.which(program)
        if found is None or not layout.is_forwarder(context, found):
            continue
        original = layout.original(context, found)
        if original is None or context.status(original) is None:
            cause = f"{found} leads to the forwarder, but {original or 'the program behind it'} no longer exists"
            keep = "to keep it: install the program again"
            yield _finding("SP704", program, cause, keep, repair=Advice(_undo(name)))._replace(severity=Severity.ERROR)


def _not_first(context: LocalContext, state: State) -> Iterator[Finding]:
    folders = (context.getenv("PATH") or "").split(":")
    if state.state == "no link":
        cause = f"{state.link} is no longer the symlink to the forwarder"
    elif state.state == "shadowed" and split(context, state.link)[0] in folders:
        cause = f"{state.detail}, and {state.link} comes later"
    else:
        return
    undo = f"to use it without the agent: {_undo(state.name)}"
    yield _finding("SP705", program_name(state.name), cause, WITHOUT, undo, repair=Advice(_again(state.name)))


# SP706


def _units(known: dict[str, dict[str, str]]) -> Iterator[Finding]:
    enable = Advice("systemctl --user daemon-reload && systemctl --user enable --now " + systemd_units.SOCKET)
    failed = [name for name, properties in known.items() if properties.get("ActiveState") == "failed"]
    properties = known[systemd_units.SOCKET]
    if failed:
        again = f"systemctl --user reset-failed {' '.join(failed)} && systemctl --user restart {systemd_units.SOCKET}"
        look = f"to see why: journalctl --user -u {failed[0]}"
        yield _finding(
            "SP706", failed[0], f"it has failed: {known[failed[0]].get('Result')}", look, repair=Advice(again)
        )
    elif properties.get("UnitFileState") != "enabled":
        state = properties.get("UnitFileState") or "not loaded"
        yield _finding(
            "SP706", systemd_units.SOCKET, f"it is {state}, so the agent does not start with it", repair=enable
        )
    elif properties.get("ActiveState") != "active":
        yield _finding("SP706", systemd_units.SOCKET, "it is enabled, but does not run now", repair=enable)


def _known_units(context: LocalContext) -> dict[str, dict[str, str]]:
    """Return what the user's systemd knows of the agent's units; empty if they are not installed, or it cannot be asked."""
    program = context.which("systemctl")
    if program is None or len(systemd_units.installed(context)) < len(systemd_units.paths(context)):
        return {}
    names = (systemd_units.SOCKET, systemd_units.SERVICE)
    argv = [program, "--user", "show", "--property=UnitFileState,ActiveState,Result", *names]
    try:
        done = context.run(argv, b"", timeout=SYSTEMCTL_SECONDS, limit=OUTPUT_LIMIT)
    except ProcessError:
        return {}
    blocks = done.stdout.decode("utf-8", "replace").strip().split("\n\n")
    if done.status != 0 or len(blocks) != len(names):
        return {}
    found = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return dict(zip(names, found, strict=True))
