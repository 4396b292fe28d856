"""The agent: the verbs of the helper protocol, and those of its management, for one user."""

from __future__ import annotations

import json
import os
import time
from threading import Lock
from typing import TYPE_CHECKING

from shorepass.agent.call import Answer, Call, Declined
from shorepass.agent.grants import Lending
from shorepass.agent.held_keys import AgentMemory, HeldKeys
from shorepass.agent.lender import Lender
from shorepass.agent.other_helper import OtherHelper
from shorepass.agent.own_helper import OwnHelper
from shorepass.agent_client import layout
from shorepass.agent_client.frames import Frame, FrameError, Kind
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.errors import ShorepassError
from shorepass.helper import OURSELVES
from shorepass.stores.vault.key import decrypt
from shorepass.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shorepass.agent.audit_log import AuditLog
    from shorepass.agent_client.connection import Connection
    from shorepass.contexts.caller import Caller
    from shorepass.settings import AgentSettings
    from shorepass.stores.vault.key import Key

__all__ = ["Agent"]

LONGEST_WAIT = 5.0  # seconds that a request may wait for a question


class _Counts:
    """What was asked of one helper. ``slowest``: seconds of an answer that was not remembered."""

    def __init__(self) -> None:
        self.calls = 0
        self.from_memory = 0
        self.slowest = 0.0


class Agent:
    """Answers calls and requests. ``here``: the user's own context, where the agent was started.

    ``stop`` ends the server. Threads call it at the same time.
    """

    def __init__(self, here: LocalContext, settings: AgentSettings, log: AuditLog, *, stop: Callable[[], None]) -> None:
        self._here = here
        self._settings = settings
        self._log = log
        self._stop = stop
        self._held = HeldKeys()
        self._others: dict[str, OtherHelper] = {}
        self._lock = Lock()
        self._locked = False
        self._is_ending = False
        self._started = time.time()
        self._counts: dict[str, _Counts] = {}
        self._memory = AgentMemory(self._held)
        self._own = OwnHelper(self._memory)
        lender = Lender(here, log, memory=lambda: self._memory, is_locked=lambda: self._locked)
        self._confirmations = lender.confirmations
        self.lending = Lending(lender)
        self._verbs: dict[str, Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]] = {
            "status": self._status,
            "stop": self._end,
            "lock": self._close,
            "unlock": self._open,
            "forget": self._drop,
            "keys": self._keys,
            "hold": self._hold,
            "decrypt": self._decrypt,
            "mac": self._mac,
            "grants": self._grants,
            "questions": self._questions,
            "answer": self._answer_question,
        }

    # Calls of helpers

    def answer(self, frame: Frame, caller: Caller, connection: Connection) -> None:
        """Answer one frame of the user's own program. Raises FrameError."""
        if frame.kind is Kind.CALL:
            self._answer_call(Call(frame.fields), caller, connection)
        elif frame.kind is Kind.MANAGE:
            connection.before_waiting()
            connection.send(self._manage(frame))
            if self._is_ending:  # after the answer, which the end of the process would cut off
                self._stop()
        else:
            raise FrameError("an agent gets calls and requests")

    def _answer_call(self, call: Call, caller: Caller, connection: Connection) -> None:
        start = time.perf_counter()
        answer = None
        try:
            answer = self._called(call, connection.before_waiting)
            frame = answer.frame()
        except Declined as reason:
            frame = Frame(Kind.DECLINE, (str(reason).encode(),))
        seconds = time.perf_counter() - start
        try:
            connection.send(frame)
        finally:  # after the answer, so that no one waits for the log
            self._count(call.name, answer, seconds)
            self._log.write(caller, call, answer, seconds)

    def _count(self, name: str, answer: Answer | None, seconds: float) -> None:
        with self._lock:
            if answer is None:
                return
            counts = self._counts.setdefault(name, _Counts())
            counts.calls += 1
            if answer.source == "memory":
                counts.from_memory += 1
            else:
                counts.slowest = max(counts.slowest, seconds)

    def _called(self, call: Call, before_waiting: Callable[[], None]) -> Answer:
        """Return what the helper answers. Raises Declined."""
        if self._locked:
            text = f"the agent is locked; fix: {command(None, 'unlock')}\n"
            return Answer(1, text.encode(), f"docker-credential-{call.name}: {text}".encode())
        helper = self._own if call.name == OURSELVES else self._other(call.name)
        try:
            remembered = helper.recall(call)
            if remembered is not None:
                return remembered
            before_waiting()
            return helper.answer(call)
        except Declined:
            raise
        except Exception as error:  # noqa: BLE001  # a fault of the agent must not stop a build: the program itself answers
            raise Declined(f"a fault of the agent: {type(error).__name__}") from None

    def _other(self, name: str) -> OtherHelper:
        """Return an accelerated helper. Raises Declined."""
        program = layout.program_behind(self._here, f"docker-credential-{name}")
        if program is None:
            raise Declined("this helper is not accelerated")
        with self._lock:
            known = self._others.get(name)
            if known is None or known.program != program:
                known = self._others[name] = OtherHelper(name, program, self._settings)
            return known

    def forget(self) -> None:
        """Drop unlocked keys, decrypted logins and remembered answers."""
        self._held.forget()
        self._memory = AgentMemory(self._held)
        self._own = OwnHelper(self._memory)
        with self._lock:
            self._others.clear()

    def expire(self) -> None:
        """Drop what was opened with a key whose time is over."""
        if self._held.expire():
            self.forget()

    # Management

    def _manage(self, frame: Frame) -> Frame:
        try:
            request = json.loads(frame.fields[0])
            verb = self._verbs[request["do"]]
            data = frame.fields[1]
        except (ValueError, KeyError, TypeError, IndexError):
            raise FrameError("a request that this agent does not know") from None
        try:
            members, answer = verb(request, data)
        except ShorepassError as error:
            members, answer = {"error": error.message, "hint": error.hint}, b""
        return Frame(Kind.MANAGED, (json.dumps(members).encode(), answer))

    def _status(self, _: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        now = time.monotonic()
        helpers = [self._row(OURSELVES, "", self._own.remembered())]
        helpers += [self._row(other.name, other.program, other.remembered()) for other in list(self._others.values())]
        status = {
            "pid": os.getpid(),
            "version": __version__,
            "locked": self._locked,
            "since": self._started,
            "idle_seconds": self._settings.idle,
            "keys": [{"path": held.path, "seconds": round(held.until - now)} for held in self._held.all()],
            "helpers": helpers,
            "log_error": self._log.trouble or None,
            "token_ends": self.lending.token_ends(),
        }
        return status, b""

    def _row(self, name: str, program: str, answers: int) -> dict[str, Any]:
        counts = self._counts.get(name) or _Counts()
        return {
            "helper": name,
            "program": program or None,
            "answers": answers,
            "calls": counts.calls,
            "from_memory": counts.from_memory,
            "slowest_ms": round(counts.slowest * 1000, 1),
        }

    def _end(self, _: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        self._is_ending = True
        return {"pid": os.getpid()}, b""

    def _close(self, _: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        self._locked = True
        self.forget()
        self.lending.withdraw()
        return {"locked": True}, b""

    def _open(self, _: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        self._locked = False
        self.lending.wake()
        return {"locked": False}, b""

    def _drop(self, _: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        self.forget()
        return {}, b""

    def _grants(self, request: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        troubles = self.lending.refresh()
        checked = self.lending.check(str(request.get("new", "")))
        return {"troubles": {**self.lending.troubles(), **checked, **troubles}}, b""

    def _questions(self, request: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        seconds = min(float(request.get("seconds", 0.0)), LONGEST_WAIT)
        return {"questions": self._confirmations.waiting(str(request.get("grant", "")), seconds)}, b""

    def _answer_question(self, request: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        one: dict[str, Any] = {name: request[name] for name in ("container", "registry") if name in request}
        by, yes = str(request.get("by", "a program")), request["yes"] is True
        return {"answered": self._confirmations.answer(str(request["grant"]), one, yes=yes, by=by)}, b""

    # Keys: the private half stays here

    def _keys(self, request: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        return {"recipients": [key.recipient for key in self._held.of(str(request.get("file")))]}, b""

    def _hold(self, request: dict[str, Any], opened: bytes) -> tuple[dict[str, Any], bytes]:
        seconds = request.get("seconds")
        if not isinstance(seconds, int | float):
            seconds = self._settings.unlocked
        self._held.hold(str(request.get("file")), str(request.get("path")), opened, float(seconds))
        return {"seconds": seconds}, b""

    def _decrypt(self, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        from pyrage import DecryptError

        try:
            return {}, decrypt(data, [self._key(request)])
        except DecryptError as error:
            return {"refused": str(error)}, b""

    def _mac(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        return {}, self._key(request).mac(body)

    def _key(self, request: dict[str, Any]) -> Key:
        """Return the key that a request names. Raises ShorepassError."""
        for key in self._held.of(str(request.get("file"))):
            if key.recipient == request.get("recipient"):
                return key
        raise ShorepassError("it does not hold this key", hint=command(None, "unlock"))
