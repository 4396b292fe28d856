"""Asks the user before the first use of each lent login by each container, and remembers the answers as long as the agent runs.

A call waits for the answer, and everything else is answered meanwhile. Without an answer in time, the answer is no. After a no,
the grant asks no more: a container cannot ask until the user is tired. What was allowed before remains allowed.
"""

from __future__ import annotations

import time
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from shorepass.agent.call import Answer
from shorepass.agent.container_name import name_of
from shorepass.agent.desktop_question import ask_desktop
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, printable

if TYPE_CHECKING:
    from shorepass.agent.audit_log import AuditLog
    from shorepass.contexts.caller import Caller
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["Confirmations", "NotConfirmed"]

SHORT_ID = 12  # characters of a container's id, as docker prints it
TEXT_LIMIT = 100  # characters of a name from outside
ATTENDED_SECONDS = 3.0  # after a terminal has asked for questions, it will ask again
NO_ANSWER = "no answer"


class NotConfirmed(ShorepassError):
    """The user has not allowed this use; the message is the reason."""


class _Use(NamedTuple):
    """The question about a use, for the audit log."""

    server_url: str
    verb: str = "confirm"
    name: str = "grant"


class _Key(NamedTuple):
    """What an answer is for. ``container``: its id, "" for the programs outside of containers."""

    grant: str
    container: str
    registry: str


class _Question:
    """A question that waits for its answer. ``begun``, ``deadline``: in seconds of ``time.monotonic``."""

    def __init__(self, grant: Grant, registry: str, caller: Caller, text: str, begun: float, deadline: float) -> None:
        self.grant = grant.id
        self.registry = registry
        self.caller = caller
        self.text = text
        self.begun = begun
        self.deadline = deadline
        self.answer: bool | None = None

    @property
    def key(self) -> _Key:
        """What an answer is for."""
        return _Key(self.grant, self.caller.container, self.registry)

    def members(self) -> dict[str, Any]:
        """Return what the command line needs to ask it."""
        return {**self.key._asdict(), "text": self.text, "seconds": max(0.0, self.deadline - time.monotonic())}


class Confirmations:
    """The user's answers. ``here``: the agent's own context. ``log`` gets each answer."""

    def __init__(self, here: LocalContext, log: AuditLog) -> None:
        self._here = here
        self._log = log
        self._changed = Condition()
        self._questions: dict[_Key, _Question] = {}
        self._allowed: set[_Key] = set()
        self._denied: dict[str, set[_Key]] = {}  # by the grant
        self._attended: dict[str, float] = {}  # by the grant, until when a terminal asks its questions

    def has_allowed(self, grant: Grant, registry: str, caller: Caller) -> bool:
        """Tell whether the user has allowed a container the login for a registry.

        Raises NotConfirmed: they said no, or no one knows in which container the program was.
        """
        if caller.has_ended:
            raise NotConfirmed("the program that asks has ended, or is hidden from the lender's agent")
        with self._changed:
            return self._has_allowed(_Key(grant.id, caller.container, registry))

    def _has_allowed(self, key: _Key) -> bool:
        if key in self._allowed:
            return True
        if key.grant in self._denied:
            raise _not_confirmed(key.grant)
        return False

    def require(self, grant: Grant, registry: str, caller: Caller, seconds: float) -> None:
        """Wait until the user allows a container the login for a registry, for so many seconds. Raises NotConfirmed."""
        begun = time.monotonic()
        key = _Key(grant.id, caller.container, registry)
        with self._changed:
            if self._has_allowed(key):
                return
            question = self._questions.get(key)
        if question is None:
            text = self._text(grant, registry, caller)
            question = self._begin(_Question(grant, registry, caller, text, begun, begun + seconds))
        with self._changed:
            self._changed.wait_for(lambda: question.answer is not None, question.deadline - time.monotonic())
            if question.answer is None:
                self._settle(question, yes=False, by=NO_ANSWER)
        if not question.answer:
            raise _not_confirmed(grant.id)

    def _begin(self, question: _Question) -> _Question:
        """Ask a question, if another call has not asked it meanwhile."""
        with self._changed:
            if question.key in self._questions:
                return self._questions[question.key]
            self._questions[question.key] = question
            self._changed.notify_all()
            is_attended = time.monotonic() < self._attended.get(question.grant, 0.0)
        if not is_attended:
            Thread(target=self._ask_desktop, args=(question,), daemon=True).start()
        return question

    def _ask_desktop(self, question: _Question) -> None:
        answer = ask_desktop(self._here, question.text, question.deadline, lambda: question.answer is not None)
        if answer is not None:
            with self._changed:
                self._settle(question, yes=answer.yes, by=answer.by)

    def _settle(self, question: _Question, *, yes: bool, by: str) -> None:
        """Note the answer of a question, if it has none yet. A no ends all questions of the grant."""
        if question.answer is not None:
            return
        question.answer = yes
        self._questions.pop(question.key, None)
        if yes:
            self._allowed.add(question.key)
        else:
            self._denied.setdefault(question.grant, set()).add(question.key)
            for other in self._of(question.grant):
                self._settle(other, yes=False, by=by)
        self._changed.notify_all()
        word, status = ("yes", 0) if yes else ("no", 1)
        source = by if by == NO_ANSWER else f"{word} by {by}"
        seconds = time.monotonic() - question.begun
        answer = Answer(status, b"", source=source)
        self._log.write(question.caller, _Use(question.registry), answer, seconds, grant=question.grant)

    def _of(self, grant: str) -> list[_Question]:
        return [question for question in self._questions.values() if grant in ("", question.grant)]

    def waiting(self, grant: str, seconds: float) -> list[dict[str, Any]]:
        """Return the questions of a grant ("": of all); wait for one for so many seconds.

        While a terminal waits here for the questions of one grant, the desktop is not asked.
        """
        with self._changed:
            if grant and seconds:
                self._attended[grant] = time.monotonic() + seconds + ATTENDED_SECONDS
            self._changed.wait_for(lambda: self._of(grant), seconds)
            found = self._of(grant)
            if grant and seconds:
                until = max((question.deadline for question in found), default=time.monotonic())
                self._attended[grant] = until + ATTENDED_SECONDS
            return [question.members() for question in found]

    def answer(self, grant: str, one: dict[str, Any], *, yes: bool, by: str) -> int:
        """Answer the questions of a grant, or the one with these members; return how many there were.

        A yes also allows what a no had refused. A no also refuses later uses.
        """
        with self._changed:
            found = [question for question in self._of(grant) if one.items() <= question.members().items()]
            for question in found:
                self._settle(question, yes=yes, by=by)
            if yes:
                denied = self._denied.pop(grant, set())
                self._allowed |= denied
                return len(found) + len(denied)
            self._denied.setdefault(grant, set())
            return len(found)

    def forget(self, grant: str) -> None:
        """Forget a grant that has ended, and end its questions."""
        with self._changed:
            for question in self._of(grant):
                self._settle(question, yes=False, by="the end of the grant")
            self._allowed = {key for key in self._allowed if key.grant != grant}
            self._denied.pop(grant, None)
            self._attended.pop(grant, None)

    def _text(self, grant: Grant, registry: str, caller: Caller) -> str:
        """Return the question. What a container can choose in it is cleaned and short."""
        who = printable(grant.target, TEXT_LIMIT)
        if caller.container:
            name = printable(name_of(self._here, caller.container), TEXT_LIMIT)
            id_ = caller.container[:SHORT_ID]
            who = f"the container {name} ({id_})" if name else f"the container {id_}"
        program = printable(caller.program, TEXT_LIMIT) or "unknown"
        return f"lend the login for {printable(registry, TEXT_LIMIT)} to {who}, program {program}, by the grant {grant.id}?"


def _not_confirmed(grant: str) -> NotConfirmed:
    fix = command(None, "grants", "confirm", grant)
    return NotConfirmed(f"the lender did not allow this use; the lender's fix: {fix}")
