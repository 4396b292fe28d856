"""The grants' sockets: each lends some logins of the user to the programs that have the socket.

A grant's socket answers calls of credential helpers and no request of management. ``get`` returns the login that docker would
send on this machine. It uses the agent's own environment, and not the caller's. Shorepass reads the file of the grants at each
call: a grant that is not there has ended, even if its socket is still open.
"""

from __future__ import annotations

import time
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.call import Answer, Call
from shorepass.agent.held_keys import NeedsPassphrase
from shorepass.agent.listening import listen_for_grant
from shorepass.agent.pace import Pace
from shorepass.agent.server import Limits, Server
from shorepass.agent_client.frames import Frame, FrameError, Kind
from shorepass.client_table import DEFAULT
from shorepass.clients import find
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.credential import Anonymous, BearerToken
from shorepass.errors import ShorepassError
from shorepass.foreign_text import visible
from shorepass.grants import file, folder
from shorepass.grants.grant import ENGINE
from shorepass.helper.protocol import Refusal, Verb, as_go_writes, encode_answer
from shorepass.names import Reference, registry_of_key, server_url
from shorepass.profile import with_store
from shorepass.share.engine_socket import EngineSocket
from shorepass.version import __version__

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from shorepass.agent.audit import AuditLog
    from shorepass.agent.listening import Listening
    from shorepass.agent.server import Send
    from shorepass.contexts.caller import Caller
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant
    from shorepass.http.unix_server import UnixServer
    from shorepass.resolution import Resolution
    from shorepass.share.engine_logins import Lent

__all__ = ["Lending"]

LIMITS = Limits(connections=32, idle=60.0, body=1024 * 1024)
AT_ONCE = 4  # calls of one grant that are worked on
BURST, A_SECOND = 200.0, 20.0  # calls of one grant, so that a flood neither fills the audit log nor slows other calls
KEY_LIMIT = 1024  # characters of a registry's name
LENT = (
    "this login is lent and is not changed from here; log in with a config file of your own: docker --config DIR login"
)


class _Served:
    """The socket of one grant, and the thread that serves it."""

    def __init__(self, grant: Grant, listening: Listening, server: UnixServer) -> None:
        self.grant = grant
        self.free = BoundedSemaphore(AT_ONCE)
        self.pace = Pace(BURST, A_SECOND)
        self._listening = listening
        self.server = server
        server.start()

    def close(self) -> None:
        """End the socket and all its connections."""
        self._listening.close_at_once()
        self.server.close_connections()


class Lending:
    """Serves the grants of ``here``, the agent's own context. ``memory`` is the agent's, ``is_locked`` its state."""

    def __init__(
        self, here: LocalContext, log: AuditLog, *, memory: Callable[[], Memory], is_locked: Callable[[], bool]
    ) -> None:
        self._here = LocalContext(here.environment(), directory="/", memory=Memory())
        self._log = log
        self._memory = memory
        self._is_locked = is_locked
        self._lock = Lock()
        self._served: dict[str, _Served] = {}

    def __len__(self) -> int:
        """Return how many grants are served."""
        return len(self._served)

    def refresh(self) -> dict[str, str]:
        """Serve the grants that the file has, and end all others. Return why a grant is not served, by its id.

        Raises FileError, MalformedFile; then the sockets remain, and refuse everything.
        """
        with self._lock:
            now = time.time()
            known = {id_: grant for id_, grant in file.load(self._here).items() if not grant.end(now)}
            for id_ in set(self._served) - set(known):
                served = self._served.pop(id_)
                served.close()
                folder.remove(served.grant)
            troubles = {}
            for id_ in set(known) - set(self._served):
                try:
                    self._served[id_] = self._serve(known[id_])
                except ShorepassError as error:
                    troubles[id_] = error.message
            return troubles

    def close(self) -> None:
        """End all sockets. The folders remain, so that the next agent serves them again."""
        with self._lock:
            for served in self._served.values():
                served.close()
            self._served.clear()

    def _serve(self, grant: Grant) -> _Served:
        """Serve a grant. Raises UsageError, WriteError, ShorepassError."""
        folder.make(grant)
        listening = listen_for_grant(folder.socket_of(grant))
        make = self._engine_server if grant.mode == ENGINE else self._helper_server
        return _Served(grant, listening, make(grant, listening.wire))

    def _helper_server(self, grant: Grant, wire: socket.socket) -> Server:
        def answer(frame: Frame, caller: Caller, send: Send) -> None:
            self._answer(grant.id, frame, caller, send)

        return Server(wire, answer, uid=None, limits=LIMITS)

    def _engine_server(self, grant: Grant, wire: socket.socket) -> EngineSocket:
        def lend(repository: str, *, push: bool) -> Credential | None:
            return self._lent(grant.id, repository, push=push)

        def tell(lent: Lent, caller: Caller) -> None:
            verb = "push" if lent.push else "pull"
            asked = _EngineUse(lent.repository, verb)
            self._log.write(caller, asked, Answer(0, b"", source="engine"), 0.0, grant=grant.id)

        return EngineSocket(wire, grant.engine, lend, lambda: grant.named, tell)

    def _lent(self, id_: str, repository: str, *, push: bool) -> Credential | None:
        """Return the login for a request to the engine; None if it is not lent, or not now."""
        try:
            grant = file.load(self._here).get(id_)
            if grant is None or grant.end(time.time()) or self._is_locked() or not grant.lends(repository, push=push):
                return None
            found = self._resolved(grant, repository).credential
            if isinstance(found, Anonymous | BearerToken):
                return None
            if grant.max_uses and not file.count_use(self._here, grant.id, time.time()):
                return None
        except (ShorepassError, NeedsPassphrase):
            return None  # the engine then asks anonymously, and public images remain
        return found

    def _answer(self, id_: str, frame: Frame, caller: Caller, send: Send) -> None:
        """Answer one frame of a target. Raises FrameError."""
        if frame.kind is not Kind.CALL:
            raise FrameError("a grant answers only credential helpers")
        call = Call(frame.fields)
        start = time.perf_counter()
        served = self._served.get(id_)
        if served is None:
            answer = _none(call, "the grant has ended")
        else:
            with served.free:
                time.sleep(served.pace.delay(time.monotonic()))
                answer = self._answered(id_, call)
        try:
            send(answer.frame())
        finally:
            self._log.write(caller, call, answer, time.perf_counter() - start, grant=id_)

    def _answered(self, id_: str, call: Call) -> Answer:
        if call.verb == Verb.VERSION:
            return Answer(0, f"docker-credential-{call.name} (shorepass grant) {__version__}\n".encode())
        try:
            grant = file.load(self._here).get(id_)
            ended = "it was revoked" if grant is None else grant.end(time.time())
            if grant is None or ended:
                return _none(call, f"the grant has ended: {ended}")
            if self._is_locked():
                return _none(call, f"the lender's agent is locked; the lender's fix: {command(None, 'unlock')}")
            if call.verb == Verb.GET:
                return self._get(grant, call)
            if call.verb == Verb.LIST:
                return Answer(0, as_go_writes({server_url(one): "" for one in grant.named}))
        except NeedsPassphrase:
            return _none(call, f"the lender must type a passphrase: {command(None, 'unlock')}")
        except ShorepassError as error:
            return _none(call, error.message)
        except Exception as error:  # noqa: BLE001  # a fault of the agent must not stop a public pull
            return _none(call, f"a fault of the lender's agent: {type(error).__name__}")
        return Answer(1, LENT.encode() + b"\n", _line(call, LENT))

    def _resolved(self, grant: Grant, repository: str) -> Resolution:
        """Return what docker would send here. Raises ShorepassError, NeedsPassphrase."""
        variables = {"DOCKER_CONFIG": grant.config} if grant.config else {}
        environ = {**self._here.environment(), **variables}
        here = with_store(LocalContext(environ, directory="/", memory=self._memory()))
        registry, _, path = repository.partition("/")
        return find(DEFAULT).resolve(here, Reference(registry, path))

    def _get(self, grant: Grant, call: Call) -> Answer:
        """Return the login that docker would send here. Raises ShorepassError, NeedsPassphrase."""
        key = call.input[:KEY_LIMIT].decode("utf-8", "replace").strip()
        if not grant.allows(key):
            return _none(call, f"the grant {grant.id} does not lend a login for {key or 'no registry'}")
        registry = registry_of_key(key)
        resolution = self._resolved(grant, registry)
        found = resolution.credential
        if isinstance(found, Anonymous | BearerToken):
            return _none(call, f"the lender has no login for {registry}")
        if grant.max_uses and not file.count_use(self._here, grant.id, time.time()):
            return _none(call, "the grant has ended: it was used up")
        source = resolution.source
        name = (source.helper or source.path) if source else ""
        return Answer(0, encode_answer(key, found), source=name)


class _EngineUse(NamedTuple):
    """A use of a login by the engine, for the audit log."""

    server_url: str
    verb: str
    name: str = "engine"


def _none(call: Call, reason: str) -> Answer:
    """Return the answer that makes a client ask anonymously, with the reason for the user."""
    if call.verb == Verb.LIST:
        return Answer(0, b"{}\n", _line(call, reason))
    if call.verb in (Verb.STORE, Verb.ERASE):
        return Answer(1, LENT.encode() + b"\n", _line(call, LENT))
    return Answer(1, Refusal.NOT_FOUND.encode() + b"\n", _line(call, reason))


def _line(call: Call, reason: str) -> bytes:
    return visible(f"docker-credential-{call.name}: {reason}").encode("utf-8", "replace") + b"\n"
