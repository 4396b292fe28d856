"""``shorepass grants``: what is lent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.agent.uses import Use, uses
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.cli import console
from shorepass.cli.lending import document
from shorepass.contexts.command import command
from shorepass.errors import printable
from shorepass.grants import file, folder
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

EXAMPLES = """\
shorepass grants
shorepass grants --json
"""
HEADINGS = ["GRANT", "TARGET", "MODE", "LENDS", "UNTIL", "LAST USE"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print them."""
    here = current()
    now = time.time()
    grants = [grant for grant in file.load(here).values() if not grant.end(now)]
    folder.sweep(here, {grant.id for grant in grants})
    used = uses(here) if grants else {}
    served = _is_served(here) if grants else False
    if arguments.json:
        documents = [_document(grant, used.get(grant.id)) for grant in grants]
        console.print_document({"served": served, "grants": documents})
        return 0
    if not grants:
        console.out("nothing is lent")
        return 0
    rows = []
    for grant in grants:
        last = _shown(used[grant.id].last) if grant.id in used else "never"
        rows.append(
            [
                grant.id,
                printable(grant.target),
                grant.mode,
                ", ".join(grant.repositories or grant.registries),
                _shown(grant.until),
                last,
            ]
        )
    console.print_table(HEADINGS, rows)
    if not served:
        console.note("no agent runs, so no login is lent now")
        console.hint(command(None, "agent", "start"))
    return 0


def _shown(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _is_served(here: LocalContext) -> bool:
    try:
        return not AgentClient(here).manage("status")["locked"]
    except NoAgent:
        return False


def _document(grant: Grant, use: Use | None) -> dict[str, object]:
    last, containers = use or Use(0.0, ())
    return {**document(grant, last), "used_by": list(containers)}
