"""The token flow without I/O: what to ask a token server, and what its answer means.

:func:`ask` is a generator: it yields requests, is sent their answers, and returns a Token. Sources: distribution
docs/content/spec/auth/token.md (GET) and oauth.md (POST), and how real servers apply them:

- A password goes by GET. POST is refused in many ways by many servers, and trying both means two failed logins.
- An identity token goes by POST, to the realm only, never to the registry.
- GET repeats the scope parameter, POST has one, separated by blanks.
- A refresh token is not asked for: some servers then answer with a token that does not work.
"""

import binascii
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import NamedTuple

from shorepass.bounded_json import loads
from shorepass.credential import Anonymous, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import LoginRefused, NotARegistry, PermissionDenied, RegistryError, printable
from shorepass.http import Request, Response, Url, percent_encode
from shorepass.names import require_user_name
from shorepass.registry import answer
from shorepass.registry.known_answers import known_answer
from shorepass.registry.product_passwords import password_for
from shorepass.secret import Secret

__all__ = ["TOKEN_LIMIT", "Question", "Token", "ask", "authorization", "secrets_of"]

TOKEN_LIMIT = 128 * 1024  # bytes of a token server's answer: oras-go's bound
DEFAULT_LIFETIME = 60  # seconds: the specification's default, used too if the answer has less
MARGIN = 5  # seconds: a token that ends sooner is not used, because it must outlive the request
CLIENT_ID = "shorepass"


class Question(NamedTuple):
    """Everything a token depends on. ``registry`` is for messages. ``realm`` passed the realm policy."""

    registry: str
    realm: Url
    service: str
    scopes: tuple[str, ...]
    credential: Credential


class Token(NamedTuple):
    """A bearer token. ``expires``: Unix time after which not to use it. ``scope``: what the answer says was granted."""

    secret: Secret
    expires: float
    scope: str | None = None


def authorization(credential: Basic | BearerToken) -> tuple[str, str]:
    """Return the Authorization header of a credential that is sent as it is. Raises UsageError."""
    if isinstance(credential, BearerToken):
        return "Authorization", f"Bearer {credential.token.reveal()}"
    pair = f"{require_user_name(credential.username)}:{credential.password.reveal()}"
    encoded = binascii.b2a_base64(pair.encode("utf-8", "surrogateescape"), newline=False)
    return "Authorization", f"Basic {encoded.decode('ascii')}"


def secrets_of(credential: Credential) -> list[str]:
    """Return the texts of a credential that no message may hold: the secret, and its form in a header."""
    if isinstance(credential, Basic):
        return [credential.password.reveal(), authorization(credential)[1].partition(" ")[2]]
    return [] if isinstance(credential, Anonymous) else [credential.token.reveal()]


def ask(question: Question, now: float) -> Generator[Request, Response, Token]:
    """Yield requests for the token server, take their answers, return the token. ``now``: Unix time.

    Raises LoginRefused, PermissionDenied, NotARegistry, RateLimited, Unreachable.
    """
    credential = question.credential
    if isinstance(credential, BearerToken):
        return Token(credential.token, float("inf"))
    request = _post(question, credential) if isinstance(credential, IdentityToken) else _get(question, credential)
    response = yield request
    if response.status == 404 and isinstance(credential, IdentityToken) and credential.username:
        # The specification's fallback. It needs a name, because an anonymous token would look like a successful login.
        credential = Basic(credential.username, credential.token)
        response = yield _get(question, credential)
    if response.status == 200:
        return _token(question, response, now)
    if response.status == 403 and question.scopes and not isinstance(credential, Anonymous):
        # Some servers refuse a scope with 403, others a password. The same question without a scope shows which.
        bare = question._replace(scopes=())
        second = yield _post(bare, credential) if isinstance(credential, IdentityToken) else _get(bare, credential)
        if second.status == 200:
            raise _denied(question, response)
    raise _refusal(question._replace(credential=credential), response)


def _get(question: Question, credential: Basic | Anonymous) -> Request:
    fields = [("service", question.service)] if question.service else []
    fields += [("scope", scope) for scope in question.scopes]
    headers = [("Accept", "application/json")]
    if isinstance(credential, Basic) and credential.username and credential.password:
        fields.append(("account", credential.username))
        headers.append(authorization(credential))
    path, mark, query = question.realm.target.partition("?")
    query = "&".join(part for part in (query, _form(fields)) if part)
    target = f"{path}?{query}" if query else path + mark
    return Request("GET", question.realm._replace(target=target), tuple(headers))


def _post(question: Question, credential: IdentityToken) -> Request:
    fields = [("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("service", question.service)]
    fields += [("scope", " ".join(question.scopes))] if question.scopes else []
    fields.append(("refresh_token", credential.token.reveal()))
    headers = (("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded"))
    return Request("POST", question.realm, headers, _form(fields).encode("ascii"))


def _form(fields: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{name}={percent_encode(value)}" for name, value in fields)


def _token(question: Question, response: Response, now: float) -> Token:
    """Return the token of a 200 answer. No message here quotes the body: it may hold a refresh token."""
    if response.truncated:
        raise NotARegistry(question.registry, f"the token server's answer is larger than {TOKEN_LIMIT} bytes")
    try:
        document = loads(response.body)
    except ValueError:
        raise NotARegistry(question.registry, "the token server's answer is not JSON") from None
    if not isinstance(document, dict):
        raise NotARegistry(question.registry, "the token server's answer is not a JSON object")
    text = document.get("access_token") or document.get("token")
    if not isinstance(text, str) or not text or any(not "!" <= c <= "~" for c in text):
        raise NotARegistry(question.registry, "the token server's answer holds no token")
    granted = document.get("scope")
    named = granted if isinstance(granted, str) else None
    return Token(Secret(text), _expiry(document, now), named)


def _expiry(document: dict[str, object], now: float) -> float:
    lifetime = document.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not DEFAULT_LIFETIME <= lifetime < 1e9:
        lifetime = DEFAULT_LIFETIME
    issued = document.get("issued_at")
    start = _timestamp(issued) if isinstance(issued, str) else now
    if start > now or start + lifetime <= now:  # the two clocks differ: this machine's clock decides later, too
        start = now
    return start + lifetime - MARGIN


def _timestamp(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return float("inf")  # an impossible time: _expiry uses this machine's time instead


def _denied(question: Question, response: Response) -> PermissionDenied:
    words = answer.said(response, secrets_of(question.credential))
    scopes = printable(" ".join(question.scopes))
    return PermissionDenied(question.registry, f"the login is valid, but has no permission for {scopes}{words}")


def _refusal(question: Question, response: Response) -> RegistryError:
    secrets = secrets_of(question.credential)
    words = answer.said(response, secrets)
    status = response.status
    # OAuth2 (RFC 6749 5.2) refuses a grant with 400 invalid_grant.
    grant_refused = status == 400 and isinstance(question.credential, IdentityToken) and "invalid_grant" in words
    if (status not in (401, 403) and not grant_refused) or (status == 403 and answer.is_html(response)):
        return answer.other_status(question.registry, response, secrets, who="the token server")
    if isinstance(question.credential, Anonymous):
        reason = f"the token server gives no token without a login{words}"
        return PermissionDenied(question.registry, reason)
    if isinstance(question.credential, IdentityToken):
        return LoginRefused(question.registry, f"the identity token is refused{words}")
    known = known_answer(words)
    if known:
        return known.error(question.registry, words)
    hint = "a password may have to be a personal access token: they expire, and two-factor accounts need one"
    wanted = password_for(str(question.realm), question.service)
    return LoginRefused(question.registry, f"incorrect username or password{words}", password=wanted, hint=hint)
