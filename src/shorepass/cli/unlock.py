"""``shorepass unlock``: open the vault once, for the agent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.agent.process import start_in_background
from shorepass.agent_client.client import AgentClient
from shorepass.cli import console
from shorepass.cli.lending import duration
from shorepass.contexts import terminal
from shorepass.contexts.pinentry import ask_by, pinentry_of
from shorepass.profile import current
from shorepass.stores.vault import held
from shorepass.stores.vault.vault import Vault

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext
    from shorepass.stores.vault.key import Ask

EXAMPLES = """\
shorepass unlock                    # type the vault's passphrase once; the agent holds the key
shorepass unlock -t 30m             # for half an hour
"""
NOTES = """\
The question is asked on the terminal; on a desktop without one, by pinentry.
unlock starts the agent if none runs. Without a passphrase it only ends the state after `shorepass agent lock`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("-t", "--time", metavar="TIME", help="how long the agent holds the key, such as 30m or 8h")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    wanted = None
    if arguments.time is not None:
        wanted = duration(arguments.time, "--time")
    unlock(current(), wanted)
    return 0


def unlock(here: LocalContext, wanted: float | None) -> None:
    """Start the agent if needed, and give it the keys that need a passphrase. ``wanted``: seconds; None: as set."""
    start_in_background(here)
    AgentClient(here).manage("unlock")
    ask = _asker(here)
    vault = Vault(here, ask=ask, tell=console.note)
    files = vault.protected_keys() if settings.load(here).store in (None, vault.name) else []
    for content in files:
        held.unlock(here, content, ask, wanted)
        console.out(f"the agent holds the key in {content.path}")
    if not files:
        console.out("the agent answers; no key here needs a passphrase")


def _asker(here: LocalContext) -> Ask:
    """Return what asks for a passphrase: the terminal, else the desktop's pinentry."""
    program = None if terminal.is_there() else pinentry_of(here)
    return partial(ask_by, here, program) if program else terminal.ask
