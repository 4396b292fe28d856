"""When a credential ends, where it says so; a text from a file is never trusted to be what it looks like."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_files import jwt
from shorepass.credential import ANONYMOUS, Basic, BearerToken, IdentityToken
from shorepass.registry.expiry import TEXT_LIMIT, expires_at
from shorepass.secret import Secret

END = 1_767_225_600  # 2026-01-01


def url64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def ecr(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize("extra", ["", "a", "??>>~~", "üü"])
def test_a_jwt_ends_at_exp(extra: str) -> None:
    """RFC 7519: seconds since 1970, whatever the token is kept as and however long its claims are."""
    token = Secret(jwt({"exp": END, "sub": extra}))
    for credential in (IdentityToken(token), BearerToken(token), Basic("gitlab-ci-token", token)):
        assert expires_at(credential) == END


def test_a_password_of_ecr_ends_at_expiration() -> None:
    """The password of ``aws ecr get-login-password`` is base64 of a JSON object that says so."""
    password = ecr({"payload": "x" * 1000, "datakey": "y", "version": "2", "type": "DATA_KEY", "expiration": END})
    assert expires_at(Basic("AWS", Secret(password))) == END


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "",
        "a.b.c",
        "..",
        jwt([]),
        jwt({"exp": "soon"}),
        jwt({"exp": True}),
        jwt({"exp": -1}),
        jwt({"exp": 1e300}),
        jwt({"iat": END}),
        jwt({"exp": END}) + ".more",
        ecr({"expiration": None}),
        ecr(["expiration", END]),
        "eyJ" + "[" * 50_000,
        jwt({"exp": END, "pad": "x" * TEXT_LIMIT}),
        f"{url64({})}.{base64.urlsafe_b64encode(b'[' * 40_000).decode()}.x",
        f"x.{base64.urlsafe_b64encode(b'{' + chr(34).encode() + b'exp' + chr(34).encode() + b': NaN}').decode()}.x",
    ],
)
def test_what_says_nothing(text: str) -> None:
    """A password that looks like neither, or lies, has no known end."""
    assert expires_at(Basic("alice", Secret(text))) is None


def test_nobody_has_no_end() -> None:
    """No credential, no end."""
    assert expires_at(ANONYMOUS) is None
    assert expires_at(None) is None


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: f"a.{base64.b64encode(data).decode()}.b"))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Whatever is kept as a password, reading it raises nothing."""
    found = expires_at(Basic("alice", Secret(text)))
    assert found is None or found > 0
