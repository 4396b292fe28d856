"""Ask a client's engine about a login, with what the client would send it.

An image is looked up at its registry (``/distribution/NAME/json``), as before a pull; a login without an image is checked as
``docker login`` does (``/auth``). Docker Hub counts a look-up as a pull, so that its logins are checked, unless a mirror may
answer instead.
"""

from __future__ import annotations

import binascii
import json
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.contexts.containers.engines import missing_context, used_endpoint
from shorepass.contexts.engine_family import Family
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, BearerToken, IdentityToken
from shorepass.engine.info import EngineInfo, read
from shorepass.engine.known_errors import Kind, address, kind_of
from shorepass.errors import ContextError, FileError, printable
from shorepass.names import HUB_REGISTRY, server_url
from shorepass.registry.token import secrets_of
from shorepass.secret import repeats

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.contexts.containers.engine import Engine
    from shorepass.credential import Credential
    from shorepass.http import Response
    from shorepass.names import Reference

__all__ = ["EngineAnswer", "ask", "has_engine", "opened"]

LEAST_SECONDS = 0.5  # an engine on this machine answers in 0.05 s, the registry in 0.2 s
INFO_SECONDS = 3.0
SOCKET = "/var/run/docker.sock"
REFUSALS = (Kind.NO_LOGIN, Kind.REFUSED, Kind.DENIED)
LATE = "no answer within"  # the engine waits for the registry: it answers everything else at once
PODMAN_HEADER = "Libpod-API-Version"


class EngineAnswer(NamedTuple):
    """What an engine answered about a login.

    ``name``: the engine. ``words``: its own, safe to print; for ``Kind.NOT_ASKED``, the reason. ``url``: whose request failed,
    "" if it does not say. ``mirror``: what a mirror said before that, "" for nothing.
    """

    name: str
    kind: Kind
    words: str = ""
    url: str = ""
    info: EngineInfo = EngineInfo()
    mirror: str = ""


def ask(context: Context, reference: Reference, credential: Credential, *, seconds: float) -> EngineAnswer | None:
    """Return what the engine answers within ``seconds``; None if docker has no engine in this context."""
    end = time.monotonic() + seconds
    try:
        engine = opened(context)
        if engine is None:
            return None
        if seconds < LEAST_SECONDS:
            return EngineAnswer(engine.name, Kind.NOT_ASKED, "the time of --timeout was over")
        info = read(engine.info(timeout=min(seconds, INFO_SECONDS)))
    except ContextError as error:
        return EngineAnswer(error.name, Kind.NOT_ASKED, error.reason)
    try:
        return _Question(engine, info, reference, credential, end).answer()
    except ContextError as error:
        words = error.reason.partition(": ")[2]
        kind = Kind.NO_ROUTE if words.startswith(LATE) else Kind.NOT_ASKED
        return EngineAnswer(engine.name, kind, words, info=info)


def has_engine(context: Context) -> bool:
    """Return whether docker has an engine in a context that can be asked from here."""
    if not isinstance(context, LocalContext):
        return False
    return used_endpoint(context) is not None or missing_context(context) is not None


def opened(context: Context) -> Engine | None:
    """Return the engine of docker in a context, None if it has none. Raises ContextError."""
    if not isinstance(context, LocalContext):
        if _has_socket(context):
            raise ContextError(Family.DOCKER, f"Shorepass asks no engine in {context.name}")
        return None
    missing = missing_context(context)
    if missing:
        raise ContextError(Family.DOCKER, f"its context {missing.name!r} does not exist", hint=missing.fix)
    endpoint = used_endpoint(context)
    return endpoint.ask(context) if endpoint else None


def _has_socket(context: Context) -> bool:
    try:
        return bool(context.getenv("DOCKER_HOST")) or context.status(SOCKET) is not None
    except FileError:
        return True


class _Question(NamedTuple):
    engine: Engine
    info: EngineInfo
    reference: Reference
    credential: Credential
    end: float

    def answer(self) -> EngineAnswer:
        """Ask. Raises ContextError: no answer."""
        is_hub = self.reference.registry == HUB_REGISTRY
        if not self.reference.repository or (is_hub and not self.info.mirrors):
            return self._login()
        first = self._image()
        if not (is_hub and self.info.mirrors) or first.kind is Kind.OK:
            return first
        # A pull goes on to Docker Hub where a mirror fails. docker 20.10 does not, for this question.
        return self._login()._replace(mirror=first.words)

    def _image(self) -> EngineAnswer:
        auth = binascii.b2a_base64(json.dumps(self._auth()).encode(), newline=False).decode()
        encoded = auth.replace("+", "-").replace("/", "_")
        return self._read(self.engine.ask_registry(str(self.reference), encoded, timeout=self._left()))

    def _login(self) -> EngineAnswer:
        if isinstance(self.credential, BearerToken):
            return EngineAnswer(self.engine.name, Kind.NOT_ASKED, "it cannot check a bearer token", info=self.info)
        heard = self._read(self.engine.check_login(self._auth(), timeout=self._left()))
        if self.credential == ANONYMOUS and self.reference.registry == HUB_REGISTRY and heard.kind in REFUSALS:
            return heard._replace(kind=Kind.OK)  # Docker Hub was reached, and an image needs no login there
        return heard

    def _left(self) -> float:
        return max(LEAST_SECONDS, self.end - time.monotonic())

    def _auth(self) -> dict[str, str]:
        """Return docker's AuthConfig: api/types/registry/authconfig.go."""
        found = {"serveraddress": server_url(self.reference.registry)}
        credential = self.credential
        if isinstance(credential, Basic):
            found |= {"username": credential.username, "password": credential.password.reveal()}
        elif isinstance(credential, IdentityToken):
            found |= {"username": credential.username, "identitytoken": credential.token.reveal()}
        elif isinstance(credential, BearerToken):
            found |= {"registrytoken": credential.token.reveal()}
        return found

    def _read(self, response: Response) -> EngineAnswer:
        if response.header(PODMAN_HEADER):
            return EngineAnswer(self.engine.name, Kind.NOT_ASKED, "it is podman's service", info=self.info)
        words = self._words(response)
        kind = kind_of(response.status, words)
        return EngineAnswer(self.engine.name, kind, words, printable(address(words)), self.info)

    def _words(self, response: Response) -> str:
        try:
            said = loads(response.body)
        except ValueError:
            said = None
        text = said.get("message") if isinstance(said, dict) else ""
        words = text if isinstance(text, str) else ""
        if any(repeats(words, secret) for secret in secrets_of(self.credential)):
            return "(not shown: it repeats the secret)"
        return printable(words) or f"status {response.status}"
