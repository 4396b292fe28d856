"""The log-in check and the permission ladder, against registries in this process."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import (
    DeadRealm,
    InvalidReference,
    LoginRefused,
    NotARegistry,
    PermissionDenied,
    RateLimited,
    RealmRefused,
    ShorepassError,
    TokenServerFails,
    Unreachable,
    WrongTokenServer,
)
from shorepass.names import Reference, parse
from shorepass.registry.client import Access, LoginResult, RegistryClient
from shorepass.registry.permission import access_claim
from shorepass.resolution import Outcome, Step
from shorepass.secret import Secret
from shorepass.testing import Failure, Registry

CANARY = "c4n4ry-s3cret"
ALICE = Basic("alice", Secret(CANARY))
WRONG = Basic("alice", Secret("wr0ng-c4n4ry"))
HERE = LocalContext({"HOME": "/nonexistent"}, uid=1000)


def check(host: str, credential: Credential = ALICE, **access: object) -> LoginResult:
    with RegistryClient(host, Access(timeout=60)._replace(**access), HERE) as client:  # type: ignore[arg-type]
        return client.check_login(credential)


def permissions(
    registry: Registry, credential: Credential, *actions: str, name: str = "team/app:1", probe: bool = False
) -> list[Step]:
    with RegistryClient(registry.host, Access(timeout=60), HERE) as client:
        return client.permissions(parse(f"{registry.host}/{name}"), credential, actions or ("pull",), probe_push=probe)


def asked(registry: Registry) -> list[tuple[str, str, str]]:
    return [(r.method, r.path.partition("?")[0], r.authorization) for r in registry.requests]


# Log in


def test_basic() -> None:
    """The credential is sent only after a 401 asked for it."""
    with Registry(users={"alice": CANARY}) as registry:
        assert check(registry.host).credential == ALICE
        assert asked(registry) == [("GET", "/v2/", ""), ("GET", "/v2/", "basic")]


def test_bearer() -> None:
    """The password goes to the token server, the token to the registry, and no scope is asked for."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        result = check(registry.host)
        assert asked(registry) == [("GET", "/v2/", ""), ("GET", "/token", "basic"), ("GET", "/v2/", "bearer")]
        assert registry.requests[1].path == "/token?service=shorepass-test&account=alice"
    assert result.credential == ALICE
    assert [step.kind for step in result.steps] == ["registry", "token", "registry"]
    assert all(step.outcome is Outcome.OK for step in result.steps)


def test_identity_token() -> None:
    """An identity token goes to the token server by POST and never to the registry."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        token = IdentityToken(Secret(registry.identity_token("alice")))
        assert check(registry.host, token).credential == token
        assert asked(registry)[1] == ("POST", "/token", "")
        with pytest.raises(LoginRefused, match="identity token is refused"):
            check(registry.host, IdentityToken(Secret("made-up")))


def test_identity_token_where_it_is_useless() -> None:
    """A Basic registry is not sent an identity token as if it were a password."""
    with Registry(users={"alice": CANARY}) as registry:
        with pytest.raises(LoginRefused, match="not an identity token"):
            check(registry.host, IdentityToken(Secret("t")))
        assert asked(registry) == [("GET", "/v2/", "")]


def test_bearer_token() -> None:
    """A ready token goes to the registry as it is."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        token = registry._issue("alice", [], wants_refresh=False).body.decode().split('"')[3]
        assert check(registry.host, BearerToken(Secret(token))).steps[-1].outcome is Outcome.OK
        with pytest.raises(LoginRefused, match="bearer token is refused"):
            check(registry.host, BearerToken(Secret("made-up")))
        assert ("GET", "/token", "basic") not in asked(registry)


def test_strangers() -> None:
    """Without a credential, a token registry accepts requests and a Basic one does not."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        assert "accepts requests without a login" in check(registry.host, ANONYMOUS).steps[-1].detail
    with Registry(users={"alice": CANARY}) as registry, pytest.raises(LoginRefused, match="the request had none"):
        check(registry.host, ANONYMOUS)


def test_registry_that_needs_no_login() -> None:
    """If the registry needs no login, the credential is not sent, and the step shows that it was not checked."""
    with Registry() as registry:
        assert "was not checked" in check(registry.host).steps[0].detail
        assert asked(registry) == [("GET", "/v2/", "")]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_wrong_password_is_sent_once(auth: str) -> None:
    """A refused password is LoginRefused after one attempt: more would lock accounts."""
    with Registry(users={"alice": CANARY}, auth=auth) as registry:  # type: ignore[arg-type]
        with pytest.raises(LoginRefused, match="incorrect username or password"):
            check(registry.host, WRONG)
        assert sum(r.authorization == "basic" for r in registry.requests) == 1


HTML = (("Content-Type", "text/html"),)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure(status=404), NotARegistry),
        (Failure(status=500), NotARegistry),
        (Failure(status=503), Unreachable),
        (Failure(status=403), NotARegistry),
        (Failure(status=403, body=b"<html>no</html>", headers=HTML), Unreachable),
        (Failure(status=200, body=b"<html>hi</html>", headers=HTML), NotARegistry),
        (Failure(status=429, headers=(("Retry-After", "7"),)), RateLimited),
        (Failure(status=401), NotARegistry),
        (Failure(status=401, headers=(("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM"))), NotARegistry),
        (Failure(status=401, headers=(("WWW-Authenticate", 'Bearer service="x"'),)), NotARegistry),
        (Failure(status=401, headers=(("WWW-Authenticate", 'Bearer realm="x'),)), NotARegistry),
        (Failure(drop=True), Unreachable),
        (Failure(raw=b"nonsense\r\n\r\n"), Unreachable),
        (Failure(status=302, headers=(("Location", "http://other.example/"),)), NotARegistry),
        (Failure(status=302, headers=(("Location", "http://u:p@x/"),)), NotARegistry),
    ],
    ids=str,
)
def test_first_answer_that_is_none(failure: Failure, error: type[ShorepassError]) -> None:
    """Whatever is not a v2 registry's answer is said to be that, never "wrong password"; no credential is sent."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        registry.fail("/v2/", failure)
        with pytest.raises(error):
            check(registry.host)
        assert {r.authorization for r in registry.requests} <= {""}


@pytest.mark.parametrize(
    ("challenge", "status", "error", "words"),
    [
        (
            'Bearer realm="{realm}",error="insufficient_scope"',
            401,
            PermissionDenied,
            "valid, but has no permission for this",
        ),
        ('Bearer realm="{realm}",error="invalid_token"', 401, NotARegistry, "misconfigured"),
        ('Bearer realm="{realm}"', 401, PermissionDenied, "its own token server gave"),
        ("", 403, PermissionDenied, "not allowed in: DENIED because"),
        ("", 429, RateLimited, "too many requests"),
    ],
)
def test_refusal_of_a_fresh_token(challenge: str, status: int, error: type[ShorepassError], words: str) -> None:
    """What a registry says to a fresh token tells denial from misconfiguration; there is no second try."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        header = (("WWW-Authenticate", challenge.format(realm=registry.realm)),) if challenge else ()
        body = b'{"errors":[{"code":"DENIED","message":"because"}]}'
        failure = Failure(status=status, body=body, headers=header)
        registry.fail("/v2/", failure, authorization="bearer")
        with pytest.raises(error, match=words):
            check(registry.host)
        assert len(registry.requests) == 3


def test_realm_elsewhere_gets_nothing() -> None:
    """A realm on a host that is not trusted is not even tried (nothing listens there); the hint names the flag."""
    realm = "http://127.0.0.2:9/token"
    with Registry(users={"alice": CANARY}, auth="bearer", realm=realm) as registry:
        with pytest.raises(RealmRefused) as caught:
            check(registry.host)
        assert "--trust-realm 127.0.0.2:9" in (caught.value.hint or "")
        with pytest.raises(Unreachable):  # the flag lets it try
            check(registry.host, trusted_realms=("127.0.0.2",))


def test_trusted_realm_gets_the_password() -> None:
    """The token server of another registry is asked where the user trusts it; its token is then good for nothing."""
    with Registry(users={"alice": CANARY}, auth="bearer") as tokens:
        realm = f"http://localhost:{tokens.port}/token"
        with Registry(users={"alice": CANARY}, auth="bearer", realm=realm) as registry:
            with pytest.raises(NotARegistry, match="refuses the token"):
                check(registry.host, trusted_realms=("localhost",))
            assert [r.authorization for r in tokens.requests] == ["basic"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_token_server_redirects_are_not_followed(status: int) -> None:
    """A token server that sends us elsewhere is refused, for GET and for POST."""
    with (
        Registry(users={"alice": CANARY}, auth="bearer") as elsewhere,
        Registry(users={"alice": CANARY}, auth="bearer") as registry,
    ):
        identity = IdentityToken(Secret(registry.identity_token("alice")))
        for credential in (ALICE, identity):
            registry.fail("/token", Failure(status=status, headers=(("Location", f"{elsewhere.url}/token"),)))
            with pytest.raises(NotARegistry, match="redirects"):
                check(registry.host, credential)
        assert elsewhere.requests == []


def test_registry_that_redirects_elsewhere() -> None:
    """A challenge of a host we were redirected to is not answered; the hint says which host to name."""
    with Registry(users={"alice": CANARY}) as elsewhere, Registry(users={"alice": CANARY}) as registry:
        registry.fail("/v2/", Failure(status=307, headers=(("Location", f"{elsewhere.url}/v2/"),)))
        with pytest.raises(NotARegistry, match=elsewhere.host) as caught:
            check(registry.host)
        assert elsewhere.host in (caught.value.hint or "")
        assert [r.authorization for r in elsewhere.requests] == [""]


def test_a_redirect_to_a_closed_port_names_the_port() -> None:
    """The server that failed is the one that the registry sends us to, not the registry."""
    with Registry(users={"alice": CANARY}) as registry:
        registry.fail("/v2/", Failure(status=307, headers=(("Location", "http://127.0.0.1:1/v2/"),)))
        with pytest.raises(
            Unreachable, match=r"redirects to http://127\.0\.0\.1:1, which fails: connection refused"
        ) as caught:
            check(registry.host)
        assert caught.value.registry == registry.host


def test_a_token_server_that_does_not_answer_is_named() -> None:
    """The registry answered: the error is about the token server, and names its address."""
    realm = "http://127.0.0.1:1/token"
    with Registry(users={"alice": CANARY}, auth="bearer", realm=realm) as registry:
        with pytest.raises(TokenServerFails, match=f"its token server {realm} fails: connection refused"):
            check(registry.host, trusted_realms=("127.0.0.1:1",))
        with pytest.raises(DeadRealm, match=f"{realm}, which no client reaches: connection refused"):
            check(registry.host)


def test_a_path_without_a_token_server_is_named() -> None:
    """A realm that answers, and is no token server, is the registry's mistake."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        registry.fail("/token", Failure(status=404))
        with pytest.raises(WrongTokenServer, match=f"answered 404.*, at http://{registry.host}/token"):
            check(registry.host)


def test_redirect_within_the_registry_is_followed() -> None:
    """A redirect to another path of the same registry is followed, five times at most."""
    with Registry(users={"alice": CANARY}) as registry:
        registry.fail("/v2/", Failure(status=301, headers=(("Location", "/v2"),)))
        assert check(registry.host).credential == ALICE
        registry.fail("/v2/", Failure(status=301, headers=(("Location", "/v2/"),)), times=99)
        with pytest.raises(NotARegistry, match="more than 5 redirects"):
            check(registry.host)


# http or https


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Registry]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Registry(users={"alice": CANARY}, auth="bearer", tls=context) as registry:
        yield registry


@pytest.fixture
def cert_dir(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return str(tmp_path)


def test_tls_on_loopback_is_found(secure: Registry, cert_dir: str) -> None:
    """A registry on loopback that speaks TLS is reached by https, without a flag."""
    assert "https://127.0.0.1" in check(secure.host, cert_dir=cert_dir).steps[0].detail
    assert [r.authorization for r in secure.requests] == ["", "basic", "bearer"]


def test_bad_certificate_is_not_answered_by_plain_http(secure: Registry) -> None:
    """An untrusted certificate ends the login, unless the user said not to check."""
    with pytest.raises(Unreachable, match="authority is unknown"):
        check(secure.host)
    assert secure.requests == []
    assert check(secure.host, tls_verify=False).credential == ALICE


def test_tls_verify_true_means_https() -> None:
    """``tls_verify=True`` does not let a loopback registry speak plain http."""
    with Registry(users={"alice": CANARY}) as registry:
        with pytest.raises(Unreachable, match="does not speak TLS"):
            check(registry.host, tls_verify=True)
        assert registry.requests == []


def test_plain_http_elsewhere_needs_leave() -> None:
    """A host that is not loopback by its spelling gets https only, and plain http where the user allowed it."""
    with Registry(users={"alice": CANARY}) as registry:
        host = f"0.0.0.0:{registry.port}"  # reaches this machine, but is no loopback address
        with pytest.raises(Unreachable, match="does not speak TLS") as caught:
            check(host)
        assert "--tls-verify=false" in (caught.value.hint or "")
        assert registry.requests == []
        assert check(host, tls_verify=False).credential == ALICE


class Upgrade(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Location", f"https://127.0.0.1:{self.server.target}/v2/")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


def test_upgrade_to_https(secure: Registry, cert_dir: str) -> None:
    """A registry that sends plain http to https of the same host is continued with there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Upgrade) as server:
        server.target = secure.port  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            assert check(f"127.0.0.1:{server.server_port}", cert_dir=cert_dir).credential == ALICE
        finally:
            server.shutdown()
            thread.join()


def test_closed_port_is_asked_once() -> None:
    """Nobody listening is said without trying TLS as well."""
    with Registry() as registry:
        host = registry.host
    with pytest.raises(Unreachable, match="connection refused"):
        check(host)


def test_docker_hub_is_https_whatever_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """docker.io is asked at registry-1.docker.io, by https, and never by http."""
    seen: list[str] = []

    class Recorder:
        def send(self, request: object, **_: object) -> None:
            seen.append(str(request.url))  # type: ignore[attr-defined]
            raise Unreachable("x", "the server does not speak TLS")

        def close(self) -> None: ...

    monkeypatch.setattr(RegistryClient, "_open", lambda *_: Recorder())
    for flag in (None, True, False):
        with pytest.raises(Unreachable):
            check("docker.io", tls_verify=flag)
    assert seen == ["https://registry-1.docker.io/v2/"] * 3


# Permissions


def said(steps: list[Step]) -> list[tuple[Outcome, str]]:
    return [(step.outcome, step.detail) for step in steps if step.kind != "registry"]


def push_image(registry: Registry, name: str = "team/app", tag: str = "1") -> None:
    import hashlib
    import json

    storage = registry._storage
    data = json.dumps({"schemaVersion": 2, "layers": []}).encode()
    from shorepass.testing.images import _Manifest

    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    storage._manifests.setdefault(name, {})[digest] = _Manifest("application/vnd.oci.image.manifest.v1+json", data)
    storage._tags.setdefault(name, {})[tag] = digest


GRANTS = {"alice": {"team/app": "pull,push"}, "bob": {"team/app": "pull"}}
USERS = {"alice": CANARY, "bob": CANARY, "eve": CANARY}


def test_granted_by_the_token() -> None:
    """The token says what it allows; nothing is uploaded to learn it."""
    with Registry(users=USERS, auth="bearer", grants=GRANTS) as registry:
        push_image(registry)
        steps = permissions(registry, ALICE, "pull", "push")
        assert said(steps) == [
            (Outcome.OK, "a token for team/app; granted: pull, push"),
            (Outcome.OK, "pull: granted (tag 1 can be read)"),
            (Outcome.OK, "push: granted by the token server (not tried)"),
        ]
        assert "POST" not in {r.method for r in registry.requests}


def test_missing_push() -> None:
    """A missing action is named, and a push it denies is not probed."""
    with Registry(users=USERS, auth="bearer", grants=GRANTS) as registry:
        push_image(registry)
        steps = permissions(registry, Basic("bob", Secret(CANARY)), "pull", "push", probe=True)
        assert (Outcome.OK, "a token for team/app; granted: pull; missing: push") in said(steps)
        assert (Outcome.FAILED, "push: denied, the token server does not grant it to this login") in said(steps)
        assert "POST" not in {r.method for r in registry.requests}


def test_denied_pull_names_what_is_missing() -> None:
    """The registry's own list of missing actions is shown."""
    with Registry(users=USERS, auth="bearer", grants=GRANTS, opaque_tokens=True) as registry:
        push_image(registry)
        steps = permissions(registry, Basic("eve", Secret(CANARY)))
        assert (Outcome.FAILED, "pull: denied, missing: pull on team/app") in said(steps)


def test_missing_tag_is_a_granted_pull() -> None:
    """404 MANIFEST_UNKNOWN means that the pull is allowed and the tag is not there."""
    with Registry(users=USERS, auth="bearer", grants=GRANTS) as registry:
        push_image(registry)
        assert (Outcome.OK, "pull: granted, but there is no tag 2") in said(
            permissions(registry, ALICE, name="team/app:2")
        )


def test_missing_repository() -> None:
    """404 NAME_UNKNOWN means that there is no such repository, or that it is hidden."""
    with Registry(users=USERS) as registry:
        body = b'{"errors":[{"code":"NAME_UNKNOWN"}]}'
        registry.fail("/v2/team", Failure(status=404, body=body), times=2)
        assert (Outcome.FAILED, "pull: no such repository, or it is hidden from this login: NAME_UNKNOWN") in said(
            permissions(registry, ALICE)
        )


@pytest.mark.parametrize("kind", ["basic", "opaque"])
def test_push_that_only_a_probe_can_tell(kind: str) -> None:
    """Without a claim a push is unknown; a probe begins one upload and cancels it."""
    with Registry(
        users=USERS, auth="basic" if kind == "basic" else "bearer", opaque_tokens=kind == "opaque"
    ) as registry:
        push_image(registry)
        assert said(permissions(registry, ALICE, "push"))[-1][0] is Outcome.SKIPPED
        assert said(permissions(registry, ALICE, "pull", "push", probe=True))[-1] == (
            Outcome.OK,
            "push: granted, an upload could begin",
        )
        assert [r.method for r in registry.requests if "uploads" in r.path][:2] == ["POST", "DELETE"]
        assert registry._storage._uploads == {}


def test_probe_location_elsewhere_gets_nothing() -> None:
    """An upload's Location on another host is not followed, and the step says what stays behind (CVE-2026-50151)."""
    with Registry() as elsewhere, Registry(users=USERS) as registry:
        push_image(registry)
        location = (("Location", f"{elsewhere.url}/v2/team/app/blobs/uploads/1"),)
        registry.fail("/v2/team/app/blobs/uploads/", Failure(status=202, headers=location))
        steps = permissions(registry, ALICE, "pull", "push", probe=True)
        assert "the trial upload remains" in steps[-1].detail
        assert elsewhere.requests == []


def test_wrong_password_is_not_tried_again() -> None:
    """Asking about permissions sends a refused password once, too."""
    for auth in ("basic", "bearer"):
        with Registry(users=USERS, auth=auth, grants=GRANTS) as registry:  # type: ignore[arg-type]
            steps = permissions(registry, WRONG, "pull", "push", probe=True)
            assert steps[0].outcome is Outcome.FAILED
            assert sum(r.authorization == "basic" for r in registry.requests) == 1


def test_public_image() -> None:
    """A public image is said to need no login, or to be broken by a bad one."""
    grants = {**GRANTS, "": {"team/app": "pull"}}
    with Registry(users=USERS, auth="bearer", grants=grants) as registry:
        push_image(registry)
        assert permissions(registry, ALICE)[-1].detail == "public: a pull needs no login"
        last = permissions(registry, WRONG)[-1]
        assert last.outcome is Outcome.FAILED
        assert "fails with this login" in last.detail


def test_token_server_that_refuses_a_scope() -> None:
    """Where 403 refuses pull and push together, pull alone is still found out."""
    with Registry(users=USERS, auth="bearer", grants=GRANTS) as registry:
        push_image(registry)
        original = registry._token

        def strict(request):  # type: ignore[no-untyped-def]  # a stand-in for GCR's token server
            wants_push = any("push" in s for s in request.query.get("scope", []))
            return registry._fail(request, Failure(status=403)) if wants_push else original(request)

        registry._token = strict  # type: ignore[method-assign]
        steps = said(permissions(registry, Basic("bob", Secret(CANARY)), "pull", "push"))
        assert (Outcome.OK, "pull: granted (tag 1 can be read)") in steps
        assert steps[2][0] is Outcome.FAILED


@pytest.mark.parametrize(
    "reference",
    [
        Reference("127.0.0.1:1", "../x", "1"),
        Reference("127.0.0.1:1", "a/../../token", "1"),
        Reference("127.0.0.1:1", "a", "1/../../x"),
        Reference("127.0.0.1:1", "a", "", "sha256:zz"),
        Reference("127.0.0.1:1", "a?b", "1"),
        Reference("127.0.0.1:1"),
    ],
)
def test_names_that_are_none(reference: Reference) -> None:
    """A name that would lead elsewhere in the registry is refused before anything is sent (CVE-2024-3727)."""
    with RegistryClient("127.0.0.1:1", Access(), HERE) as client, pytest.raises(InvalidReference):
        client.permissions(reference, ALICE)


@pytest.mark.parametrize(
    "token", ["", "opaque", "a.b.c", "a.e30.c", "a.W10.c", "a.bnVsbA.c", "..", "a." + "A" * 70000 + ".c", "a.é.c"]
)
def test_tokens_that_say_nothing(token: str) -> None:
    """A token without a readable access claim is opaque, never an error."""
    assert access_claim(token) is None


# Secrets


@pytest.mark.parametrize("path", ["/v2/", "/token"])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize(
    "make", [lambda: ALICE, lambda: IdentityToken(Secret(CANARY), "alice"), lambda: BearerToken(Secret(CANARY))]
)
def test_no_message_holds_the_secret(path: str, status: int, make: Callable[[], Credential]) -> None:
    """A server that repeats the credential in every field cannot make us print it."""
    body = f'{{"errors":[{{"code":"X","message":"{CANARY}"}}],"message":"{CANARY}","token":"{CANARY} x"}}'.encode()
    failure = Failure(
        status=status, body=body, headers=(("WWW-Authenticate", f'Bearer realm="/token",error="{CANARY}"'),)
    )
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        for kind in ("basic", "bearer"):
            registry.fail(path, failure, authorization=kind, times=20)
        registry.fail(path, failure, method="POST", times=20)
        try:
            text = repr(check(registry.host, make()))
        except ShorepassError as error:
            text = f"{error}{error.hint}{error!r}"
        try:
            text += repr(permissions(registry, make(), "pull", "push", probe=True))
        except ShorepassError as error:
            text += f"{error}{error.hint}{error!r}"
    assert CANARY not in text
