"""Answers for another credential helper: the original program's, remembered as long as they are surely valid.

``get`` and ``list`` are remembered: until the login's own end where it has one, otherwise for the time in the settings. A
failure is remembered for seconds, so that ten questions of one build do not wait for the same fault ten times. ``store`` and
``erase`` go to the program, and all that is remembered of it is dropped.
"""

from __future__ import annotations

import time
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.call import Answer
from shorepass.agent.single_flight import SingleFlight
from shorepass.helper.protocol import ProtocolError, credential_of, decode_answer
from shorepass.processes import ProcessError, run
from shorepass.registry.expiry import expires_at

if TYPE_CHECKING:
    from collections.abc import Hashable

    from shorepass.agent.call import Call
    from shorepass.settings import AgentSettings

__all__ = ["OtherHelper"]

ANSWERS_LIMIT = 2_000
OUTPUT_LIMIT = 4 * 1024 * 1024  # bytes
SECONDS = 50.0  # for the program; the forwarder waits 55
MARGIN = 30.0  # seconds before its end in which a login is no longer given: a build uses it some time later
AHEAD = 0.2  # of its time: in the last fifth the answer is fetched again while the old one is given
# What differs from shell to shell, and means nothing to a helper.
WITHOUT_MEANING = frozenset(("_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL", "TERM", "WINDOWID"))


class _Remembered(NamedTuple):
    """Times are in seconds since 1970, because the end of a token is such a time."""

    answer: Answer
    since: float
    until: float


class OtherHelper:
    """One accelerated helper. ``program``: the absolute path of the original."""

    def __init__(self, name: str, program: str, settings: AgentSettings) -> None:
        self.name = name
        self.program = program
        self._settings = settings
        self._lock = Lock()
        self._answers: dict[Hashable, _Remembered] = {}
        self._flights: SingleFlight[Answer] = SingleFlight()

    def recall(self, call: Call) -> Answer | None:
        """Return the remembered answer to a call; None if no answer is valid."""
        question = _question(call)
        known, now = self._answers.get(question), time.time()
        if known is None or not known.since <= now < known.until:  # before: the clock was set back
            return None
        if now > known.until - (known.until - known.since) * AHEAD and known.answer.status == 0:
            Thread(target=self._flights.do, args=(question, lambda: self._fetch(question, call)), daemon=True).start()
        return known.answer._replace(source="memory")

    def answer(self, call: Call) -> Answer:
        """Answer a call as the program does."""
        remembered = self.recall(call)
        if remembered is not None:
            return remembered
        if call.verb in ("get", "list"):
            question = _question(call)
            return self._flights.do(question, lambda: self._fetch(question, call))
        answer = self._run(call)
        if call.changes:
            self.forget()
        return answer

    def remembered(self) -> int:
        """Return how many answers are remembered."""
        return len(self._answers)

    def forget(self) -> None:
        """Drop all answers."""
        with self._lock:
            self._answers.clear()

    def _fetch(self, question: Hashable, call: Call) -> Answer:
        before = self._answers.get(question)
        answer = self._run(call)
        now = time.time()
        if answer.status and before is not None and now < before.until:
            return before.answer  # which is still valid; the next call tries again
        remembered = _Remembered(answer, now, self._end(call, answer, now))
        with self._lock:
            self._answers[question] = remembered
            if len(self._answers) > ANSWERS_LIMIT:
                del self._answers[next(iter(self._answers))]
        return answer

    def _end(self, call: Call, answer: Answer, now: float) -> float:
        """Return until when an answer may be given, in seconds since 1970."""
        if answer.status:
            return now + self._settings.failures
        end = None
        if call.verb == "get":
            try:
                end = expires_at(credential_of(decode_answer(answer.output)))
            except ProtocolError:
                return now  # the client may understand what Shorepass does not, and next time it may be better
        return now + self._settings.keep if end is None else end - MARGIN

    def _run(self, call: Call) -> Answer:
        try:
            done = run(
                [self.program, call.verb],
                call.input,
                env=call.environ,
                timeout=SECONDS,
                limit=OUTPUT_LIMIT,
                directory=call.directory or "/",
            )
        except ProcessError as error:
            return Answer(1, f"docker-credential-{self.name}: {error}\n".encode(), source="program")
        return Answer(done.status & 0xFF, done.stdout, done.stderr, source="program")


def _question(call: Call) -> Hashable:
    environ = frozenset(pair for pair in call.environ.items() if pair[0] not in WITHOUT_MEANING)
    return call.verb, call.input, call.directory, environ
