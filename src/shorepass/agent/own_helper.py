"""Answers for ``docker-credential-shorepass`` by the chain, and remembers answers that still hold."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.call import Answer, Declined
from shorepass.agent.held_keys import NeedsPassphrase
from shorepass.agent.single_flight import SingleFlight
from shorepass.agent.traced import Trace, TracedContext
from shorepass.errors import ShorepassError
from shorepass.foreign_text import visible
from shorepass.helper import PROGRAM
from shorepass.helper.server import complaint, serve
from shorepass.profile import Profile
from shorepass.version import __version__

if TYPE_CHECKING:
    from typing import NoReturn

    from shorepass.agent.call import Call
    from shorepass.chain import Chain
    from shorepass.contexts.memory import Memory

__all__ = ["OwnHelper"]

ANSWERS_LIMIT = 20_000
STORES_IN_FILES = ("vault", "file")  # whose state a trace can see; a keyring's it cannot


class _Remembered(NamedTuple):
    trace: Trace
    answer: Answer


class OwnHelper:
    """``docker-credential-shorepass`` without a process. ``memory``: of files, shared by all calls."""

    name = "shorepass"

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._lock = Lock()
        self._answers: dict[tuple[str, bytes], _Remembered] = {}
        self._flights: SingleFlight[Answer] = SingleFlight()

    def recall(self, call: Call) -> Answer | None:
        """Return the remembered answer to a call; None if no answer still holds."""
        known = self._answers.get((call.verb, call.input))
        if known is None or not known.trace.holds(call.getenv, call.directory):
            return None
        return known.answer

    def answer(self, call: Call) -> Answer:
        """Answer a call. Raises Declined."""
        remembered = self.recall(call)
        if remembered is not None:
            return remembered
        if call.changes:
            return self._made(call)
        same = (call.verb, call.input, call.directory, frozenset(call.environ.items()))
        return self._flights.do(same, lambda: self._made(call))

    def remembered(self) -> int:
        """Return how many answers are remembered."""
        return len(self._answers)

    def forget(self) -> None:
        """Drop all answers."""
        with self._lock:
            self._answers.clear()

    def _made(self, call: Call) -> Answer:
        here = TracedContext(call.environ, directory=call.directory or "/", memory=self._memory)
        told: list[str] = []
        profile = Profile(here, ask=_refuse, tell=told.append)

        def open_store() -> Chain:
            return profile.chain

        words = [call.verb]
        try:
            status, output = serve(
                PROGRAM, words, lambda limit: call.input[:limit], open_store, f"{PROGRAM} (shorepass) {__version__}"
            )
        except NeedsPassphrase as error:
            raise Declined(str(error)) from None
        if text := complaint(words, status, output):
            told.append(text)
        source = _store_name(profile)
        errors = "".join(f"{PROGRAM}: {visible(text)}\n" for text in told).encode()
        answer = Answer(status, output, errors, source)
        if here.trace.is_whole and not told and not call.changes and source in STORES_IN_FILES:
            self._remember((call.verb, call.input), _Remembered(here.trace, answer._replace(source="memory")))
        return answer

    def _remember(self, question: tuple[str, bytes], remembered: _Remembered) -> None:
        with self._lock:
            self._answers.pop(question, None)
            self._answers[question] = remembered
            if len(self._answers) > ANSWERS_LIMIT:
                del self._answers[next(iter(self._answers))]


def _store_name(profile: Profile) -> str:
    try:
        return profile.store.name
    except ShorepassError:  # which the answer already says
        return ""


def _refuse(_: str) -> NoReturn:
    """Ask no one, because the agent has no terminal."""
    raise NeedsPassphrase("a passphrase must be typed first")
