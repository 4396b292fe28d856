"""Mode ``forward``: a socket that answers credential helpers with the logins of one grant.

It answers no request of management, and changes no login. What it cannot answer it answers with "not found", so that a public
image still pulls.
"""

from __future__ import annotations

import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from shorepass.agent.call import Answer, Call
from shorepass.agent.held_keys import NeedsPassphrase
from shorepass.agent.lender import NotLent
from shorepass.agent.listening import listen_for_grant
from shorepass.agent.pace import Pace
from shorepass.agent.served import Served
from shorepass.agent.server import Limits, Server
from shorepass.agent_client.frames import Frame, FrameError, Kind
from shorepass.contexts.command import command
from shorepass.credential import Anonymous, BearerToken
from shorepass.errors import ShorepassError
from shorepass.foreign_text import visible
from shorepass.grants.folder import socket_of
from shorepass.helper.protocol import Refusal, Verb, as_go_writes, encode_answer
from shorepass.names import registry_of_key, server_url
from shorepass.version import __version__

if TYPE_CHECKING:
    from shorepass.agent.lender import Lender, Terms
    from shorepass.agent_client.connection import Connection
    from shorepass.contexts.caller import Caller
    from shorepass.grants.grant import Grant

__all__ = ["LentHelper"]

LIMITS = Limits(connections=32, idle=60.0, body=1024 * 1024)
AT_ONCE = 4  # calls of one grant that are worked on
BURST, A_SECOND = 200.0, 20.0  # calls of one grant, so that a flood does not slow other calls
KEY_LIMIT = 1024  # characters of a registry's name
LENT = (
    "this login is lent and is not changed from here; log in with a config file of your own: docker --config DIR login"
)


class LentHelper(Served):
    """Serves a grant in mode ``forward``. Raises ShorepassError: it cannot listen."""

    def __init__(self, lender: Lender, grant: Grant) -> None:
        self._lender = lender
        self._id = grant.id
        self._free = BoundedSemaphore(AT_ONCE)
        self._pace = Pace(BURST, A_SECOND)
        self._is_closed = False
        self._listening = listen_for_grant(socket_of(grant))
        self._server = Server(self._listening.wire, self._answer, uid=None, limits=LIMITS)
        self._server.start()

    def close(self) -> None:
        """End the socket and all its connections."""
        self._is_closed = True
        self._listening.close_at_once()
        self._server.close_connections()

    def check(self) -> None:
        """Raise Unlendable if there is no login for a registry that the grant names; NotLent."""
        self._lender.check_logins(self._lender.terms(self._id))

    def _answer(self, frame: Frame, caller: Caller, connection: Connection) -> None:
        """Answer one frame of a target. Raises FrameError."""
        if frame.kind is not Kind.CALL:
            raise FrameError("a grant answers only credential helpers")
        call = Call(frame.fields)
        start = time.perf_counter()
        answer = self._answered(call, caller)
        try:
            connection.send(answer.frame())
        finally:
            self._lender.log.write(caller, call, answer, time.perf_counter() - start, grant=self._id)

    def _answered(self, call: Call, caller: Caller) -> Answer:
        """Answer a call in its turn, and if the grant needs the user's yes, again after that."""
        try:
            answer = self._in_turn(call, caller)
            if answer is not None:
                return answer
            self._confirm(call, caller)  # while other calls are worked on
        except NeedsPassphrase:
            return _none(call, f"the lender must type a passphrase: {command(None, 'unlock')}")
        except ShorepassError as error:
            return _none(call, error.message)
        except Exception as error:  # noqa: BLE001  # a fault of the agent must not stop a public pull
            return _none(call, f"a fault of the lender's agent: {type(error).__name__}")
        return self._answered(call, caller)

    def _in_turn(self, call: Call, caller: Caller) -> Answer | None:
        """Return the answer by what counts when its turn has come; None: the user must say yes first.

        Raises ShorepassError, NeedsPassphrase.
        """
        with self._free:
            if delay := self._pace.delay(time.monotonic()):  # a sleep of 0 seconds takes 0.08 ms
                time.sleep(delay)
            if self._is_closed:
                raise NotLent("the grant has ended")
            if call.verb == Verb.VERSION:
                return Answer(0, f"docker-credential-{call.name} (shorepass grant) {__version__}\n".encode())
            terms = self._lender.terms(self._id)
            if call.verb == Verb.GET:
                return self._get(terms, call, caller)
            if call.verb == Verb.LIST:
                return Answer(0, as_go_writes({server_url(one): "" for one in terms.grant.named}))
            return Answer(1, LENT.encode() + b"\n", _line(call, LENT))

    def _get(self, terms: Terms, call: Call, caller: Caller) -> Answer | None:
        """Return the login that docker would send here; None: the user must say yes first.

        Raises ShorepassError, NeedsPassphrase.
        """
        key = _key(call)
        if not terms.grant.allows(key):
            raise NotLent(f"the grant {terms.grant.id} does not lend a login for {key or 'no registry'}")
        registry = registry_of_key(key)
        if self._lender.must_ask(terms, registry, caller):
            return None
        resolution = self._lender.resolve(terms, registry)
        found = resolution.credential
        if isinstance(found, Anonymous | BearerToken):
            raise NotLent(f"the lender has no login for {registry}")
        self._lender.count(terms.grant)
        source = resolution.source
        name = (source.helper or source.path) if source else ""
        return Answer(0, encode_answer(key, found), source=name)

    def _confirm(self, call: Call, caller: Caller) -> None:
        """Wait for the user's yes. Raises ShorepassError: what counts now refuses it, also if that ends at once."""
        self._lender.confirm(self._lender.terms(self._id), registry_of_key(_key(call)), caller)


def _key(call: Call) -> str:
    """Return the name of the registry that a call asks for."""
    return call.input[:KEY_LIMIT].decode("utf-8", "replace").strip()


def _none(call: Call, reason: str) -> Answer:
    """Return the answer that makes a client ask anonymously, with the reason for the user."""
    if call.verb == Verb.LIST:
        return Answer(0, b"{}\n", _line(call, reason))
    if call.verb in (Verb.STORE, Verb.ERASE):
        return Answer(1, LENT.encode() + b"\n", _line(call, LENT))
    return Answer(1, Refusal.NOT_FOUND.encode() + b"\n", _line(call, reason))


def _line(call: Call, reason: str) -> bytes:
    return visible(f"docker-credential-{call.name}: {reason}").encode("utf-8", "replace") + b"\n"
