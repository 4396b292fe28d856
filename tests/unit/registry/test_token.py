"""The token flow, without any I/O: what is asked, and what the answers mean."""

from __future__ import annotations

import collections
import json
from collections.abc import Generator
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import (
    LoginRefused,
    NotARegistry,
    PermissionDenied,
    RateLimited,
    ShorepassError,
    Unreachable,
    UsageError,
)
from shorepass.http import Request, Response, parse_url
from shorepass.registry.token import Question, Token, ask, authorization
from shorepass.secret import Secret

NOW = 1_800_000_000.0
CANARY = "c4n4ry-s3cret"
ALICE = Basic("alice", Secret(CANARY))
IDENTITY = IdentityToken(Secret(CANARY))
GOOD = {"token": "t0ken", "expires_in": 300}


def question(
    credential: Credential = ALICE, *scopes: str, realm: str = "https://a.example/token", service: str = "s"
) -> Question:
    return Question("r.example", parse_url(realm), service, scopes, credential)


def answer(status: int, body: object = b"", *headers: tuple[str, str]) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers, data, parse_url("https://a.example/token"))


def play(q: Question, *answers: Response) -> tuple[Token, list[Request]]:
    """Play the server's side; fail when the flow asks more or less than there are answers."""
    flow: Generator[Request, Response, Token] = ask(q, NOW)
    requests = [next(flow)]
    for number, reply in enumerate(answers, 1):
        try:
            requests.append(flow.send(reply))
        except StopIteration as stop:
            assert number == len(answers)
            return stop.value, requests
    raise AssertionError(f"one more request: {requests[-1]}")


def fields(request: Request) -> list[tuple[str, str]]:
    text = request.body.decode() if request.method == "POST" else request.url.target.partition("?")[2]
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True)


def test_password_goes_by_get() -> None:
    """Service, every scope of its own, the account, and Basic; no refresh token is asked for."""
    token, (request,) = play(question(ALICE, "repository:a:pull", "repository:b:pull,push"), answer(200, GOOD))
    assert request.method == "GET"
    assert fields(request) == [
        ("service", "s"),
        ("scope", "repository:a:pull"),
        ("scope", "repository:b:pull,push"),
        ("account", "alice"),
    ]
    assert ("Authorization", "Basic YWxpY2U6YzRuNHJ5LXMzY3JldA==") in request.headers
    assert token.secret == Secret("t0ken")


def test_strangers_ask_without_name() -> None:
    """No account and no Authorization for an anonymous token, nor for half a login."""
    for credential in (ANONYMOUS, Basic("alice", Secret("")), Basic("", Secret("x"))):
        _, (request,) = play(question(credential), answer(200, GOOD))
        assert fields(request) == [("service", "s")]
        assert not [line for line in request.headers if line[0] == "Authorization"]


def test_realm_keeps_its_query() -> None:
    """A realm's own query stays in front; a service that the challenge did not name is not made up."""
    _, (request,) = play(question(ALICE, realm="https://a.example/t?tenant=x%20y", service=""), answer(200, GOOD))
    assert request.url.target == "/t?tenant=x%20y&account=alice"
    _, (request,) = play(question(ANONYMOUS, realm="https://a.example/t", service=""), answer(200, GOOD))
    assert request.url.target == "/t"


def test_names_are_encoded() -> None:
    """What is special in a query does not break out of its field."""
    _, (request,) = play(question(Basic("röbot$a&b=c", Secret("p")), service="x&y=z"), answer(200, GOOD))
    assert fields(request) == [("service", "x&y=z"), ("account", "röbot$a&b=c")]


def test_identity_token_goes_by_post() -> None:
    """One scope field with blanks, the refresh token in the body, and nothing in the URL or the headers."""
    _, (request,) = play(
        question(IDENTITY, "repository:a:pull", "repository:b:pull"), answer(200, {"access_token": "t"})
    )
    assert (request.method, request.url.target) == ("POST", "/token")
    assert fields(request) == [
        ("grant_type", "refresh_token"),
        ("client_id", "shorepass"),
        ("service", "s"),
        ("scope", "repository:a:pull repository:b:pull"),
        ("refresh_token", CANARY),
    ]
    assert CANARY not in repr(request)


def test_post_falls_back_to_get_on_404_only() -> None:
    """A server without POST gets the identity token as the password of its user; without a user nothing is tried."""
    named = IdentityToken(Secret(CANARY), "alice")
    _, (_, second) = play(question(named), answer(404), answer(200, GOOD))
    assert (second.method, dict(fields(second))["account"]) == ("GET", "alice")
    with pytest.raises(NotARegistry):
        play(question(IDENTITY), answer(404))
    with pytest.raises(LoginRefused):
        play(question(named), answer(401))


def test_ready_token_is_not_asked_for() -> None:
    """A bearer token from a file is used as it is."""
    flow = ask(question(BearerToken(Secret("ready"))), NOW)
    with pytest.raises(StopIteration) as stop:
        next(flow)
    assert stop.value.value.secret == Secret("ready")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"token": "t"}, "t"),
        ({"access_token": "a"}, "a"),
        ({"token": "t", "access_token": "a"}, "a"),
        ({"token": "t", "access_token": ""}, "t"),
    ],
)
def test_either_name_of_the_token(body: dict[str, str], expected: str) -> None:
    """``access_token`` is preferred where both are there, as distribution does."""
    assert play(question(), answer(200, body))[0].secret == Secret(expected)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({}, 55),
        ({"expires_in": 0}, 55),
        ({"expires_in": 59}, 55),
        ({"expires_in": 300}, 295),
        ({"expires_in": "300"}, 55),
        ({"expires_in": True}, 55),
        ({"expires_in": -1}, 55),
        ({"expires_in": 1e300}, 55),
        ({"expires_in": 300, "issued_at": "2027-01-15T08:00:00Z"}, 295),  # that very moment
        ({"expires_in": 300, "issued_at": "2027-01-15T07:59:00.123456789Z"}, 235.123456),
        ({"expires_in": 300, "issued_at": "2027-01-15T06:00:00Z"}, 295),  # long past: a clock is wrong
        ({"expires_in": 300, "issued_at": "2030-01-01T00:00:00Z"}, 295),  # in the future: a clock is wrong
        ({"expires_in": 300, "issued_at": "yesterday"}, 295),
        ({"expires_in": 300, "issued_at": 12}, 295),
    ],
)
def test_expiry(body: dict[str, object], seconds: float) -> None:
    """At least 60 seconds, less a margin of 5, from issued_at; from now where that cannot be."""
    assert play(question(), answer(200, {"token": "t", **body}))[0].expires == pytest.approx(NOW + seconds)


@pytest.mark.parametrize(
    ("credential", "status", "body", "error"),
    [
        (ALICE, 401, b"", LoginRefused),
        (ALICE, 403, b"", LoginRefused),
        (IDENTITY, 400, {"error": "invalid_grant"}, LoginRefused),
        (IDENTITY, 400, {"error": "invalid_request"}, NotARegistry),
        (ANONYMOUS, 401, b"", PermissionDenied),
        (ANONYMOUS, 403, b"", PermissionDenied),
        (ALICE, 404, b"", NotARegistry),
        (ALICE, 429, b"", RateLimited),
        (ALICE, 500, b"", NotARegistry),
        (ALICE, 503, b"", Unreachable),
        (ALICE, 403, b"<html>blocked</html>", Unreachable),
        (ALICE, 302, b"", NotARegistry),
        (ALICE, 307, b"", NotARegistry),
        (ALICE, 200, b"", NotARegistry),
        (ALICE, 200, b"[]", NotARegistry),
        (ALICE, 200, b"null", NotARegistry),
        (ALICE, 200, b"{", NotARegistry),
        (ALICE, 200, b"\xff", NotARegistry),
        (ALICE, 200, b"[" * 100_000, NotARegistry),
        (ALICE, 200, {"token": ""}, NotARegistry),
        (ALICE, 200, {"token": 7}, NotARegistry),
        (ALICE, 200, {"token": "a\r\nX-Evil: 1"}, NotARegistry),
    ],
)
def test_refusals(credential: Credential, status: int, body: object, error: type[ShorepassError]) -> None:
    """Each status means what it means, after one request: a refused login is never sent twice."""
    with pytest.raises(error):
        play(question(credential), answer(status, body, ("Location", "https://elsewhere.example/")))


def test_403_is_asked_again_without_scope() -> None:
    """200 without scope: the login is valid and a permission is missing. 403 again: the login is bad."""
    denied = answer(403, {"errors": [{"code": "DENIED", "message": "access forbidden"}]})
    with pytest.raises(
        PermissionDenied, match=r"valid, but has no permission for repository:a:push: DENIED access forbidden"
    ):
        play(question(ALICE, "repository:a:push"), denied, answer(200, GOOD))
    with pytest.raises(LoginRefused):
        play(question(ALICE, "repository:a:push"), denied, denied)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": CANARY, "message": f"bad {CANARY}"}]},
        {"details": f"no {CANARY}"},
        {"message": CANARY},
        {"error": "x", "error_description": "YWxpY2U6YzRuNHJ5LXMzY3JldA=="},
        CANARY.encode(),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
def test_a_secret_that_comes_back_is_not_shown(status: int, body: object) -> None:
    """What the server repeats of the credential is in no message, whatever the status."""
    for credential in (ALICE, IDENTITY):
        if credential is IDENTITY and "YWxpY2U6" in str(body):
            continue  # that is Basic's form, which was not sent
        headers = (("Content-Type", "text/plain"), ("Location", f"https://x.example/{CANARY}"), ("Retry-After", CANARY))
        for code in (status, 302):
            with pytest.raises(ShorepassError) as caught:
                play(question(credential), answer(code, body, *headers))
            shown = f"{caught.value} {caught.value.hint}"
            assert CANARY not in shown
            assert "YWxpY2U6" not in shown


def test_body_of_a_success_is_never_quoted() -> None:
    """A 200 without a token may hold a refresh token: nothing of it is shown."""
    with pytest.raises(NotARegistry) as caught:
        play(question(), answer(200, {"refresh_token": "r3fresh", "message": "r3fresh"}))
    assert "r3fresh" not in str(caught.value)


def test_user_names_that_basic_cannot_carry() -> None:
    """A colon or a control character in a user name is refused before anything is sent."""
    for name in ("a:b", "a\nb"):
        with pytest.raises(UsageError):
            authorization(Basic(name, Secret("x")))


def test_basic_is_utf8() -> None:
    """User name and password go as UTF-8 (RFC 7617)."""
    assert authorization(Basic("é", Secret("ü"))) == ("Authorization", "Basic w6k6w7w=")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["token", "access_token", "expires_in", "issued_at", "scope", "errors", "error", "detail", "message", "code"]
)
documents = st.dictionaries(names, json_values, max_size=6) | json_values


@given(st.integers(100, 599), documents.map(lambda d: json.dumps(d).encode()) | st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_answer_breaks_the_flow(status: int, body: bytes) -> None:
    """Any answer gives a token or an error of ours."""
    flow = ask(question(ALICE, "repository:a:pull"), NOW)
    next(flow)
    reply = answer(status, body, ("Content-Type", "application/json"))
    with pytest.raises((StopIteration, ShorepassError)) as caught:
        collections.deque(iter(lambda: flow.send(reply), None), maxlen=0)  # until it ends
    end = caught.value
    assert end.value.secret if isinstance(end, StopIteration) else end.message.isprintable()
