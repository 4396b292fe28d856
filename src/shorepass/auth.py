"""Auth objects for httpx and requests, which log in to registries as docker does.

They answer a registry's challenge with the credential that ``shorepass.resolve`` finds for the repository. They fetch tokens by
the realm policy, keep them until they expire, and know what a pull, a push and a delete need. They never answer a challenge
from another origin than the one that was asked. They never send a credential over plain http, unless the host is on loopback
or ``Access.tls_verify`` is False. They never repeat a body that cannot be read twice.

Shorepass itself sends the requests to token servers: these follow no redirect, whatever the client's settings are.
"""

from __future__ import annotations

import threading
import time
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from anyio import to_thread

from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Anonymous, Basic, BearerToken
from shorepass.errors import LoginRefused, UsageError
from shorepass.http import parse_url
from shorepass.names import Reference, is_loopback, registry_of_server
from shorepass.profile import with_store
from shorepass.registry import scope
from shorepass.registry.challenge import choose, parse_challenges
from shorepass.registry.client import Access, RegistryClient
from shorepass.registry.token import authorization

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence
    from typing import Any

    import httpx
    import requests
    import requests.auth

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.http import Url
    from shorepass.registry.challenge import Challenge
    from shorepass.registry.token import Token

__all__ = ["httpx_auth", "requests_auth"]

TOKENS_LIMIT = 1024  # kept tokens, because a mirror may have very many repositories


def httpx_auth(
    context: Context | None = None,
    client: str = "docker",
    *,
    trusted_realms: Sequence[str] = (),
    credential: Credential | None = None,
    access: Access | None = None,
) -> httpx.Auth:
    """Return an object for ``auth=`` of ``httpx.Client`` and ``httpx.AsyncClient``.

    ``context`` and ``client``: whose login to use (default: docker's, of this user). ``credential``: used instead, for every
    registry. ``trusted_realms``: token servers outside the registry's domain that may get the credential. ``access``: how to
    reach token servers (see :class:`shorepass.Access`).

    A request raises RegistryError, SourceError or UsageError if the login fails. A request that has its own Authorization
    header is not changed.
    """
    return _httpx_class()(_Logins(context, client, trusted_realms, credential, access))


def requests_auth(
    context: Context | None = None,
    client: str = "docker",
    *,
    trusted_realms: Sequence[str] = (),
    credential: Credential | None = None,
    access: Access | None = None,
) -> requests.auth.AuthBase:
    """Return an object for ``requests.get(..., auth=...)`` and ``Session.auth``.

    See :func:`httpx_auth`.
    """
    return _requests_class()(_Logins(context, client, trusted_realms, credential, access))


class _Known(NamedTuple):
    """The last challenge of an origin, and the client for its token server."""

    challenge: Challenge
    client: RegistryClient


class _Use(NamedTuple):
    """The request that a token is for."""

    origin: tuple[str, str, int]
    realm: str
    service: str
    credential: Credential
    scopes: tuple[str, ...]


class _Logins:
    """The common part of both auth objects. Threads may share it."""

    def __init__(
        self,
        context: Context | None,
        client: str,
        trusted_realms: Sequence[str],
        credential: Credential | None,
        access: Access | None,
    ) -> None:
        if context is None:
            context = with_store(LocalContext.current())
        access = access or Access(client=client)
        self._access = access._replace(trusted_realms=(*access.trusted_realms, *trusted_realms))
        self._context = context
        self._client = client
        self._given = credential
        self._lock = threading.RLock()
        self._known: dict[tuple[str, str, int], _Known] = {}
        self._credentials: dict[tuple[str, str], Credential] = {}
        self._tokens: dict[_Use, Token] = {}

    def before(self, method: str, address: str, *, replayable: bool) -> str | None:
        """Return the Authorization header for a new request, None to send it without.

        The first request to an origin has none, to get the challenge; except a request that cannot be sent again.
        """
        url = parse_url(address.partition("#")[0])
        with self._lock:
            known = self._known.get(url.origin)
            if known is None and not replayable:
                known = self._ask(url)
            return self._authorization(known, method, url, ()) if known else None

    def after(self, method: str, address: str, lines: Sequence[str], sent: str | None) -> str | None:
        """Return the Authorization header to send a request again after a 401.

        None: sending it again would not help. ``sent``: the header of the first request. A refused password is never sent
        again. A refused token is replaced once.
        """
        url = parse_url(address.partition("#")[0])
        with self._lock:
            challenge = choose(parse_challenges(lines))
            known = _Known(challenge, self._registry(url)) if challenge else self._ask(url)
            if known is None or (
                sent is not None and (sent.startswith("Basic ") or known.challenge.scheme != "bearer")
            ):
                return None
            self._known[url.origin] = known
            self._tokens = {use: token for use, token in self._tokens.items() if _bearer(token) != sent}
            # The scope in the challenge of /v2/ is a placeholder (ghcr.io). That of a repository is the missing one.
            named = scope.split(known.challenge.get("scope")) if scope.repository_of(url.target) else ()
            header = self._authorization(known, method, url, named)
            return header if header != sent else None

    def _registry(self, url: Url) -> RegistryClient:
        known = self._known.get(url.origin)
        if known is not None:
            return known.client
        if url.scheme == "http" and not is_loopback(url.authority) and self._access.tls_verify is not False:
            hint = "Access(tls_verify=False) allows it"
            raise UsageError(f"{url.authority}: Shorepass sends no login over plain http", hint=hint)
        return RegistryClient(registry_of_server(url.authority), self._access, self._context)

    def _ask(self, url: Url) -> _Known | None:
        """Ask ``/v2/`` for the origin's challenge."""
        with self._registry(url) as client:
            greeting = client.greet()
        if greeting.status == 200 or greeting.url.origin != url.origin:
            return None
        self._known[url.origin] = _Known(client.challenge(greeting), client)
        return self._known[url.origin]

    def _authorization(self, known: _Known, method: str, url: Url, named: Sequence[str]) -> str | None:
        repository = scope.repository_of(url.target)
        credential = self._credential(known.client.registry, repository)
        if isinstance(credential, BearerToken):
            return authorization(credential)[1]
        if known.challenge.scheme == "basic":
            return authorization(credential)[1] if isinstance(credential, Basic) else None
        wanted = scope.union((*scope.for_request(method, url.target), *named))
        try:
            return _bearer(self._token(known, url, wanted, credential))
        except LoginRefused:
            self._credentials.pop((known.client.registry, repository), None)  # because there may be a new login later
            raise

    def _token(self, known: _Known, url: Url, wanted: tuple[str, ...], credential: Credential) -> Token:
        challenge, now = known.challenge, time.time()
        use = _Use(url.origin, challenge.get("realm"), challenge.get("service"), credential, wanted)
        fresh = {held: token for held, token in self._tokens.items() if token.expires > now}
        self._tokens = dict(list(fresh.items())[-TOKENS_LIMIT:])
        for held, token in self._tokens.items():
            if held[:-1] == use[:-1] and (held == use or scope.covers(held.scopes, wanted)):
                return token
        with known.client as client:  # closes its connections, because tokens are valid for longer
            self._tokens[use] = client.token(challenge, wanted, credential, url)
        return self._tokens[use]

    def _credential(self, registry: str, repository: str) -> Credential:
        if self._given is not None:
            return self._given
        found = self._credentials.get((registry, repository))
        if found is None or isinstance(found, Anonymous):  # because there may be a login now
            found = find(self._client).resolve(self._context, Reference(registry, repository)).credential
            self._credentials[registry, repository] = found
        return found


def _bearer(token: Token) -> str:
    return authorization(BearerToken(token.secret))[1]


@cache
def _httpx_class() -> Callable[[_Logins], httpx.Auth]:
    import httpx

    class RegistryAuth(httpx.Auth):
        def __init__(self, logins: _Logins) -> None:
            self._logins = logins

        def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            if "Authorization" in request.headers:
                yield request
                return
            method, url, replayable = _httpx_request(request)
            sent = self._logins.before(method, url, replayable=replayable)
            response = yield _with_header(request, sent)
            if replayable and _httpx_may_answer(request, response):
                header = self._logins.after(method, url, response.headers.get_list("www-authenticate"), sent)
                if header is not None:
                    yield _with_header(request, header)

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            if "Authorization" in request.headers:
                yield request
                return

            method, url, replayable = _httpx_request(request)
            sent = await to_thread.run_sync(partial(self._logins.before, method, url, replayable=replayable))
            response = yield _with_header(request, sent)
            if replayable and _httpx_may_answer(request, response):
                lines = response.headers.get_list("www-authenticate")
                header = await to_thread.run_sync(self._logins.after, method, url, lines, sent)
                if header is not None:
                    yield _with_header(request, header)

    return RegistryAuth


def _httpx_request(request: httpx.Request) -> tuple[str, str, bool]:
    """Return method, URL, and whether the body is in memory and can be sent again."""
    import httpx

    return request.method, str(request.url), isinstance(request.stream, httpx.ByteStream)


def _with_header(request: httpx.Request, header: str | None) -> httpx.Request:
    if header is not None:
        request.headers["Authorization"] = header
    return request


def _httpx_may_answer(request: httpx.Request, response: httpx.Response) -> bool:
    """Tell whether a 401 is from the origin that was asked, and not from a redirect."""
    return response.status_code == 401 and _origin(str(response.request.url)) == _origin(str(request.url))


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        return parse_url(address.partition("#")[0]).origin
    except UsageError:
        return None  # because it is not an origin that was asked


@cache
def _requests_class() -> Callable[[_Logins], requests.auth.AuthBase]:
    import requests.auth

    class RegistryAuth(requests.auth.AuthBase):
        def __init__(self, logins: _Logins) -> None:
            self._logins = logins

        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            if "Authorization" not in request.headers:
                method, url = request.method or "GET", request.url or ""
                replayable = request.body is None or isinstance(request.body, bytes | str)
                sent = self._logins.before(method, url, replayable=replayable)
                if sent is not None:
                    request.headers["Authorization"] = sent
                if replayable:
                    retry = _Retry(self._logins, url, sent)
                    request.register_hook("response", retry)  # type: ignore[no-untyped-call]  # types-requests has none
            return request

    return RegistryAuth


class _Retry:
    """A response hook of requests that sends a request again.

    requests also calls it after redirects, where it must not answer.
    """

    def __init__(self, logins: _Logins, url: str, sent: str | None) -> None:
        self._logins = logins
        self._url = url
        self._sent = sent
        self._done = False

    def __call__(self, response: requests.Response, **options: Any) -> requests.Response:
        request = response.request
        if self._done or response.status_code != 401 or _origin(response.url) != _origin(self._url):
            return response
        self._done = True
        lines = _header_lines(response)
        header = self._logins.after(request.method or "GET", response.url, lines, self._sent)
        if header is None:
            return response
        response.content  # noqa: B018  # read to its end, so that the connection can be used again
        response.close()
        again = request.copy()
        again.headers["Authorization"] = header
        answer: requests.Response = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer


def _header_lines(response: requests.Response) -> list[str]:
    """Return the challenge lines, separately if the library still has them."""
    lines = getattr(getattr(response.raw, "headers", None), "getlist", None)
    if lines is not None:
        return list(lines("www-authenticate"))
    return [response.headers["www-authenticate"]] if "www-authenticate" in response.headers else []
