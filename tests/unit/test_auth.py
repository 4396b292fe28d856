"""The auth objects for httpx and requests: the same rules for both."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import requests

import shorepass
from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import LoginRefused, RealmRefused, UsageError
from shorepass.secret import Secret
from shorepass.testing import Failure, Registry

PASSWORD = "p4ss"
ALICE = Basic("alice", Secret(PASSWORD))
BLOB = b"layer"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


class Answer(NamedTuple):
    status: int
    headers: Any


class Browser(NamedTuple):
    """One way to send a request with an auth object that lasts."""

    send: Callable[..., Answer]
    follow: Callable[..., Answer]


def by_httpx(**options: Any) -> Iterator[Browser]:
    with httpx.Client(auth=shorepass.httpx_auth(**options)) as client:

        def send(method: str, url: str, *, follow: bool = False, **more: Any) -> Answer:
            more = {("content" if k == "data" else k): v for k, v in more.items()}
            response = client.request(method, url, follow_redirects=follow, **more)
            return Answer(response.status_code, response.headers)

        yield Browser(send, lambda *a, **k: send(*a, follow=True, **k))


def by_async_httpx(**options: Any) -> Iterator[Browser]:
    auth = shorepass.httpx_auth(**options)

    def send(method: str, url: str, *, follow: bool = False, **more: Any) -> Answer:
        async def once() -> Answer:
            content = more.get("data")
            if content is not None and not isinstance(content, bytes):
                content = _asynchronous(content)
            async with httpx.AsyncClient(auth=auth) as client:
                headers = more.get("headers")
                response = await client.request(method, url, content=content, headers=headers, follow_redirects=follow)
            return Answer(response.status_code, response.headers)

        return asyncio.run(once())

    yield Browser(send, lambda *a, **k: send(*a, follow=True, **k))


async def _asynchronous(parts: Iterator[bytes]) -> Any:
    for part in parts:
        yield part


def by_requests(**options: Any) -> Iterator[Browser]:
    with requests.Session() as session:
        session.auth = shorepass.requests_auth(**options)

        def send(method: str, url: str, *, follow: bool = False, **more: Any) -> Answer:
            response = session.request(method, url, allow_redirects=follow, timeout=60, **more)
            return Answer(response.status_code, response.headers)

        yield Browser(send, lambda *a, **k: send(*a, follow=True, **k))


Make = Callable[..., Browser]


@pytest.fixture(params=[by_httpx, by_async_httpx, by_requests])
def browser(request: pytest.FixtureRequest) -> Iterator[Make]:
    open_ones: list[Iterator[Browser]] = []

    def make(**options: Any) -> Browser:
        open_ones.append(request.param(**{"credential": ALICE, **options}))
        return next(open_ones[-1])

    yield make
    for one in open_ones:
        next(one, None)


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    with Registry(users={"alice": PASSWORD}, auth=request.param) as running:
        yield running


@pytest.fixture
def tokens() -> Iterator[Registry]:
    with Registry(users={"alice": PASSWORD}, auth="bearer") as running:
        yield running


def token_requests(registry: Registry) -> list[str]:
    return [r.path for r in registry.requests if r.path.startswith("/token")]


def test_pull_and_push(browser: Make, registry: Registry) -> None:
    """A whole push and pull works with nothing but the auth object."""
    b, base = browser(), f"{registry.url}/v2/team/app"
    began = b.send("POST", f"{base}/blobs/uploads/")
    assert began.status == 202
    location = registry.url + began.headers["Location"]
    assert b.send("PATCH", location, data=BLOB).status == 202
    assert b.send("PUT", f"{location}?digest={DIGEST}").status == 201
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": DIGEST}, "layers": []}).encode()
    assert b.send("PUT", f"{base}/manifests/1", data=manifest).status == 201
    assert b.send("GET", f"{base}/manifests/1").status == 200
    assert b.send("DELETE", f"{base}/manifests/sha256:{hashlib.sha256(manifest).hexdigest()}").status == 202
    assert b.send("GET", f"{base}/manifests/1").status == 404


def test_tokens_are_kept(browser: Make, tokens: Registry) -> None:
    """A token serves every request it is good for, and no other."""
    b, base = browser(), f"{tokens.url}/v2/team/app"
    for _ in range(3):
        b.send("GET", f"{base}/manifests/1")
    assert len(token_requests(tokens)) == 1
    b.send("POST", f"{base}/blobs/uploads/")
    b.send("GET", f"{base}/manifests/2")
    b.send("GET", f"{tokens.url}/v2/other/app/manifests/1")
    assert [path.partition("scope=")[2].partition("&")[0] for path in token_requests(tokens)] == [
        "repository%3Ateam%2Fapp%3Apull",
        "repository%3Ateam%2Fapp%3Apull%2Cpush",
        "repository%3Aother%2Fapp%3Apull",
    ]


def test_mount_needs_two_scopes(browser: Make, tokens: Registry) -> None:
    """A mount asks for its source as well, as a scope of its own."""
    b = browser()
    b.send("POST", f"{tokens.url}/v2/team/app/blobs/uploads/?mount={DIGEST}&from=base/image")
    assert token_requests(tokens)[0].count("scope=") == 2


def test_expired_token_is_replaced(browser: Make) -> None:
    """A token past its time is fetched anew; one that the registry has forgotten, too, once."""
    with Registry(users={"alice": PASSWORD}, auth="bearer") as registry:
        b = browser()
        assert b.send("GET", f"{registry.url}/v2/").status == 200
        registry.revoke_tokens()
        assert b.send("GET", f"{registry.url}/v2/").status == 200
        assert len(token_requests(registry)) == 2
        registry.fail(
            "/v2/", Failure(401, headers=(("WWW-Authenticate", f'Bearer realm="{registry.realm}"'),)), times=99
        )
        assert b.send("GET", f"{registry.url}/v2/").status == 401
        assert len(token_requests(registry)) == 3


def test_wrong_password_is_sent_once(browser: Make, registry: Registry) -> None:
    """A refused password is not repeated: Bearer raises, Basic leaves the 401 to the caller."""
    b = browser(credential=Basic("alice", Secret("wrong")))
    if registry._auth == "bearer":
        with pytest.raises(LoginRefused):
            b.send("GET", f"{registry.url}/v2/")
    else:
        assert b.send("GET", f"{registry.url}/v2/").status == 401
    assert sum(r.authorization == "basic" for r in registry.requests) == 1


def test_credential_kinds(browser: Make, tokens: Registry) -> None:
    """An identity token goes to the token server, a bearer token to the registry, and strangers get a stranger's token."""
    identity: Credential = IdentityToken(Secret(tokens.identity_token("alice")))
    assert browser(credential=identity).send("GET", f"{tokens.url}/v2/").status == 200
    assert ("POST", "/token") in {(r.method, r.path) for r in tokens.requests}
    assert browser(credential=ANONYMOUS).send("GET", f"{tokens.url}/v2/").status == 200
    assert browser(credential=ANONYMOUS).send("GET", f"{tokens.url}/v2/a/manifests/1").status == 401
    before = len(token_requests(tokens))
    assert browser(credential=BearerToken(Secret("made-up"))).send("GET", f"{tokens.url}/v2/").status == 401
    assert len(token_requests(tokens)) == before


def test_realm_policy(browser: Make, tokens: Registry) -> None:
    """A realm elsewhere is refused, and allowed by name."""
    realm = f"http://0.0.0.0:{tokens.port}/token"  # reaches this machine, and is another name
    with Registry(users={"alice": PASSWORD}, auth="bearer", realm=realm) as registry:
        with pytest.raises(RealmRefused):
            browser().send("GET", f"{registry.url}/v2/")
        assert tokens.requests == []
        browser(trusted_realms=["0.0.0.0"], access=shorepass.Access(tls_verify=False)).send(
            "GET", f"{registry.url}/v2/"
        )
        assert [r.authorization for r in tokens.requests] == ["basic"]


def test_token_server_redirects_are_not_followed(browser: Make, tokens: Registry) -> None:
    """Even with a client that follows redirects, the password stays with the token server."""
    with Registry(users={"alice": PASSWORD}, auth="bearer") as elsewhere:
        tokens.fail("/token", Failure(307, headers=(("Location", f"{elsewhere.url}/token"),)))
        with pytest.raises(shorepass.errors.NotARegistry):
            browser().follow("GET", f"{tokens.url}/v2/")
        assert elsewhere.requests == []


def test_challenge_of_another_origin_is_not_answered(browser: Make, registry: Registry) -> None:
    """After a redirect to another port the credential stays at home, whatever that one asks for."""
    with Registry(users={"alice": PASSWORD}) as elsewhere:
        registry.fail("/v2/", Failure(307, headers=(("Location", f"{elsewhere.url}/v2/"),)), times=1)
        assert browser().follow("GET", f"{registry.url}/v2/").status == 401
        assert [r.authorization for r in elsewhere.requests] == [""]


def test_header_of_ones_own_is_left_alone(browser: Make, registry: Registry) -> None:
    """A request that has an Authorization header goes as it is."""
    headers = {"Authorization": "Bearer mine"}
    assert browser().send("GET", f"{registry.url}/v2/", headers=headers).status == 401
    assert [r.authorization for r in registry.requests] == ["bearer"]


def test_streamed_body_is_sent_once(browser: Make, registry: Registry) -> None:
    """A body that cannot be read twice is sent when the login is known, and never repeated."""
    b, base = browser(), f"{registry.url}/v2/team/app"
    sent: list[int] = []

    def stream() -> Iterator[bytes]:
        sent.append(1)
        yield BLOB

    assert b.send("POST", f"{base}/blobs/uploads/?digest={DIGEST}", data=stream()).status == 201
    assert sent == [1]
    assert registry.requests[0].path == "/v2/"
    registry.fail("/v2/team", Failure(401, headers=(("WWW-Authenticate", 'Basic realm="x"'),)))
    assert b.send("POST", f"{base}/blobs/uploads/?digest={DIGEST}", data=stream()).status == 401
    assert sent == [1, 1]


def test_plain_http_elsewhere(browser: Make) -> None:
    """No login over plain http to a host that is not loopback, unless it was allowed."""
    with Registry(users={"alice": PASSWORD}) as registry:
        url = f"http://0.0.0.0:{registry.port}/v2/"
        with pytest.raises(UsageError, match="plain http"):
            browser().send("GET", url)
        assert {r.authorization for r in registry.requests} == {""}
        assert browser(access=shorepass.Access(tls_verify=False)).send("GET", url).status == 200


def test_login_of_the_user(world: Any, browser: Make, registry: Registry) -> None:
    """Without a credential the login is the one that docker would use in this context."""
    config = world / "home/.docker/config.json"
    config.parent.mkdir()
    word = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    config.write_text(json.dumps({"auths": {registry.host: {"auth": word}}}))
    assert browser(credential=None).send("GET", f"{registry.url}/v2/").status == 200


def test_import_is_cheap() -> None:
    """``import shorepass`` loads neither library, and one auth object does not load the other's."""
    program = (
        "import sys, shorepass; libraries = {'httpx', 'requests', 'urllib3', 'asyncio'};"
        "print(sorted(libraries & set(sys.modules))); shorepass.httpx_auth; print('requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nFalse\n"


def test_nothing_prints_a_secret(tokens: Registry) -> None:
    """The repr of an auth object shows no login and no token."""
    auth = shorepass.httpx_auth(credential=ALICE)
    with httpx.Client(auth=auth) as client:
        client.get(f"{tokens.url}/v2/")
    logins = auth._logins  # type: ignore[attr-defined]
    text = f"{auth!r}{logins!r}{vars(logins)!r}"
    assert PASSWORD not in text
    assert all(token not in text for token in tokens._tokens)
