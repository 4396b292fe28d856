"""The registry client: it finds the scheme, checks a login, and learns what the login may do.

One client is one visit: it pins scheme, origin, realm and service when it first learns them. It never sends a
credential before a 401 asked for it, never to another origin than the one that asked, never over plain http
unless the registry is on loopback or the user allowed it, and never twice after a refusal: accounts get locked.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Self

from shorepass import clients
from shorepass.contexts import Context
from shorepass.credential import Anonymous, Basic, BearerToken, Credential
from shorepass.errors import (
    ClockDiffers,
    DeadRealm,
    LoginRefused,
    NoAnswer,
    NoChallenge,
    NotARegistry,
    PermissionDenied,
    PlainHttp,
    RealmRefused,
    RegistryError,
    StorageFails,
    TokenServerFails,
    UnknownAuthority,
    Unreachable,
    UsageError,
    WrongTokenServer,
    printable,
)
from shorepass.foreign_text import quoted
from shorepass.http import DEFAULT_PORTS, Request, Response, Transport, Url, parse_url, tls
from shorepass.http.ahead import Ahead
from shorepass.http.dial import dial, is_dead
from shorepass.http.proxy import proxy_for
from shorepass.names import HUB_API, HUB_REGISTRY, Reference, is_loopback, split_host_port
from shorepass.registry import answer, clock, realm
from shorepass.registry.authorities import trust_step
from shorepass.registry.certs_d import Certificates, find
from shorepass.registry.challenge import Challenge, choose, parse_challenges
from shorepass.registry.known_answers import known_answer
from shorepass.registry.product_passwords import password_for
from shorepass.registry.token import TOKEN_LIMIT, Question, Token, ask, authorization, secrets_of
from shorepass.registry.token_servers import setting_for
from shorepass.resolution import Outcome, Step
from shorepass.waiting import Wait

__all__ = ["Access", "LoginResult", "RegistryClient"]

BODY_LIMIT = 1024 * 1024  # bytes of an error body or tag list that are read; manifests themselves are never needed
REDIRECT_LIMIT = 5
REDIRECTS = (301, 302, 303, 307, 308)
ADD_CHALLENGE = (
    "ask the administrator of {registry} to let the header WWW-Authenticate through: the server or a proxy drops it"
)


class Access(NamedTuple):
    """How to talk with a registry.

    ``tls_verify``: None checks certificates, and lets a registry on loopback speak plain http; True allows https only;
    False checks none and allows plain http for this registry. ``cert_dir`` replaces the client's certs.d
    folder. ``trusted_realms``: hosts of token servers that may have the credential. ``client``: whose certs.d.
    ``timeout``: seconds for a whole question, whatever it takes: names, both schemes, redirects, the token server.
    """

    tls_verify: bool | None = None
    cert_dir: str | None = None
    trusted_realms: tuple[str, ...] = ()
    client: str = "docker"
    timeout: float = 15.0


class LoginResult(NamedTuple):
    """A login that the registry accepted: the credential to store, and what was seen on the way."""

    credential: Credential
    steps: tuple[Step, ...]


class RegistryClient:
    """Talks with one registry (``host[:port]``; ``docker.io`` is Docker Hub). A context manager, or call ``close``."""

    def __init__(self, registry: str, access: Access, context: Context) -> None:
        self.registry = registry
        self.access = access
        self._context = context
        self._transports: dict[tuple[str, str, int], Transport] = {}
        self._trusted: Step | None = None
        self._greeting: Response | None = None
        self._greeted = 0.0
        self._question = _Question(registry, access.timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        while self._transports:
            self._transports.popitem()[1].close()

    def check_login(self, credential: Credential) -> LoginResult:
        """Ask the registry whether it accepts ``credential``, as ``docker login`` does: for no scope, no repository.

        Raises LoginRefused, PermissionDenied, NotARegistry, Unreachable, RealmRefused, RateLimited, UsageError.
        """
        with self._question:
            return self._check_login(credential)

    def _check_login(self, credential: Credential) -> LoginResult:
        greeting = self.greet()
        where = f"{greeting.url.scheme}://{greeting.url.authority}"
        if greeting.status == 200:
            detail = f"{where} needs no login: the credential was not checked"
            return LoginResult(credential, (Step("registry", Outcome.OK, self.registry, detail),))
        challenge = self.challenge(greeting)
        wanted = Step("registry", Outcome.OK, self.registry, f"{where} asks for {_wanted(challenge)}")
        steps = [*self.trust(), wanted]
        header = self.header(challenge, (), credential)
        if challenge.scheme == "bearer" and not isinstance(credential, BearerToken):
            steps.append(Step("token", Outcome.OK, printable(challenge.get("realm")), "the token server gave a token"))
        response = self.send(Request("GET", greeting.url, (header,)))
        if response.status != 200:
            raise self.refusal(response, credential, challenge, header[1])
        said = "accepts requests without a login" if isinstance(credential, Anonymous) else "accepts the login"
        steps.append(Step("registry", Outcome.OK, self.registry, f"{where} {said}"))
        return LoginResult(credential, tuple(steps))

    def permissions(
        self,
        reference: Reference,
        credential: Credential,
        actions: Sequence[str] = ("pull",),
        *,
        probe_push: bool = False,
    ) -> list[Step]:
        """Say what ``credential`` may do with the reference's repository: see :mod:`shorepass.registry.permission`.

        ``probe_push`` begins an upload and cancels it, if nothing else can tell. Some registries create the repository
        then. Raises RegistryError if nothing could be learned.
        """
        from shorepass.registry.permission import examine  # a login asks for no repository

        with self._question:
            return examine(self, reference, credential, actions, probe_push=probe_push)

    def trust(self) -> list[Step]:
        """Return whose authorities were trusted, if they are not this machine's. Known after the first answer."""
        return [self._trusted] if self._trusted else []

    def greet(self) -> Response:
        """Return the answer to an anonymous ``GET /v2/``, 200 or 401; pins scheme and origin. Asked once."""
        if self._greeting is None:
            with self._question:
                response = self._first_answer()
            if response.status == 401 and not response.lines("www-authenticate"):
                raise self._no_challenge("it answers 401 and does not say what it wants", ADD_CHALLENGE)
            if response.status == 403 and not answer.is_html(response):
                reason = f"it refuses requests from here and asks for no login{answer.said(response)}"
                raise self._no_challenge(
                    reason, "ask the administrator of {registry} to allow the address of this machine"
                )
            if response.status not in (200, 401) or answer.is_html(response, only_if_declared=True):
                raise answer.other_status(self.registry, response)
            self._greeting = response
            self._greeted = time.time()
        return self._greeting

    def url(self, target: str) -> Url:
        """Return the URL of an API path (``/v2/...``) on the pinned origin."""
        return self.greet().url._replace(target=target)

    def _first_answer(self) -> Response:
        failure: Unreachable | None = None
        bad_request: Response | None = None
        for scheme in self._schemes():
            host = HUB_API if self.registry == HUB_REGISTRY else self.registry
            url = parse_url(f"{scheme}://{host}/v2/")
            try:
                response = self.send(Request("GET", url))
            except Unreachable as error:
                if bad_request is not None and isinstance(error, PlainHttp):
                    return bad_request
                if failure is not None and isinstance(error, PlainHttp):
                    raise failure from None  # the server speaks plain http, and the first error was about that
                if not self._may_try_other_scheme(error):
                    raise
                failure = error
                continue
            if scheme == "http" and response.status == 400 and is_loopback(self.registry):
                bad_request = response  # a TLS server's answer to plain http; on loopback https is tried next
                continue
            return self._same_place(url, response)
        if failure is None:
            raise NotARegistry(self.registry, "it answers plain http with status 400, and does not answer https")
        raise failure

    def _schemes(self) -> tuple[str, ...]:
        """Return the schemes to try, in order. Only ever an anonymous request is tried.

        On loopback plain http comes first, because most registries there speak it and nothing leaves the machine.
        Elsewhere https comes first, and Docker Hub is always https.
        """
        if self.registry == HUB_REGISTRY or self.access.tls_verify:
            return ("https",)
        if is_loopback(self.registry):
            return ("http", "https")
        return ("https",) if self.access.tls_verify is None else ("https", "http")

    def _may_try_other_scheme(self, error: Unreachable) -> bool:
        """Tell whether to ask with the other scheme: not if the port is closed, and not if the server spoke TLS.

        If the server did not answer, no time is left to ask again.
        """
        if isinstance(error, NoAnswer):
            return False
        has_port = bool(split_host_port(self.registry)[1])
        if isinstance(error.__cause__, ConnectionRefusedError):
            return not has_port
        return isinstance(error, PlainHttp) or not type(error.__cause__).__name__.startswith("SSL")

    def _same_place(self, asked: Url, response: Response) -> Response:
        """Refuse a registry that redirects to another host. From http to https of its own host is allowed."""
        got = response.url
        if got.origin == asked.origin or (got.host == asked.host and (asked.scheme, got.scheme) == ("http", "https")):
            return response._replace(url=got._replace(target="/v2/"))
        hint = f"name that host instead, if it is the registry you mean: {quoted(got.authority)}"
        raise NotARegistry(self.registry, f"it redirects to {printable(got.authority)}", hint=hint)

    def send(self, request: Request, *, limit: int = BODY_LIMIT) -> Response:
        """Send a request to the registry. GET and HEAD follow redirects, to other hosts without Authorization.

        A redirect from https to http is refused. Raises Unreachable, NotARegistry.
        """
        with self._question:
            return self._send(request, limit)

    def _send(self, request: Request, limit: int) -> Response:
        asked = request.url
        for _ in range(REDIRECT_LIMIT + 1):
            try:
                response = self._exchange(request, limit)
            except Unreachable as error:
                if request.url.origin == asked.origin:
                    raise
                place = f"{request.url.scheme}://{request.url.authority}"
                reason = f"it redirects to {printable(place)}, which fails: {error.reason}"
                raise Unreachable(self.registry, reason, hint=error.hint) from error.__cause__
            location = response.header("location")
            if response.status not in REDIRECTS or not location or request.method not in ("GET", "HEAD"):
                return response
            request = self._redirected(request, location)
        raise NotARegistry(self.registry, f"more than {REDIRECT_LIMIT} redirects")

    def check_data(self, request: Request) -> None:
        """Ask for the data of an image, and its server if the registry leads to one; one byte is read.

        Nothing is sent to another host in plain http: its name is looked up. Raises StorageFails, Unreachable, NotARegistry.
        """
        with self._question:
            response = self._exchange(request, 1)
            location = response.header("location")
            if response.status in REDIRECTS and location:
                self._check_storage(self._elsewhere(request, location))
            elif response.status >= 400:
                reason = f"it gives the manifest, and answers {response.status} for the data of the image"
                raise StorageFails(self.registry, reason)

    def _elsewhere(self, request: Request, location: str) -> Request:
        try:
            url = parse_url(location.partition("#")[0], request.url)
        except UsageError as error:
            raise StorageFails(self.registry, f"it redirects to an invalid URL: {error.message}") from None
        return request._replace(url=url) if url.origin == request.url.origin else Request("GET", url)

    def _check_storage(self, request: Request) -> None:
        url = request.url
        is_open = url.scheme == "https" or is_loopback(url.authority) or url.host == self.greet().url.host
        reason = ""
        try:
            if is_open:
                status = self._exchange(request, 1).status
                reason = f"status {status}" if status >= 400 else ""
            elif proxy_for(url, self._context) is None:  # because a proxy knows other names
                deadline = time.monotonic() + self._question.left()
                reason = is_dead(url.host, url.port, deadline, knock=False)
        except Unreachable as error:
            reason = error.reason
        if reason:
            place = f"{url.scheme}://{url.authority}"
            raise StorageFails(
                self.registry, f"it sends clients to {printable(place)} for the data of images: {reason}"
            )

    def _redirected(self, request: Request, location: str) -> Request:
        try:
            url = parse_url(location.partition("#")[0], request.url)
        except UsageError as error:
            raise NotARegistry(self.registry, f"it redirects to an invalid URL: {error.message}") from None
        place = f"{url.scheme}://{url.authority}"  # without the path, which may repeat the secret
        if request.url.scheme == "https" and url.scheme == "http":
            raise NotARegistry(self.registry, f"it redirects from https to plain http ({place})")
        if url.scheme == "http" and not (is_loopback(url.authority) or url.host == request.url.host):
            raise NotARegistry(self.registry, f"it redirects to plain http on another host ({place})")
        if url.origin == request.url.origin:
            return request._replace(url=url)
        kept = tuple(line for line in request.headers if line[0].lower() != "authorization")
        return request._replace(url=url, headers=kept)

    def _exchange(self, request: Request, limit: int) -> Response:
        with self._question:
            url = request.url
            if url.origin not in self._transports:
                self._transports[url.origin] = self._open(url)
            left = self._question.left()
            if left <= 0:
                raise NoAnswer(url.authority, self.access.timeout)
            try:
                return self._transports[url.origin].send(request, limit=limit, timeout=left)
            except NoAnswer as error:
                raise error.after(self.access.timeout) from error.__cause__

    def _open(self, url: Url) -> Transport:
        certificates, trusting, wire = Certificates(), None, None
        is_local = url.scheme == "http" and is_loopback(url.authority)
        if not is_local:
            certificates = self._certificates(url)
        # The import of urllib3 takes 45 ms. Meanwhile the connection is made, and OpenSSL reads the authorities.
        if is_local or proxy_for(url, self._context) is None:
            deadline = time.monotonic() + self._question.left()
            wire = Ahead(partial(dial, url.host, url.port, deadline, only_loopback=is_local))
        if url.scheme == "https":
            self._trusted = trust_step(self._context, certificates.trusted)
            trusting = Ahead(partial(tls.trusting, certificates, verify=not self._is_insecure(url)))
        from shorepass.http.pooled import PooledTransport  # urllib3, which a run without a question need not load

        return PooledTransport(self._context, certificates, trusting, wire)

    def _certificates(self, url: Url) -> Certificates:
        port = "" if url.port == DEFAULT_PORTS[url.scheme] else f":{url.port}"
        name = self.registry if url.authority == HUB_API + port else url.authority
        return find(self._context, clients.find(self.access.client), name, self.access.cert_dir)

    def _is_insecure(self, url: Url) -> bool:
        """Tell whether the user waived the certificate of this host: the registry's, or a realm's named by hand."""
        if self.access.tls_verify is not False or self.registry == HUB_REGISTRY:
            return False
        own = parse_url(f"{url.scheme}://{self.registry}").host
        return url.host == own or url.host in self.access.trusted_realms or url.authority in self.access.trusted_realms

    def challenge(self, response: Response) -> Challenge:
        """Return the challenge of a 401 to answer. Raises NotARegistry if Shorepass cannot answer any of them."""
        challenges = parse_challenges(response.lines("www-authenticate"))
        chosen = choose(challenges)
        if chosen is not None:
            return chosen
        problems = [f"{c.scheme or 'challenge'}: {c.problem or 'not supported'}" for c in challenges]
        problems = [p.replace("bearer: not supported", "bearer: no realm") for p in problems]
        if not problems:
            raise self._no_challenge("it answers 401 and does not say what it wants", ADD_CHALLENGE)
        reason = f"it asks for a login in a way that clients do not support: {printable(', '.join(problems))}"
        raise self._no_challenge(reason, "ask the administrator of {registry} to accept Basic logins or tokens")

    def _no_challenge(self, reason: str, hint: str) -> NoChallenge:
        return NoChallenge(self.registry, reason, hint=hint.replace("{registry}", quoted(self.registry)))

    def header(self, challenge: Challenge, scopes: tuple[str, ...], credential: Credential) -> tuple[str, str]:
        """Return the Authorization header that answers a challenge; for a Bearer one this asks the token server."""
        if isinstance(credential, BearerToken):
            return authorization(credential)
        if challenge.scheme == "bearer":
            return authorization(BearerToken(self.token(challenge, scopes, credential).secret))
        if isinstance(credential, Basic):
            return authorization(credential)
        if isinstance(credential, Anonymous):
            raise LoginRefused(self.registry, "it needs a login, and the request had none")
        raise LoginRefused(self.registry, "it accepts a user name and a password, not an identity token")

    def token(
        self, challenge: Challenge, scopes: tuple[str, ...], credential: Credential, asked: Url | None = None
    ) -> Token:
        """Ask the token server that the challenge names, if the realm policy allows it. Never follows a redirect.

        ``asked``: the URL that was answered with the challenge, where that was not one of this client's own requests.
        """
        asked = asked or self.greet().url
        insecure = self.access.tls_verify is False
        try:
            url = realm.check(asked, challenge.get("realm"), trusted=self.access.trusted_realms, insecure=insecure)
        except RealmRefused as error:
            raise self._dead(asked, error) or error from None
        question = Question(self.registry, url, challenge.get("service"), scopes, credential)
        with self._question:
            return self._token(question)

    def _dead(self, asked: Url, error: RealmRefused) -> DeadRealm | None:
        """Return the error for a foreign token server that does not exist, None if it may exist.

        Nothing is sent there: its name is looked up, and on the registry's own host the port is tried.
        """
        try:
            url = parse_url(error.realm, asked)
            if proxy_for(url, self._context) is not None:
                return None  # because the proxy knows other names
        except UsageError:
            return None
        with self._question:
            reason = is_dead(url.host, url.port, time.monotonic() + self._question.left(), knock=url.host == asked.host)
        if not reason:
            return None
        setting = setting_for(url)
        hint = f"ask who runs {printable(asked.authority)} to correct {setting}"
        return DeadRealm(asked.authority, error.realm, reason, setting=setting, hint=hint)

    def _token(self, question: Question) -> Token:
        url = question.realm
        realm, setting = f"{url.scheme}://{url.authority}{url.path}", setting_for(url)
        hint = f"ask who runs {self.registry} to correct {setting}"
        try:
            return self._exchanged(question)
        except UnknownAuthority:
            raise
        except Unreachable as error:
            if url.origin == self.greet().url.origin:
                raise
            raise TokenServerFails(self.registry, realm, error.reason, setting=setting, hint=hint) from error.__cause__
        except NotARegistry as error:
            raise WrongTokenServer(self.registry, realm, error.reason, setting=setting, hint=hint) from None

    def _exchanged(self, question: Question) -> Token:
        flow = ask(question, time.time())
        request = next(flow)
        while True:
            response = self._exchange(request, TOKEN_LIMIT)
            try:
                request = flow.send(response)
            except StopIteration as stop:
                token: Token = stop.value
                return token

    def remarks(self) -> list[Step]:
        """Return what is not an error yet, as steps."""
        error = clock.here(self.registry, self._greeting, self._greeted) if self._greeting else None
        return [Step("clock", Outcome.SKIPPED, self.registry, error.reason, error.hint, error)] if error else []

    def refusal(
        self, response: Response, credential: Credential, challenge: Challenge, authorization: str
    ) -> RegistryError:
        """Return what the registry's answer to an authenticated request means, as an error."""
        secrets = secrets_of(credential)
        words = answer.said(response, secrets)
        known = known_answer(words)
        if known and response.status in (401, 403) and isinstance(credential, Basic):
            return known.error(self.registry, words)
        if response.status == 403:
            return PermissionDenied(self.registry, f"the login is not allowed in{words}")
        if response.status != 401:
            return answer.other_status(self.registry, response, secrets)
        if challenge.scheme == "basic" and isinstance(credential, Basic):
            has_htpasswd = bool(response.header(answer.DISTRIBUTION_HEADER))
            reason, wanted = f"incorrect username or password{words}", password_for(challenge.get("realm"), "")
            return LoginRefused(self.registry, reason, has_htpasswd=has_htpasswd, password=wanted)
        offered = parse_challenges(response.lines("www-authenticate"))
        error = next((c.get("error") for c in offered if c.get("error")), "")
        if error == "insufficient_scope":
            return PermissionDenied(self.registry, f"the login is valid, but has no permission for this{words}")
        if isinstance(credential, BearerToken):
            return LoginRefused(self.registry, f"the bearer token is refused{words}")
        reason = "it refuses the token that its own token server gave"
        if error == "invalid_token":
            return self.token_trouble(response, authorization) or NotARegistry(
                self.registry, f"{reason}: its keys or service name are misconfigured{words}"
            )
        return PermissionDenied(self.registry, f"{reason}{words}")

    def token_trouble(self, response: Response, authorization: str) -> ClockDiffers | None:
        """Return why a fresh token may have been refused: clocks that differ."""
        return clock.token_times(self.registry, authorization.partition(" ")[2], response, time.time())


class _Question:
    """The time for one question, however many requests it takes: ``with`` around them, and around parts of them."""

    def __init__(self, registry: str, seconds: float) -> None:
        self._wait = Wait(registry)
        self._seconds = seconds
        self._end = 0.0
        self._depth = 0

    def __enter__(self) -> None:
        if self._depth == 0:
            self._end = time.monotonic() + self._seconds
            self._wait.__enter__()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._wait.__exit__()

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._end - time.monotonic()


def _wanted(challenge: Challenge) -> str:
    if challenge.scheme == "bearer":
        return f"a token of {printable(challenge.get('realm'))}"
    return "a user name and a password"
