"""Auth objects for httpx and requests: give one to a client, and every registry URL is logged in to as docker would.

They answer a registry's challenge with the credential that ``shorepass.resolve`` finds for the repository, fetch tokens under
the realm policy, keep them until they expire, and know what a pull, a push and a delete need. They never answer a
challenge that came from another origin than the one that was asked, never send a credential over plain http unless the host is
on loopback or ``Access.tls_verify`` is False, and never repeat a body that cannot be read twice.

The requests to token servers are Shorepass's own: they follow no redirect, whatever the client is set to.
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

TOKENS_LIMIT = 1024  # tokens kept: a mirror of many repositories must not grow without end


def httpx_auth(
    context: Context | None = None,
    client: str = "docker",
    *,
    trusted_realms: Sequence[str] = (),
    credential: Credential | None = None,
    access: Access | None = None,
) -> httpx.Auth:
    """Return an object for ``httpx.Client(auth=...)`` and ``httpx.AsyncClient(auth=...)``.

    ``context`` and ``client`` say whose login to use (default: docker's, of this user); ``credential`` is used instead where it
    is given, for every registry that is asked. ``trusted_realms``: hosts of token servers outside the registry's domain that
    may have the credential. ``access``: how to reach token servers (see :class:`shorepass.Access`).

    A request raises RegistryError, SourceError or UsageError where the login fails; a request that has its own
    Authorization header is left alone.
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
    """Return an object for ``requests.get(..., auth=...)`` and ``Session.auth``: see :func:`httpx_auth`."""
    return _requests_class()(_Logins(context, client, trusted_realms, credential, access))


class _Known(NamedTuple):
    """What an origin asked for last, and the client that talks with its token server."""

    challenge: Challenge
    client: RegistryClient


class _Use(NamedTuple):
    """All that a token is bound to."""

    origin: tuple[str, str, int]
    realm: str
    service: str
    credential: Credential
    scopes: tuple[str, ...]


class _Logins:
    """What both auth objects do, without either library. Threads may share it."""

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
        """Return the Authorization of a request about to be sent, None to send it without.

        The first request to an origin goes without, to learn what is wanted; unless it could not be sent again.
        """
        url = parse_url(address.partition("#")[0])
        with self._lock:
            known = self._known.get(url.origin)
            if known is None and not replayable:
                known = self._ask(url)
            return self._authorization(known, method, url, ()) if known else None

    def after(self, method: str, address: str, lines: Sequence[str], sent: str | None) -> str | None:
        """Return the Authorization to send a request again with after a 401, None where that would not help.

        ``sent``: what it was sent with. A refused password is never sent again, a refused token is fetched anew once.
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
            # What /v2/ names as a scope is a placeholder (ghcr.io); what a repository names is what is missing.
            named = scope.split(known.challenge.get("scope")) if scope.repository_of(url.target) else ()
            header = self._authorization(known, method, url, named)
            return header if header != sent else None

    def _registry(self, url: Url) -> RegistryClient:
        known = self._known.get(url.origin)
        if known is not None:
            return known.client
        if url.scheme == "http" and not is_loopback(url.authority) and self._access.tls_verify is not False:
            hint = "Access(tls_verify=False) allows it"
            raise UsageError(f"{url.authority}: no login is sent over plain http", hint=hint)
        return RegistryClient(registry_of_server(url.authority), self._access, self._context)

    def _ask(self, url: Url) -> _Known | None:
        """Ask ``/v2/`` what the origin wants."""
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
            self._credentials.pop((known.client.registry, repository), None)  # a new login may come
            raise

    def _token(self, known: _Known, url: Url, wanted: tuple[str, ...], credential: Credential) -> Token:
        challenge, now = known.challenge, time.time()
        use = _Use(url.origin, challenge.get("realm"), challenge.get("service"), credential, wanted)
        fresh = {held: token for held, token in self._tokens.items() if token.expires > now}
        self._tokens = dict(list(fresh.items())[-TOKENS_LIMIT:])
        for held, token in self._tokens.items():
            if held[:-1] == use[:-1] and (held == use or scope.covers(held.scopes, wanted)):
                return token
        with known.client as client:  # closes its connections: tokens last longer than they would
            self._tokens[use] = client.token(challenge, wanted, credential, url)
        return self._tokens[use]

    def _credential(self, registry: str, repository: str) -> Credential:
        if self._given is not None:
            return self._given
        found = self._credentials.get((registry, repository))
        if found is None or isinstance(found, Anonymous):  # a login may have come since
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
    """Tell whether the 401 comes from the origin that was asked: after a redirect it may not."""
    return response.status_code == 401 and _origin(str(response.request.url)) == _origin(str(request.url))


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        return parse_url(address.partition("#")[0]).origin
    except UsageError:
        return None  # equal to no origin that was asked


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
    """requests' response hook: sends a request once more. It travels along with redirects, and must not answer there."""

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
        response.content  # noqa: B018  # read to its end, or the connection could not be used again
        response.close()
        again = request.copy()
        again.headers["Authorization"] = header
        answer: requests.Response = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer


def _header_lines(response: requests.Response) -> list[str]:
    """Return the challenge lines apart, where the library still has them."""
    lines = getattr(getattr(response.raw, "headers", None), "getlist", None)
    if lines is not None:
        return list(lines("www-authenticate"))
    return [response.headers["www-authenticate"]] if "www-authenticate" in response.headers else []
