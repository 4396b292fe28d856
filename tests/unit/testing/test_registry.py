"""The test kit's registry keeps to the protocol it stands in for."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from shorepass.testing import Failure, Registry

BLOB = b"layer"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(method: str, url: str, body: bytes | None = None, **headers: str) -> Answer:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def push(registry: Registry, name: str = "team/app", tag: str = "1") -> str:
    base = f"{registry.url}/v2/{name}"
    assert ask("POST", f"{base}/blobs/uploads/?digest={DIGEST}", BLOB).status == 201
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": DIGEST}, "layers": []}).encode()
    put = ask(
        "PUT", f"{base}/manifests/{tag}", manifest, **{"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    )
    assert put.status == 201
    return put.headers["Docker-Content-Digest"]


def test_uploads_in_pieces() -> None:
    """POST, PATCH twice, PUT: the blob is the pieces joined."""
    with Registry() as registry:
        began = ask("POST", f"{registry.url}/v2/team/app/blobs/uploads/", b"")
        assert began.status == 202
        location = registry.url + began.headers["Location"]
        assert ask("PATCH", location, BLOB[:2]).headers["Range"] == "0-1"
        assert ask("GET", location).headers["Range"] == "0-1"
        assert ask("PATCH", location, BLOB[2:]).status == 202
        assert ask("PUT", f"{location}?digest={DIGEST}", b"").status == 201
        assert ask("GET", f"{registry.url}/v2/team/app/blobs/{DIGEST}").body == BLOB
        assert ask("GET", location).status == 404


def test_wrong_digests_are_refused() -> None:
    """What does not match its digest is not kept."""
    with Registry() as registry:
        wrong = "sha256:" + "0" * 64
        assert ask("POST", f"{registry.url}/v2/a/blobs/uploads/?digest={wrong}", BLOB).status == 400
        assert ask("PUT", f"{registry.url}/v2/a/manifests/{wrong}", b"{}").status == 400
        assert ask("PUT", f"{registry.url}/v2/a/manifests/1", b"not JSON").status == 400
        unknown = json.dumps({"layers": [{"digest": wrong}]}).encode()
        assert (
            json.loads(ask("PUT", f"{registry.url}/v2/a/manifests/1", unknown).body)["errors"][0]["code"]
            == "MANIFEST_BLOB_UNKNOWN"
        )
        assert registry.repositories == []


def test_cancel_and_mount() -> None:
    """An upload can be cancelled; a blob of another repository can be mounted."""
    with Registry() as registry:
        location = registry.url + ask("POST", f"{registry.url}/v2/a/blobs/uploads/", b"").headers["Location"]
        assert (ask("DELETE", location).status, ask("DELETE", location).status) == (204, 404)
        push(registry, "a")
        assert ask("POST", f"{registry.url}/v2/b/blobs/uploads/?mount={DIGEST}&from=a", b"").status == 201
        assert ask("HEAD", f"{registry.url}/v2/b/blobs/{DIGEST}").headers["Content-Length"] == str(len(BLOB))


def test_tags_and_catalog() -> None:
    """Tags are listed, manifests found by tag and digest, and deleted by digest."""
    with Registry() as registry:
        digest = push(registry)
        assert json.loads(ask("GET", f"{registry.url}/v2/team/app/tags/list").body) == {
            "name": "team/app",
            "tags": ["1"],
        }
        assert json.loads(ask("GET", f"{registry.url}/v2/_catalog").body) == {"repositories": ["team/app"]}
        assert (registry.repositories, registry.tags("team/app")) == (["team/app"], ["1"])
        head = ask("HEAD", f"{registry.url}/v2/team/app/manifests/1")
        assert (head.status, head.headers["Docker-Content-Digest"], head.body) == (200, digest, b"")
        assert ask("DELETE", f"{registry.url}/v2/team/app/manifests/{digest}").status == 202
        assert ask("GET", f"{registry.url}/v2/team/app/manifests/1").status == 404


# As docker-registry 2.8.2 answers.
def test_challenges() -> None:
    """The challenge names the scope of the request, and the error of a token that does not do."""
    with Registry(users={"alice": "x"}, auth="bearer") as registry:
        bare = f'Bearer realm="{registry.url}/token",service="shorepass-test"'
        for method, path, scope in (
            ("GET", "/v2/", ""),
            ("HEAD", "/v2/foo/bar/manifests/1", ',scope="repository:foo/bar:pull"'),
            ("POST", "/v2/foo/bar/blobs/uploads/", ',scope="repository:foo/bar:pull,push"'),
            (
                "POST",
                "/v2/foo/bar/blobs/uploads/?mount=x&from=other/repo",
                ',scope="repository:foo/bar:pull,push repository:other/repo:pull"',
            ),
        ):
            answer = ask(method, registry.url + path)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, bare + scope)
        token = json.loads(ask("GET", f"{registry.url}/token?service=shorepass-test").body)["token"]
        assert ask("GET", f"{registry.url}/v2/", Authorization=f"Bearer {token}").status == 200
        denied = ask("GET", f"{registry.url}/v2/a/manifests/1", Authorization=f"Bearer {token}")
        assert denied.headers["WWW-Authenticate"].endswith('error="insufficient_scope"')
        assert json.loads(denied.body)["errors"][0]["detail"][0]["Action"] == "pull"
        bad = ask("GET", f"{registry.url}/v2/", Authorization="Bearer x")
        assert bad.headers["WWW-Authenticate"].endswith('error="invalid_token"')


def test_refresh_tokens() -> None:
    """A refresh token is given only where it was asked for and allowed, and is good for POST."""
    ask_for_one = {"Authorization": "Basic YWxpY2U6eA=="}
    with Registry(users={"alice": "x"}, auth="bearer") as registry:
        assert "refresh_token" not in json.loads(
            ask("GET", f"{registry.url}/token?offline_token=true", **ask_for_one).body
        )
    with Registry(users={"alice": "x"}, auth="bearer", identity_tokens=True) as registry:
        assert "refresh_token" not in json.loads(ask("GET", f"{registry.url}/token", **ask_for_one).body)
        token = json.loads(ask("GET", f"{registry.url}/token?offline_token=true", **ask_for_one).body)["refresh_token"]
        form = f"grant_type=refresh_token&refresh_token={token}&scope=repository:a:pull".encode()
        assert ask("POST", f"{registry.url}/token", form).status == 200
        assert ask("POST", f"{registry.url}/token", form.replace(token.encode(), b"x")).status == 401


def test_failures() -> None:
    """A failure hits the requests it names, in number, and then it is over."""
    with Registry() as registry:
        registry.fail("/v2/a", Failure(418, b"tea", (("X-Kind", "pot"),)), method="GET", times=2)
        assert ask("GET", f"{registry.url}/v2/").status == 200
        assert ask("HEAD", f"{registry.url}/v2/a/manifests/1").status == 404
        answers = [ask("GET", f"{registry.url}/v2/a/manifests/1") for _ in range(3)]
        assert [a.status for a in answers] == [418, 418, 404]
        assert (answers[0].body, answers[0].headers["X-Kind"]) == (b"tea", "pot")
        registry.fail("/v2/", Failure(drop=True))
        with pytest.raises((ConnectionError, urllib.error.URLError)):
            ask("GET", f"{registry.url}/v2/")


def test_record_holds_no_secret() -> None:
    """Requests are recorded with the kind of their Authorization and a user name, nothing more."""
    with Registry(users={"alice": "x"}) as registry:
        ask("GET", f"{registry.url}/v2/", Authorization="Basic YWxpY2U6c2VjcmV0")
        (record,) = registry.requests
        assert (record.method, record.path, record.authorization, record.username) == ("GET", "/v2/", "basic", "alice")
        assert "secret" not in repr(record)


def test_stop_leaves_nothing() -> None:
    """After the block no thread of the registry runs and its port is closed, also amid a long delay."""
    before = set(threading.enumerate())
    with Registry() as registry:
        url = f"{registry.url}/v2/"
        registry.fail("/v2/", Failure(delay=3600))

        def hang() -> None:
            with pytest.raises((ConnectionError, urllib.error.URLError)):
                ask("GET", url)

        waiting = threading.Thread(target=hang)
        waiting.start()
        while not registry.requests:
            pass
    waiting.join(10)
    assert set(threading.enumerate()) == before
    with pytest.raises(urllib.error.URLError):
        ask("GET", url)


def test_not_running() -> None:
    """A registry that does not run has no port; one that is asked for nonsense is not made."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = Registry().port
    with pytest.raises(ValueError, match="basic or bearer"):
        Registry(auth="digest")  # type: ignore[arg-type]


def test_a_port_that_is_in_use_is_one_line() -> None:
    """Who starts the registry twice reads which port it is, and how to get another one; no traceback."""
    with Registry(users={}) as registry:
        port = registry.host.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "shorepass.testing", "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert f"port {port}: " in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
