"""``shorepass grants``: what is lent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.agent.uses import Use, uses
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.cli import console
from shorepass.cli.ending import sweep, withdraw
from shorepass.cli.flags import check_action
from shorepass.cli.lending import document
from shorepass.cli.share_notes import tell_token_end, token_ends_of
from shorepass.contexts.command import command
from shorepass.errors import FileError, UsageError, printable
from shorepass.grants import file, policy_file
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

EXAMPLES = """\
shorepass grants
shorepass grants --json
shorepass grants confirm 1a2b3c4d    # allow what waits for your yes, and what you had refused
shorepass grants deny 1a2b3c4d
"""
ANSWERS = {"confirm": True, "deny": False}
HEADINGS = ["GRANT", "TARGET", "MODE", "LENDS", "UNTIL", "LAST USE"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    action = "confirm: allow what waits for your yes; deny: refuse it, and each further use; without an action: list the grants"
    parser.add_argument("action", nargs="?", choices=ANSWERS, metavar="ACTION", help=action)
    parser.add_argument("grants", nargs="?", metavar="GRANT", help="confirm, deny: the id of a grant")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print them, or answer the questions of one."""
    check_action(arguments, {"json": (None,)})
    here = current()
    if arguments.action:
        return _answer(here, arguments.grants, yes=ANSWERS[arguments.action])
    now = time.time()
    grants = [grant for grant in file.load(here).values() if not grant.end(now)]
    sweep(here, {grant.id for grant in grants})
    used = uses(here) if grants else {}
    status = _status(here) if grants else None
    served = status is not None and not status["locked"]
    if status is None:
        withdraw(grants)
    token_ends = token_ends_of(status or {})
    waiting = AgentClient(here).manage("questions")["questions"] if served else []
    if arguments.json:
        documents = [_document(grant, used.get(grant.id), token_ends.get(grant.id)) for grant in grants]
        console.print_document({"served": served, "grants": documents, "questions": waiting})
        return 0
    if not grants:
        console.out("nothing is lent")
        return 0
    rows = []
    for grant in grants:
        unused = "never" if grant.is_seen else "not seen"
        last = _shown(used[grant.id].last) if grant.id in used else unused
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
    _note_refusals(here, grants, now)
    for grant in grants:
        tell_token_end(grant, token_ends.get(grant.id, 0.0))
    for question in waiting:
        console.note(f"waits for your yes: {printable(str(question['text']))}")
        console.hint(command(None, "grants", "confirm", str(question["grant"])))
    if status is not None and not served:
        console.note("the agent is locked, so no login is lent now")
        console.hint(command(None, "unlock"))
    if status is None:
        console.note("no agent runs, so no login is lent now")
        console.hint(command(None, "agent", "start"))
    return 0


def _note_refusals(here: LocalContext, grants: Sequence[Grant], now: float) -> None:
    """Print which grants the policy refuses now, as a whole or in part."""
    try:
        policy = policy_file.load(here)
    except FileError as error:
        console.print_error(error)
        return
    for grant in grants:
        if refusal := policy.refusal_of(grant, now):
            console.note(f"the grant {grant.id}: the policy {refusal}")


def _answer(here: LocalContext, id_: str | None, *, yes: bool) -> int:
    """Answer all questions of a grant. Raises UsageError: there is no such grant; NoAgent, AgentFails."""
    if id_ is None:
        raise UsageError("no grant was named", hint=command(None, "grants"))
    if id_ not in file.load(here):
        raise UsageError(f"there is no grant {printable(id_)}", hint=command(None, "grants"))
    count = AgentClient(here).manage("answer", grant=id_, yes=yes, by="command line")["answered"]
    if not yes:
        console.out(f"the grant {id_} gives no more logins to containers that you have not allowed")
    elif count:
        console.out(f"allowed {count} uses of the grant {id_}")
    else:
        console.out(f"no use of the grant {id_} waits for your yes")
    return 0 if count or not yes else 1


def _shown(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _status(here: LocalContext) -> dict[str, Any] | None:
    """Return the status of the agent, None if none runs. Raises AgentFails."""
    try:
        return AgentClient(here).manage("status")
    except NoAgent:
        return None


def _document(grant: Grant, use: Use | None, token_end: float | None) -> dict[str, object]:
    last, containers = use or Use(0.0, ())
    return {**document(grant, last), "used_by": list(containers), "token_until": token_end}
