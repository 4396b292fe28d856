"""An OCI registry in this process: Basic or Bearer login, its own token server, push and pull, and failures on demand.

It listens on loopback, keeps everything in memory and forgets it at the end. Real clients (docker, podman, skopeo)
can log in, push and pull; it checks digests and permissions, and little else. Use it only for tests.

Sources: OCI distribution-spec; distribution docs/content/spec/auth for tokens and scopes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from shorepass.registry import scope as scopes
from shorepass.testing.images import Storage
from shorepass.testing.server import Answer, Incoming, Server, refusal

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

__all__ = ["Failure", "Recorded", "Registry"]


class Failure(NamedTuple):
    """How one request fails: see :meth:`Registry.fail`."""

    status: int = 500
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    drop: bool = False
    raw: bytes | None = None


class Recorded(NamedTuple):
    """One request. ``authorization``: ``""``, ``basic``, ``bearer`` ... ``username``: that of Basic, else ``""``."""

    method: str
    path: str
    authorization: str
    username: str = ""


class _Pending(NamedTuple):
    path: str
    method: str | None
    authorization: str | None
    failure: Failure


class Registry:
    """A registry that runs from ``with`` to the end of the block (or from :meth:`start` to :meth:`stop`).

    ``users``: user name to password; without users, the registry needs no login. ``auth``: ``basic`` or ``bearer``.
    ``grants``: user name to repository to actions (``{"alice": {"team/app": "pull,push"}}``; the user ``""`` is
    a client without a login, the repository ``*`` is any); without it, users may do everything, and clients without a
    login may do nothing. ``tls``: a server-side context; then the registry speaks https only.

    Bearer only: ``realm`` is the token server to name instead of its own; ``service`` the service; ``lifetime`` the
    seconds for which a token is valid; ``opaque_tokens``: tokens without claims, as some registries give;
    ``identity_tokens``: a client that asks for a refresh token gets one. ``challenge``: these ``WWW-Authenticate``
    lines are sent instead of the right ones.

    ``port``: where to listen on 127.0.0.1; 0 lets the kernel choose a free one.

    ``requests`` lists the requests, without secrets.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        auth: Literal["basic", "bearer"] = "basic",
        grants: Mapping[str, Mapping[str, str]] | None = None,
        tls: ssl.SSLContext | None = None,
        realm: str | None = None,
        service: str = "shorepass-test",
        lifetime: int = 300,
        opaque_tokens: bool = False,
        identity_tokens: bool = False,
        challenge: Sequence[str] | None = None,
        port: int = 0,
    ) -> None:
        if auth not in ("basic", "bearer"):
            raise ValueError(f"auth is basic or bearer, not {auth!r}")
        self.users = dict(users or {})
        self.requests: list[Recorded] = []
        self._auth = auth
        self._grants = grants
        self._tls = tls
        self._realm = realm
        self._service = service
        self._lifetime = lifetime
        self._opaque_tokens = opaque_tokens
        self._identity_tokens = identity_tokens
        self._challenge = challenge
        self._port = port
        self._storage = Storage()
        self._tokens: dict[str, tuple[str, list[str], float]] = {}  # token: user, scopes, end
        self._refresh_tokens: dict[str, str] = {}
        self._failures: list[_Pending] = []
        self._lock = threading.Lock()
        self._server: Server | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Begin to listen on 127.0.0.1."""
        if self._server is None:
            self._server = Server(self._answer, self._tls, self._port)
        return self

    def stop(self) -> None:
        """Close every connection and stop listening. It forgets all images."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the registry is not running")
        return self._server.port

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``, the registry's name in references and logins."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, or https."""
        return f"{'https' if self._tls else 'http'}://{self.host}"

    @property
    def realm(self) -> str:
        """The token server that challenges name."""
        return self._realm or f"{self.url}/token"

    @property
    def repositories(self) -> list[str]:
        """The names of all repositories that hold something."""
        return self._storage.repositories()

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted."""
        return self._storage.tags(repository)

    def identity_token(self, username: str) -> str:
        """Return a refresh token that the token server accepts by POST as ``username``."""
        token = secrets.token_urlsafe(24)
        self._refresh_tokens[token] = username
        return token

    def revoke_tokens(self) -> None:
        """Make every bearer token given so far invalid."""
        with self._lock:
            self._tokens.clear()

    def fail(
        self,
        path: str,
        failure: Failure | None = None,
        *,
        method: str | None = None,
        authorization: str | None = None,
        times: int = 1,
    ) -> None:
        """Make the next ``times`` requests fail whose path begins with ``path`` (default: status 500).

        ``method`` and ``authorization`` (``""``, ``basic``, ``bearer``) select some of them.

        ``Failure(delay=2)`` waits, and answers as usual if it sets nothing else; ``Failure(drop=True)`` closes the
        connection without an answer; ``Failure(raw=b"...")`` sends these bytes as they are; otherwise ``status``,
        ``headers`` and ``body`` are the answer.
        """
        with self._lock:
            self._failures += [_Pending(path, method, authorization, failure or Failure())] * times

    def _answer(self, request: Incoming) -> Answer | None:
        with self._lock:
            kind, _, _ = request.authorization.partition(" ")
            username = _basic(request.authorization)[0] if kind.lower() == "basic" else ""
            self.requests.append(Recorded(request.method, request.target, kind.lower(), username))
            failure = self._take_failure(self.requests[-1])
        if failure is not None:
            answer = self._fail(request, failure)
            if answer is not None or failure.drop or request.stopping.is_set():
                return answer
        with self._lock:
            if request.path == "/token" and self._auth == "bearer":
                return self._token(request)
            if request.path != "/v2" and not request.path.startswith("/v2/"):
                return Answer(404, b"404 page not found\n", (("Content-Type", "text/plain"),))
            return self._refuse(request) or self._storage.answer(request)

    def _take_failure(self, request: Recorded) -> Failure | None:
        for index, pending in enumerate(self._failures):
            fits = pending.method in (None, request.method) and pending.authorization in (None, request.authorization)
            if fits and request.path.startswith(pending.path):
                del self._failures[index]
                return pending.failure
        return None

    def _fail(self, request: Incoming, failure: Failure) -> Answer | None:
        """Return the failing answer; None to close the connection, or if there is only a delay."""
        if failure.delay:
            request.stopping.wait(failure.delay)
            if failure == Failure(delay=failure.delay):
                return None
        if failure.drop:
            return None
        return Answer(failure.status, failure.body, failure.headers, failure.raw)

    # Who may do what

    def _refuse(self, request: Incoming) -> Answer | None:
        """Return the 401 or 403 that refuses a request, None if it is allowed."""
        if not self.users and self._grants is None:
            return None
        wanted = scopes.for_request(request.method, request.target)
        return self._refuse_basic(request, wanted) if self._auth == "basic" else self._refuse_bearer(request, wanted)

    def _refuse_basic(self, request: Incoming, wanted: Sequence[str]) -> Answer | None:
        username, password = _basic(request.authorization)
        if not username or self.users.get(username) != password:
            if not request.authorization and wanted and self._allows("", wanted):
                return None
            return self._unauthorized('Basic realm="basic-realm"', wanted)
        if self._allows(username, wanted):
            return None
        return refusal(403, "DENIED", "requested access to the resource is denied")

    def _refuse_bearer(self, request: Incoming, wanted: Sequence[str]) -> Answer | None:
        kind, _, token = request.authorization.partition(" ")
        challenge = f'Bearer realm="{self.realm}",service="{self._service}"'
        challenge += f',scope="{" ".join(wanted)}"' if wanted else ""
        if kind.lower() != "bearer":
            return self._unauthorized(challenge, wanted)
        _, held, end = self._tokens.get(token, ("", [], 0.0))
        if end <= time.monotonic():
            return self._unauthorized(challenge + ',error="invalid_token"', wanted)
        if not scopes.covers(held, wanted):
            return self._unauthorized(challenge + ',error="insufficient_scope"', wanted)
        return None

    def _unauthorized(self, challenge: str, wanted: Sequence[str]) -> Answer:
        lines = [challenge] if self._challenge is None else self._challenge
        detail: list[dict[str, str]] = []
        for parsed in filter(None, map(scopes.parse, wanted)):
            missing = {"Type": parsed.type, "Class": "", "Name": parsed.name}
            detail += [{**missing, "Action": action} for action in parsed.actions]
        answer = refusal(401, "UNAUTHORIZED", "authentication required", detail or None)
        return answer._replace(headers=(*answer.headers, *(("WWW-Authenticate", line) for line in lines)))

    def _allows(self, username: str, wanted: Sequence[str]) -> bool:
        return scopes.covers([self._granted(username, text) for text in wanted], wanted)

    def _granted(self, username: str, text: str) -> str:
        """Return the part of a scope that a user has."""
        parsed = scopes.parse(text)
        if parsed is None:
            return ""
        if self._grants is None:
            actions = parsed.actions if username else ()
        else:
            own = self._grants.get(username, {})
            has = own.get(parsed.name, own.get("*", "")).split(",")
            actions = tuple(action for action in parsed.actions if action in has or "*" in has)
        return str(parsed._replace(actions=actions))

    # The token server

    def _token(self, request: Incoming) -> Answer:
        if request.method not in ("GET", "POST"):
            return refusal(405, "UNSUPPORTED", "method not allowed")
        fields = request.form if request.method == "POST" else request.query
        if request.method == "POST" and fields.get("grant_type", [""])[0] == "refresh_token":
            username = self._refresh_tokens.get(fields.get("refresh_token", [""])[0])
            asked = fields.get("scope", [""])[0].split()
        elif request.method == "POST":
            username = self._known(fields.get("username", [""])[0], fields.get("password", [""])[0])
            asked = fields.get("scope", [""])[0].split()
        else:
            username = self._known(*_basic(request.authorization)) if request.authorization else ""
            asked = fields.get("scope", [])
        if username is None:
            return refusal(401, "UNAUTHORIZED", "incorrect username or password")
        wants_refresh = "true" in fields.get("offline_token", []) or "offline" in fields.get("access_type", [])
        return self._issue(username, asked, wants_refresh=wants_refresh)

    def _known(self, username: str, password: str) -> str | None:
        return username if username and self.users.get(username) == password else None

    def _issue(self, username: str, asked: Sequence[str], *, wants_refresh: bool) -> Answer:
        granted = [self._granted(username, text) for text in asked]
        token = secrets.token_urlsafe(24) if self._opaque_tokens else self._readable_token(username, granted)
        self._tokens[token] = (username, granted, time.monotonic() + self._lifetime)
        body: dict[str, object] = {"token": token, "access_token": token, "expires_in": self._lifetime}
        if wants_refresh and self._identity_tokens and username:
            body["refresh_token"] = self.identity_token(username)
        return Answer(200, json.dumps(body).encode(), (("Content-Type", "application/json"),))

    def _readable_token(self, username: str, granted: Sequence[str]) -> str:
        """Return a token in the form of a JWT. Its signature is random, because the registry remembers its tokens."""
        parts = [parsed for parsed in map(scopes.parse, granted) if parsed]
        access = [{"type": s.type, "name": s.name, "actions": list(s.actions)} for s in parts]
        claims = {"sub": username, "aud": self._service, "exp": int(time.time()) + self._lifetime, "access": access}
        head = {"typ": "JWT", "alg": "none"}
        signature = hashlib.sha256(secrets.token_bytes(16)).digest()
        encoded = [json.dumps(head).encode(), json.dumps(claims).encode(), signature]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in encoded)


def _basic(authorization: str) -> tuple[str, str]:
    """Return user name and password of a Basic Authorization, else two empty strings."""
    kind, _, word = authorization.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(word).decode().partition(":")
    except ValueError:
        return "", ""
    return username, password
