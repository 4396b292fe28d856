"""What registries refuse: the real program fails first, then doctor names the cause, then its repair helps."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cases.image import put_image
from e2e import programs
from e2e.doctor import Doctor, Program, found, log_in, one
from e2e.token_server import TokenServer, token_registry
from shorepass.testing import Failure, Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

REFUSAL = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
TOO_MANY = Failure(429, REFUSAL, (("Retry-After", "120"), ("Content-Type", "application/json")))


@pytest.fixture
def tokens(users: dict[str, str]) -> TokenServer:
    """Alice may pull and push team/app, bob may pull it, strangers may pull open/app."""
    grants = {"alice": {"team/app": "pull,push", "open/app": "pull,push"}, "bob": {"team/app": "pull"}}
    return TokenServer(users, {**grants, "": {"open/app": "pull"}})


@pytest.fixture
def registry_of_tokens(tokens: TokenServer, tmp_path: Path) -> Iterator[str]:
    with token_registry(tmp_path, tokens) as name:
        yield name


@pytest.fixture
def images(docker: Program, busybox_image: str, users: dict[str, str], registry_of_tokens: str) -> Iterator[list[str]]:
    """Two images in the registry: a private one, and one for everybody."""
    names = [f"{registry_of_tokens}/{repository}:1" for repository in ("team/app", "open/app")]
    log_in(docker, registry_of_tokens, "alice", users["alice"])
    for name in names:
        assert docker("tag", busybox_image, name).returncode == 0
        pushed = docker("push", name)
        assert pushed.returncode == 0, pushed.stderr
        docker("rmi", name)
    assert docker("logout", registry_of_tokens).returncode == 0
    yield names
    docker("rmi", *names)


def test_a_refused_login(doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str]) -> None:
    """SP501: the password was changed; docker is refused, and after the login that doctor advises it is not."""
    image, registry = images[0], images[0].partition("/")[0]
    log_in(docker, registry, "alice", tokens.users["alice"])
    tokens.users = {"alice": "another password"}
    assert "unauthorized" in docker("pull", image).stderr
    for words in ([image], ["--check"]):
        tokens.requests.clear()
        finding = one(doctor(*words))
        assert (finding["code"], finding["subject"]) == ("SP501", registry)
        sent = [fields for _, fields in tokens.requests if "account" in fields]
        assert len(sent) == 1  # for docker and for podman: accounts get locked
    assert found(doctor()) == []  # without --check no registry is asked
    log_in(docker, registry, "alice", tokens.users["alice"])
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []


def test_a_refused_identity_token(doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str]) -> None:
    """SP501: so it is with an identity token that was revoked."""
    image, registry = images[0], images[0].partition("/")[0]
    tokens.identity_tokens = True
    log_in(docker, registry, "alice", tokens.users["alice"])
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []
    docker("rmi", image)
    tokens.refresh_tokens.clear()
    assert docker("pull", image).returncode != 0
    assert one(doctor(image))["code"] == "SP501"
    log_in(docker, registry, "alice", tokens.users["alice"])
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []


def test_no_permission(doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str]) -> None:
    """SP502: bob may pull and not push; doctor names what is granted and what is missing."""
    image, registry = images[0], images[0].partition("/")[0]
    log_in(docker, registry, "bob", tokens.users["bob"])
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []
    denied = docker("push", image)
    assert denied.returncode != 0
    finding = one(doctor("--push", image))
    assert (finding["code"], finding["subject"]) == ("SP502", image.removesuffix(":1"))
    assert {"granted: pull", "missing: push"} <= set(finding["evidence"])
    log_in(docker, registry, "alice", tokens.users["alice"])
    assert docker("push", image).returncode == 0
    assert found(doctor("--push", image)) == []


def test_a_login_breaks_a_public_image(
    doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str], run_shorepass: RunShorepass
) -> None:
    """SP503: a token server refuses bad credentials even for what is public; after the logout the pull works."""
    _, image = images
    registry = image.partition("/")[0]
    assert docker("pull", image).returncode == 0
    docker("rmi", image)
    log_in(docker, registry, "bob", tokens.users["bob"])
    tokens.users = {"alice": tokens.users["alice"]}
    assert docker("pull", image).returncode != 0
    finding = one(doctor(image, client="docker"))
    assert (finding["code"], finding["subject"]) == ("SP503", image.removesuffix(":1"))
    program, *words = finding["fix"]["text"].split()
    assert (program, run_shorepass(*words).status) == ("shorepass", 0)
    assert docker("pull", image).returncode == 0
    assert found(doctor(image, client="docker")) == []


def test_too_many_requests(doctor: Doctor, docker: Program) -> None:
    """SP504: docker pull fails with toomanyrequests, and doctor passes on when to try again."""
    with Registry() as registry:
        image = f"{registry.host}/team/app:1"
        registry.fail("/v2/team/app/", TOO_MANY, times=100)
        assert "toomanyrequests" in docker("pull", image).stderr.lower()
        finding = one(doctor(image))
        assert (finding["code"], finding["subject"]) == ("SP504", registry.host)
        assert "120" in finding["fix"]["text"]
    with Registry() as registry:
        assert "toomanyrequests" not in docker("pull", f"{registry.host}/team/app:1").stderr.lower()
        assert found(doctor(f"{registry.host}/team/app:1")) == []


def test_no_pull_is_left(doctor: Doctor, docker: Program) -> None:
    """SP504: a look at a manifest is not billed, and tells that the next pull will fail, as docker's does."""
    left = (("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", "0;w=21600"))
    kind = ("Content-Type", "application/vnd.oci.image.manifest.v1+json")
    digest = ("Docker-Content-Digest", f"sha256:{'0' * 64}")
    with Registry() as registry:
        image = f"{registry.host}/team/app:1"
        registry.fail("/v2/team/app/", Failure(200, b"{}", (*left, kind, digest)), method="HEAD", times=100)
        registry.fail("/v2/team/app/", TOO_MANY, method="GET", times=100)
        assert "toomanyrequests" in docker("pull", image).stderr.lower()
        finding = one(doctor(image))
        assert (finding["code"], finding["subject"]) == ("SP504", registry.host)
        assert "no pull is left: 100 are allowed in 6 hours" in finding["evidence"]


def test_our_own_clock(
    doctor: Doctor, docker: Program, images: list[str], users: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SP505: where this machine's clock is wrong, a warning says by how much, although everything still works."""
    log_in(docker, images[0].partition("/")[0], "alice", users["alice"])
    told = programs.run([programs.require("faketime"), "-f", "-2h", "env"]).stdout.splitlines()
    for name, _, value in (line.partition("=") for line in told if "FAKETIME" in line or "LD_PRELOAD" in line):
        monkeypatch.setenv(name, value)
    assert docker("pull", images[0]).returncode == 0
    finding = one(doctor(images[0]))
    assert (finding["code"], finding["severity"]) == ("SP505", "warning")
    assert finding["cause"] == "this machine's clock is 2 hours behind the registry's"
    monkeypatch.delenv("LD_PRELOAD")
    assert found(doctor(images[0])) == []


@pytest.mark.parametrize(("member", "form"), [("exp", "e30.{}.c2ln"), ("expiration", "{}")], ids=["JWT", "Amazon ECR"])
def test_an_expired_password(
    doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str], member: str, form: str
) -> None:
    """SP501: a password that says itself when it ends, as a CI job's does: found without a question to anybody."""
    image, registry = images[0], images[0].partition("/")[0]
    said = json.dumps({"payload": "...", "version": "2", member: int(time.time()) - 60})
    password = form.format(base64.urlsafe_b64encode(said.encode()).decode().rstrip("="))
    tokens.users = {"alice": password}
    log_in(docker, registry, "alice", tokens.users["alice"])
    tokens.users = {"alice": "the next one"}
    assert docker("pull", image).returncode != 0
    tokens.requests.clear()
    for words in ((), (image,), ("--check",)):
        done = doctor(*words)
        assert (one(done)["code"], password in done.stdout, tokens.requests) == ("SP501", False, [])
    log_in(docker, registry, "alice", tokens.users["alice"])
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []


def test_the_token_servers_clock(doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str]) -> None:
    """SP505: docker-registry refuses a token that is not valid yet; with the clock set right all is well."""
    image, registry = images[0], images[0].partition("/")[0]
    log_in(docker, registry, "alice", tokens.users["alice"])
    for seconds, words in ((7200, "2 hours ahead of"), (-7200, "2 hours behind")):
        tokens.clock = seconds
        assert docker("pull", image).returncode != 0
        for asked in ([image], ["--check"]):
            finding = one(doctor(*asked))
            assert (finding["code"], finding["severity"], finding["subject"]) == ("SP505", "error", registry)
            assert words in finding["cause"]
    tokens.clock = 0
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []


def test_a_foreign_realm(doctor: Doctor, docker: Program, users: dict[str, str], tmp_path: Path) -> None:
    """SP506: docker sends the password to a token server on another host; doctor warns, and sends nothing."""
    tokens = TokenServer(users, {}, address="127.0.0.2")
    with token_registry(tmp_path, tokens) as registry:
        log_in(docker, registry, "alice", users["alice"])
        assert any("account" in fields for _, fields in tokens.requests)
        tokens.requests.clear()
        finding = one(doctor("--check"))
        assert (finding["code"], finding["severity"], finding["subject"]) == ("SP506", "warning", registry)
        assert "127.0.0.2" in " ".join(finding["evidence"])
        assert tokens.requests == []
        trusted = finding["fix"]["text"].rpartition("--trust-realm ")[2]
        assert found(doctor("--check", "--trust-realm", trusted)) == []


def test_nobody_is_logged_in(doctor: Doctor, docker: Program, tokens: TokenServer, images: list[str]) -> None:
    """SP510: a private image, and no login; a public one needs none."""
    image, registry = images[0], images[0].partition("/")[0]
    assert docker("pull", image).returncode != 0
    assert (one(doctor(image))["code"], found(doctor(images[1]))) == ("SP510", [])
    log_in(docker, registry, "bob", tokens.users["bob"])
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []


def test_no_registry_answers(doctor: Doctor, docker: Program) -> None:
    """SP511: nothing listens on the port; later something does."""
    with Registry() as registry:
        image, port = f"{registry.host}/team/app:1", registry.port
    assert "refused" in docker("pull", image).stderr
    assert (one(doctor(image))["code"], found(doctor())) == ("SP511", [])
    with Registry(port=port):
        assert "refused" not in docker("pull", image).stderr
        assert found(doctor(image)) == []


@pytest.mark.parametrize(
    ("secret", "answer"),
    [("wonderland", "by the engine (docker): it works"), ("changed", "incorrect username or password")],
)
def test_a_fix_is_confirmed_by_who_pulls(
    docker: Program, run_shorepass: RunShorepass, home: Path, secret: str, answer: str
) -> None:
    """With --check, the registry is asked again after a fix, by the engine; a problem that shows then is printed, too."""
    is_wrong = secret == "changed"
    with Registry(users={"alice": "wonderland"}) as registry:
        put_image(registry, "team/app")
        (home / ".docker").mkdir()
        config = home / ".docker/config.json"
        config.touch(0o600)
        config.write_text(json.dumps({"auths": {registry.host: {"auth": f"alice:{secret}"}}}))
        assert docker("pull", f"{registry.host}/team/app:1").returncode != 0
        done = run_shorepass("doctor", "--client", "docker", "--fix", "--yes", "--check")
        assert (done.status, "\nfixed" in done.stdout) == (int(is_wrong), True)
        assert answer in done.stdout.rpartition(f"asked again: {registry.host}, ")[2]
        assert ("SP501" in done.stdout.rpartition("\nfixed")[2]) is is_wrong
        assert (docker("pull", f"{registry.host}/team/app:1").returncode != 0) is is_wrong
