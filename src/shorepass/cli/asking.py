"""Asks on the terminal about the first use of a grant by each container, while a command in the foreground has the grant."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

from shorepass.agent_client.client import AgentClient
from shorepass.contexts import terminal
from shorepass.errors import ShorepassError, printable
from shorepass.grants import policy_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["asking"]

WAIT_SECONDS = 5.0  # of one request for questions
PAUSE_SECONDS = 1.0  # while no agent answers
END_SECONDS = 2.0  # for the thread to end


@contextmanager
def asking(here: LocalContext, grant: Grant) -> Iterator[None]:
    """Ask on the terminal as long as the ``with`` block runs, if the grant needs a yes and there is a terminal.

    The command must not read the terminal itself.
    """
    needs_yes = grant.confirm or policy_file.load(here).confirm
    if not needs_yes or not terminal.is_in_front():
        yield
        return
    over = Event()
    thread = Thread(target=_ask, args=(here, grant.id, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(END_SECONDS)


def _ask(here: LocalContext, grant: str, over: Event) -> None:
    """Ask each question, one after the other."""
    client = AgentClient(here)
    while not over.is_set():
        try:
            for question in client.manage("questions", grant=grant, seconds=WAIT_SECONDS)["questions"]:
                _ask_one(client, question, over)
        except ShorepassError:  # the next agent asks again
            over.wait(PAUSE_SECONDS)


def _ask_one(client: AgentClient, question: dict[str, Any], over: Event) -> None:
    """Ask one question. Raises NoAgent, AgentFails."""
    text = f"shorepass: {printable(str(question['text']))}"
    answer = terminal.agrees(text, partial(_is_over, client, question, over))
    if answer is None:
        over.wait(PAUSE_SECONDS)
        return
    client.manage("answer", yes=answer, by="terminal", **_key(question))


def _is_over(client: AgentClient, question: dict[str, Any], over: Event) -> bool:
    """Tell whether the command has ended, or the question has an answer from elsewhere."""
    if over.is_set():
        return True
    waiting = client.manage("questions", grant=question["grant"])["questions"]
    return _key(question) not in map(_key, waiting)


def _key(question: dict[str, Any]) -> dict[str, Any]:
    """Return what names a question."""
    return {name: question[name] for name in ("grant", "container", "registry")}
