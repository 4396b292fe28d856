"""``shorepass agent enable`` and ``disable``: the forwarder in front of docker-credential-shorepass, and the agent's start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.acceleration import front
from shorepass.acceleration.plan import plan
from shorepass.agent_client import systemd_units
from shorepass.agent_client.client import AgentClient, AgentFails, NoAgent
from shorepass.cli import accelerate, console
from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse

    from tomlkit import TOMLDocument

    from shorepass.contexts.local import LocalContext

ENABLE_UNITS = (("daemon-reload",), ("enable", "--now", systemd_units.SOCKET))
DISABLE_UNITS = ("disable", "--now", systemd_units.SOCKET, systemd_units.SERVICE)

__all__ = ["add_arguments", "disable", "enable"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of both actions."""
    parser.add_argument("--systemd", action="store_true", help="enable: also write the units of your systemd")
    parser.add_argument(
        "--now", action="store_true", help="enable, disable: also tell your systemd, with systemctl --user"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="enable, disable: do not ask")


def enable(arguments: argparse.Namespace) -> None:
    """Put the forwarder in front of Shorepass's helper, and set that the agent starts when it is needed."""
    here = current()
    found = settings.load(here)  # a broken file is an error before anything changes
    one = plan(here, OURSELVES)
    forwarder = accelerate.forwarder_of(here)
    accelerate.show([one])
    _show_setting(here, starts=True)
    for path in systemd_units.paths(here) if arguments.systemd else ():
        console.out(f"write {path}")
    if arguments.systemd or not one.is_done or not found.agent.start:
        accelerate.confirm(arguments, "enable the agent?")
    front.put(here, one, forwarder)
    console.out(f"{PROGRAM}: the forwarder is in front of {one.original}")
    _set(here, starts=True)
    if arguments.systemd:
        _enable_units(here, now=arguments.now)


def _enable_units(here: LocalContext, *, now: bool) -> None:
    """Write the units, and enable them if the user has asked for that."""
    for path in systemd_units.write(here):
        console.out(f"{path}: written")
    if now:
        for words in ENABLE_UNITS:
            systemd_units.systemctl(here, *words)
        console.out("systemd starts the agent at the first connection")
    else:
        console.hint(" && ".join(" ".join(["systemctl", "--user", *words]) for words in ENABLE_UNITS))


def _disable_units(here: LocalContext, *, now: bool) -> None:
    """Disable and remove the units if the user has asked for that."""
    found = systemd_units.installed(here)
    if found and not now:
        console.note("the units of your systemd remain, and it still starts the agent")
        console.hint(command(None, "agent", "disable", "--now"))
    elif found:
        systemd_units.systemctl(here, *DISABLE_UNITS)
        for path in systemd_units.remove(here):
            console.out(f"{path}: removed")
        systemd_units.systemctl(here, "daemon-reload")


def disable(arguments: argparse.Namespace) -> None:
    """Remove the forwarder from in front of Shorepass's helper, and set that no agent starts by itself."""
    here = current()
    known = {state.name: [state.link] for state in front.states(here)}
    links = known.get(OURSELVES) or front.links(here, OURSELVES)
    if not links and not settings.load(here).agent.start and not systemd_units.installed(here):
        console.out("the agent is not enabled")
        return
    for link in links:
        console.out(f"remove {link}: the forwarder of {PROGRAM}")
    _show_setting(here, starts=False)
    accelerate.confirm(arguments, "disable the agent?")
    removed = front.remove(here, OURSELVES)
    for link in removed:
        console.out(f"{link}: removed the forwarder")
    if not removed:
        console.out(f"the forwarder was not in front of {PROGRAM}")
    _set(here, starts=False)
    _disable_units(here, now=arguments.now)
    try:
        pid = AgentClient(here).manage("status")["pid"]
    except (NoAgent, AgentFails):
        return
    console.note(f"the agent still runs, process {pid}")
    console.hint(command(None, "agent", "stop"))


def _show_setting(here: LocalContext, *, starts: bool) -> None:
    console.out(f"set start = {str(starts).lower()} below [agent] in {settings.path_of(here)}")


def _set(here: LocalContext, *, starts: bool) -> None:
    """Set whether the agent starts by itself. Raises UsageError, MalformedFile, WriteError."""

    def edit(document: TOMLDocument) -> None:
        table = document.setdefault("agent", {})
        if not isinstance(table, dict):
            raise UsageError(f"{settings.path_of(here)}: agent is not a table")
        table["start"] = starts

    settings.change(here, edit)
    value = str(starts).lower()
    console.out(f"{settings.path_of(here)}: agent.start is {value}")
