"""The agent as a process: its life from the socket to the end, in the foreground or in the background."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.agent.agent import Agent
from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.hardening import harden
from shorepass.agent.listening import inherited, listen
from shorepass.agent.server import Server
from shorepass.agent.sleep_and_lock import SleepWatch, hear_signals
from shorepass.agent_client import systemd_units
from shorepass.agent_client.address import own_addresses
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.agent_client.own_home import check_own_home
from shorepass.agent_client.start import spawn
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError
from shorepass.processes import ProcessNotStarted
from shorepass.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts.local import LocalContext

__all__ = ["run_here", "start_in_background", "stop"]

TICK = 5.0  # seconds between two looks at the clock
START_SECONDS = 15.0
END_SECONDS = 5.0
POLL_SECONDS = 0.02
DESCRIPTORS = 65536  # more than all connections need; some programs that it starts close each number up to the limit


def run_here(here: LocalContext, tell: Callable[[str], None]) -> None:
    """Serve until a signal, ``stop``, or so long without a request. ``tell`` gets what this system does not allow.

    Raises UsageError, MalformedFile, ShorepassError: another agent runs.
    """
    settings = load(here).agent
    for missing in harden():
        tell(missing)
    _allow_descriptors()
    listening = inherited(here.environment()) or listen(here)
    stopped = Event()
    log = AuditLog(log_path(here))
    agent = Agent(here, settings, log, stop=stopped.set)
    server = Server(listening.wire, agent.answer, uid=os.geteuid())
    _attend_signals(agent, stopped)
    hear_signals(agent.forget)
    sleep = SleepWatch()
    _refresh(agent, tell)
    server.start()
    try:
        while not stopped.wait(TICK) and (agent.lending or time.monotonic() - server.last_request < settings.idle):
            server.relieve()
            agent.expire()
            _refresh(agent, lambda _: None)
            log.write_counts()
            if sleep.has_slept():
                agent.forget()
    finally:
        listening.close()
        agent.lending.close()


def _allow_descriptors() -> None:
    """Allow as many open connections as the hard limit does: each grant has a socket, and each client one."""
    if sys.platform == "win32":
        return
    import resource  # not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    with suppress(OSError, ValueError):  # macOS has a further limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _refresh(agent: Agent, tell: Callable[[str], None]) -> None:
    """Serve the grants that the file has now."""
    try:
        for id_, trouble in agent.lending.refresh().items():
            tell(f"the grant {id_} is not served: {trouble}")
    except ShorepassError as error:
        tell(error.message)
    except Exception as error:  # noqa: BLE001  # whatever a file system can raise, the agent answers its other callers
        tell(f"the grants are not read: {type(error).__name__}: {error}")


def _attend_signals(agent: Agent, stopped: Event) -> None:
    """End at SIGTERM and SIGINT; drop everything at SIGHUP."""
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, lambda *_: agent.forget())


def stop(here: LocalContext) -> int:
    """End the agent, and wait until its sockets are gone; return its process id. Raises NoAgent, AgentFails."""
    pid = int(AgentClient(here).manage("stop")["pid"])
    paths = [address.path for address in own_addresses(here) if address.own]
    deadline = time.monotonic() + END_SECONDS
    while not systemd_units.installed(here) and time.monotonic() < deadline:  # systemd keeps the socket
        if not any(map(files.status, paths)):
            break
        time.sleep(POLL_SECONDS)
    return pid


def start_in_background(here: LocalContext) -> int:
    """Start the agent if none answers, and wait until it does; return its process id. Raises ShorepassError."""
    client = AgentClient(here)
    try:
        return int(client.manage("status")["pid"])
    except NoAgent:
        check_own_home(here, "agent", "start")
    try:
        process = spawn(here)
    except ProcessNotStarted as error:
        raise ShorepassError(f"the agent does not start: {error}") from None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            return int(client.manage("status")["pid"])
        except NoAgent:
            time.sleep(POLL_SECONDS)
        if not process.is_running:
            break
    raise ShorepassError(
        "the agent does not start", hint=f"to see why: {command(None, 'agent', 'start', '--foreground')}"
    )
