"""``shorepass agent``: the process that answers credential helpers from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.agent.audit_log import follow, log_path, records
from shorepass.agent.process import run_here, start_in_background
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.cli import agent_enable, console
from shorepass.cli.flags import check_action
from shorepass.cli.unlock import unlock
from shorepass.contexts.command import command
from shorepass.errors import UsageError, printable
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from shorepass.contexts.local import LocalContext

EXAMPLES = """\
shorepass agent enable              # docker-credential-shorepass asks it from now on; disable reverts that
shorepass agent start               # in the background, if none runs
shorepass agent status              # what it holds, and until when
shorepass agent lock                # drop all, and answer no one until: shorepass unlock
shorepass agent log --follow        # who asked for which login
shorepass agent stop
"""
NOTES = """\
The agent answers docker-credential-shorepass and accelerated helpers for your user only. It stores no login on the disk.
Signal SIGHUP, and the end of the time that `unlocked` sets in config.toml, drop unlocked keys and remembered answers.
"""
HEADINGS = ["TIME", "PROGRAM", "CONTAINER", "HELPER", "VERB", "REGISTRY", "RESULT", "SOURCE", "MS"]
# What status has, in its order.
MEMBERS = ("running", "reason", "pid", "version", "locked", "since", "idle_seconds", "keys", "helpers", "log_error")
# The actions of each flag.
FLAGS = {
    "foreground": ("start",),
    "follow": ("log",),
    "systemd": ("enable",),
    "now": ("enable", "disable"),
    "yes": ("enable", "disable"),
}
WITH_JSON = ("status", "log")
SHORT_ID = 12  # characters of a container's id, as docker prints it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    action = "; ".join(f"{name}: {text}" for name, (text, _) in ACTIONS.items())
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=action)
    parser.add_argument("--foreground", action="store_true", help="start: do not go into the background")
    parser.add_argument("--follow", action="store_true", help="log: continue with new requests, until Ctrl-C")
    agent_enable.add_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="status: print one JSON document; log: one line per request"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.json and arguments.action not in WITH_JSON:
        raise UsageError(f"agent {arguments.action} prints no JSON", hint=command(None, "agent", "status", "--json"))
    check_action(arguments, FLAGS)
    ACTIONS[arguments.action][1](arguments, current())
    return 0


def _enable(arguments: argparse.Namespace, _: LocalContext) -> None:
    agent_enable.enable(arguments)


def _disable(arguments: argparse.Namespace, _: LocalContext) -> None:
    agent_enable.disable(arguments)


def _start(arguments: argparse.Namespace, here: LocalContext) -> None:
    if arguments.foreground:
        run_here(here, console.note)
    else:
        console.out(f"the agent runs, process {start_in_background(here)}")


def _stop(_: argparse.Namespace, here: LocalContext) -> None:
    try:
        console.out(f"stopped the agent, process {AgentClient(here).manage('stop')['pid']}")
    except NoAgent:
        console.out("no agent runs")


def _lock(_: argparse.Namespace, here: LocalContext) -> None:
    AgentClient(here).manage("lock")
    console.out(f"the agent is locked; it answers again after: {command(None, 'unlock')}")


def _unlock(_: argparse.Namespace, here: LocalContext) -> None:
    unlock(here, None)


def _status(arguments: argparse.Namespace, here: LocalContext) -> None:
    try:
        told = {"running": True, "reason": None, **AgentClient(here).manage("status")}
        status = {name: told[name] for name in MEMBERS}
    except NoAgent as error:
        if not arguments.json:
            raise
        status = {**dict.fromkeys(MEMBERS), "running": False, "reason": error.message, "keys": [], "helpers": []}
    if arguments.json:
        console.print_document(status)
        return
    state = "locked" if status["locked"] else "running"
    console.out(f"{state}: process {status['pid']}, version {status['version']}")
    for key in status["keys"]:
        console.out(f"holds the key {printable(key['path'])} for {key['seconds']} s")
    rows = [_helper_row(row) for row in status["helpers"]]
    console.print_table(["HELPER", "ANSWERS", "CALLS", "FROM MEMORY", "SLOWEST"], rows)
    if status["log_error"]:
        console.note(f"the audit log is not written: {printable(status['log_error'])}")


def _helper_row(row: dict[str, Any]) -> list[str]:
    share = f"{100 * row['from_memory'] // row['calls']} %" if row["calls"] else ""
    slowest = f"{row['slowest_ms']} ms" if row["slowest_ms"] else ""
    return [printable(row["helper"]), str(row["answers"]), str(row["calls"]), share, slowest]


def _log(arguments: argparse.Namespace, here: LocalContext) -> None:
    path = log_path(here)
    found = follow(path) if arguments.follow else records(path)
    if not arguments.follow and not arguments.json:
        console.print_table(HEADINGS, [_row(record) for record in found])
        return
    if not arguments.json:
        console.out("  ".join(HEADINGS))
    for record in found:
        if arguments.json:
            console.print_json(record, indent=None)
        else:
            console.out("  ".join(_row(record)))
        console.finish()  # so that a program behind a pipe gets each line at once


def _row(record: dict[str, Any]) -> list[str]:
    names = ("time", "program", "container", "helper", "verb", "registry", "result", "source", "ms")
    cells = {name: printable(str(record.get(name, ""))) for name in names}
    cells["container"] = cells["container"][:SHORT_ID]
    if "requests" in record:
        cells["result"] += f" (the last of {record['requests']} requests; {record.get('given', 0)} got a login)"
    return list(cells.values())


ACTIONS: dict[str, tuple[str, Callable[[argparse.Namespace, LocalContext], None]]] = {
    "enable": ("let docker-credential-shorepass ask it", _enable),
    "disable": ("revert enable", _disable),
    "start": ("start the agent", _start),
    "status": ("what it holds", _status),
    "stop": ("end it", _stop),
    "lock": ("drop all, and answer no one", _lock),
    "unlock": ("answer again, and open the vault", _unlock),
    "log": ("who asked for what", _log),
}
