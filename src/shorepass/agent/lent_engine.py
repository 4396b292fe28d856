"""Mode ``engine``: a socket in the place of the engine's, which adds the logins of one grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.call import Answer
from shorepass.agent.held_keys import NeedsPassphrase
from shorepass.agent.listening import listen_for_grant
from shorepass.agent.served import Served
from shorepass.credential import Anonymous, BearerToken
from shorepass.errors import ShorepassError, printable
from shorepass.grants.folder import socket_of
from shorepass.share.engine_guard import Guard
from shorepass.share.engine_socket import EngineSocket

if TYPE_CHECKING:
    from shorepass.agent.lender import Lender
    from shorepass.contexts.caller import Caller
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant
    from shorepass.share.engine_logins import Lent

__all__ = ["LentEngine"]

SHOWN = 200  # characters of a reason in the audit log


class _Use(NamedTuple):
    """A use of a login by the engine, or a call that did not pass, for the audit log."""

    server_url: str
    verb: str
    name: str = "engine"


class LentEngine(Served):
    """Serves a grant in mode ``engine``. Raises ShorepassError: it cannot listen."""

    def __init__(self, lender: Lender, grant: Grant) -> None:
        self._lender = lender
        self._id = grant.id
        self._listening = listen_for_grant(socket_of(grant))
        guard = Guard(grant.id, grant.engine, self._may_push) if grant.deny else None
        self._server = EngineSocket(
            self._listening.wire, grant.engine, self._lend, lambda: grant.whole, self._tell, guard, self._tell_refused
        )
        self._server.start()

    def close(self) -> None:
        """End the socket and all its connections."""
        self._listening.close_at_once()
        self._server.close_connections()

    def check(self) -> None:
        """Raise Unlendable if there is no login for what the grant names; NotLent."""
        self._lender.check_logins(self._lender.terms(self._id))

    def _lend(self, repository: str, *, push: bool, caller: Caller) -> Credential | None:
        """Return the login for a request to the engine; None if it is not lent, or not now."""
        try:
            terms = self._lender.terms(self._id)
            if not terms.grant.lends(repository, push=push):
                return None
            if self._lender.must_ask(terms, repository, caller, push=push):
                self._lender.confirm(terms, repository, caller)
                return self._lend(repository, push=push, caller=caller)  # by what counts after the wait
            found = self._lender.resolve(terms, repository, push=push).credential
            if isinstance(found, Anonymous | BearerToken):
                return None
            self._lender.count(terms.grant)
        except (ShorepassError, NeedsPassphrase):
            return None  # the engine then asks anonymously, and public images remain
        return found

    def _may_push(self, repository: str) -> bool:
        try:
            return self._lender.terms(self._id).grant.lends(repository, push=True)
        except ShorepassError:
            return False

    def _tell(self, lent: Lent, caller: Caller) -> None:
        verb = "push" if lent.push else "pull"
        use = _Use(lent.repository, verb)
        self._lender.log.write(caller, use, Answer(0, b"", source="engine"), 0.0, grant=self._id)

    def _tell_refused(self, reason: str, caller: Caller) -> None:
        answer = Answer(1, b"", source=printable(reason, SHOWN))
        self._lender.log.write(caller, _Use("", "denied"), answer, 0.0, grant=self._id)
