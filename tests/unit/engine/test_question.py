"""What is sent to an engine, and when it is asked nothing: a stand-in for engines that are not on this machine."""

from __future__ import annotations

import base64
import json
import tempfile

from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, BearerToken, IdentityToken
from shorepass.engine.known_errors import Kind
from shorepass.engine.question import ask
from shorepass.names import parse
from shorepass.secret import Secret
from stand_in_engine import engine

IMAGE = parse("registry.example/team/app:1")
ALICE = Basic("alice", Secret("wonderland"))


def header(request: bytes) -> dict[str, str]:
    lines = [line for line in request.decode().splitlines() if line.lower().startswith("x-registry-auth: ")]
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(lines[0].split()[1]))
    return found


def test_what_docker_would_send() -> None:
    """A password, an identity token, a bearer token and nothing, in docker's own words."""
    server = {"serveraddress": "registry.example"}
    for credential, fields in (
        (ALICE, {"username": "alice", "password": "wonderland"}),
        (IdentityToken(Secret("r3fresh"), "alice"), {"username": "alice", "identitytoken": "r3fresh"}),
        (BearerToken(Secret("t0ken")), {"registrytoken": "t0ken"}),
        (ANONYMOUS, {}),
    ):
        with engine({}, (200, "{}")) as (context, seen):
            answer = ask(context, IMAGE, credential, seconds=10)
        assert answer is not None
        assert answer.kind is Kind.OK
        assert header(seen[-1]) == {**server, **fields}
        assert b"GET /distribution/registry.example/team/app:1/json" in seen[-1]


def test_a_login_without_an_image() -> None:
    """It is checked as docker login checks it; so is Docker Hub's, because a look at an image counts as a pull there."""
    for name in ("registry.example", "docker.io/library/alpine:3"):
        with engine({}, (200, '{"Status":"Login Succeeded"}')) as (context, seen):
            answer = ask(context, parse(name), ALICE, seconds=10)
        assert answer is not None
        assert answer.kind is Kind.OK
        assert b"POST /auth" in seen[-1]


def test_docker_hub_without_a_login() -> None:
    """A refusal of no login shows that the engine reaches Docker Hub, where public images need none."""
    words = json.dumps(
        {"message": "login attempt to https://registry-1.docker.io/v2/ failed with status: 401 Unauthorized"}
    )
    for credential, kind in ((ANONYMOUS, Kind.OK), (ALICE, Kind.REFUSED)):
        with engine({}, (500, words)) as (context, _):
            answer = ask(context, parse("alpine"), credential, seconds=10)
        assert answer is not None
        assert answer.kind is kind


def test_podman_behind_the_socket() -> None:
    """Podman's service pulls as podman does: its answer to docker's question is not docker's."""
    with engine({}, (404, "{}"), "Libpod-API-Version: 4.3.1") as (context, _):
        answer = ask(context, IMAGE, ALICE, seconds=10)
    assert answer is not None
    assert (answer.kind, "podman" in answer.words) == (Kind.NOT_ASKED, True)


def test_an_engine_that_repeats_the_secret() -> None:
    """What a registry says through the engine is not shown if it has the password in it."""
    with engine({}, (500, json.dumps({"message": "wonderland is wrong"}))) as (context, _):
        answer = ask(context, IMAGE, ALICE, seconds=10)
    assert answer is not None
    assert "wonderland" not in answer.words


def test_no_engine_and_no_time() -> None:
    """Without a socket there is nothing to ask; without time left nothing is sent."""
    with tempfile.TemporaryDirectory() as folder:
        far = LocalContext({"HOME": folder, "DOCKER_HOST": "ssh://build.example"})
        answer = ask(far, IMAGE, ALICE, seconds=10)
        assert answer is not None
        assert (answer.kind, "ssh://build.example" in answer.words) == (Kind.NOT_ASKED, True)
    with engine({}, (200, "{}")) as (context, seen):
        late = ask(context, IMAGE, ALICE, seconds=0)
    assert late is not None
    assert (late.kind, seen) == (Kind.NOT_ASKED, [])
