"""Starts the agent as a process of its own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass.agent_client.address import SOCKET_VARIABLE, own_addresses
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.processes import start

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.processes import Background

__all__ = ["spawn", "start_if_none_answers"]

# What an agent needs of the environment of the program that starts it. A call brings its own.
KEPT = ("HOME", "PATH", "LANG", "TMPDIR", "PYTHONPATH", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS")
KEPT_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")  # by pinentry the agent asks about the use of a grant
KEPT_XDG = ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
SECONDS = 1.0  # for a connection, which an agent that runs accepts at once


def spawn(here: LocalContext) -> Background:
    """Start the agent, and do not wait for it. If another one runs, it ends at once. Raises ProcessNotStarted."""
    environ = here.environment()
    kept = {name: environ[name] for name in (*KEPT, *KEPT_DISPLAY, *KEPT_XDG) if name in environ}
    return start([sys.executable, "-m", "shorepass", "agent", "start", "--foreground"], env=kept)


def start_if_none_answers(here: LocalContext) -> None:
    """Start the agent if no socket of the user has one. Raises ProcessNotStarted."""
    if here.getenv(SOCKET_VARIABLE):
        return  # which another program has set, and serves
    for address in own_addresses(here):
        try:
            with Connection.to(address.path, owner=os.geteuid(), seconds=SECONDS):
                return
        except ConnectionLost:
            continue
    spawn(here)
