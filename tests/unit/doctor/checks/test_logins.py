"""What doctor makes of stored logins: cases that need no real program, each program's own rule being tested elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from client_files import auth, lay_out
from dict_context import DictContext
from shorepass.contexts import FileContent
from shorepass.contexts.local import LocalContext
from shorepass.doctor import examine
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.fixes.repair import Advice, Edit
from shorepass.names import parse, registry_meant
from shorepass.registry.client import Access
from shorepass.testing import Registry

CONFIG = "home/.docker/config.json"
PODMAN = "run/containers/auth.json"
HUB = "https://index.docker.io/v1/"
BOTH = ("docker", "podman")


def logins(*keys: str, user: str = "alice:hunter2") -> str:
    return json.dumps({"auths": {key: auth(user) for key in keys}})


def findings(
    context: LocalContext, *, clients: tuple[str, ...] = BOTH, image: str = "", access: Access | None = None
) -> list[Finding]:
    reference = parse(image) if image else None
    return examine(Examination(context, context, reference=reference, access=access, clients=clients))


def codes(found: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in found]


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://GHCR.IO/v1/", "ghcr.io"),
        ("https://ghcr.io:443", "ghcr.io"),
        ("http://ghcr.io:80", "ghcr.io"),
        ("http://ghcr.io:443", "ghcr.io:443"),
        ("ghcr.io:80", "ghcr.io:80"),
        ("[::1]:443", "[::1]"),
        (HUB, "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_what_a_key_means(key: str, registry: str) -> None:
    """A person means a registry whatever its spelling; only a port that the scheme does not have anyway makes another."""
    assert registry_meant(key) == registry


def test_a_namespace_in_dockers_file(world: Path) -> None:
    """Podman has a login for a part of Docker Hub in docker's file: docker never uses it, and renamed it would be for all."""
    (finding,) = findings(lay_out(world, {CONFIG: logins("docker.io/team")}))
    assert (finding.code, type(finding.repair)) == ("SP302", Advice)
    assert "podman uses it" in finding.evidence


def test_a_left_over_that_podman_takes(world: Path) -> None:
    """Docker takes one key and podman the other: neither is left over, and --fix takes none out."""
    text = json.dumps({"auths": {HUB: auth("alice:pw"), "docker.io": auth("bob:pw")}})
    found = findings(lay_out(world, {CONFIG: text}))
    assert codes(found) == ["SP302", "SP305"]
    assert {finding.severity for finding in found} == {Severity.NOTE}
    assert not any(isinstance(finding.repair, Edit) for finding in found)


def test_an_edit_that_came_too_late(world: Path) -> None:
    """Where somebody has logged in under the right key meanwhile, nothing is renamed."""
    context = lay_out(world, {CONFIG: logins("docker.io")})
    (finding,) = findings(context, clients=("docker",))
    assert isinstance(finding.repair, Edit)
    lay_out(world, {CONFIG: logins("docker.io", HUB)})
    before = (world / CONFIG).read_bytes()
    assert not context.update(finding.repair.path, finding.repair.edit)
    assert (world / CONFIG).read_bytes() == before


def test_a_password_in_a_key(world: Path) -> None:
    """A key with user info may hold a password: no finding shows it, nor its preview."""
    from shorepass.fixes.preview import preview

    key = "https://bob:s3cr3t@reg.example:443"
    context = lay_out(world, {CONFIG: logins(key), PODMAN: logins("bob:s3cr3t@reg.example")})
    found = findings(context)
    assert "SP302" in codes(found)
    shown = [repr(finding) + preview(finding.repair) for finding in found if finding.repair]
    assert not any("s3cr3t" in text or "hunter2" in text for text in shown)


LOGGING = """#!/bin/sh
echo $1 >> {}/asked
read -r url
case $1 in list) echo '{{"reg.example":"alice"}}';; *) exit 1;; esac
"""


def test_helpers_are_asked_for_no_secret(world: Path) -> None:
    """Without a registry to ask, and with one login of one meaning, a helper lists and gives nothing: no window opens."""
    config = json.dumps({"auths": {"reg.example": {}}, "credsStore": "log"})
    findings(lay_out(world, {CONFIG: config, "bin/docker-credential-log": LOGGING.format(world)}))
    assert set((world / "asked").read_text().split()) == {"list"}


def test_nothing_runs_where_nothing_may() -> None:
    """In a container nothing is run to look, whatever its files name, and what helpers hold is not made a finding."""

    class Untouched(DictContext):
        def run(self, argv: Any, stdin: bytes, *, timeout: float, limit: int) -> Any:  # noqa: ARG002
            raise AssertionError(argv)

        def with_env(self, **variables: str) -> Untouched:  # noqa: ARG002
            return self

    document = {"auths": {"reg.example": {}}, "credsStore": "pass", "credHelpers": {"other.example": "gcloud"}}
    programs = dict.fromkeys(("/bin/docker", "/bin/docker-credential-pass", "/bin/docker-credential-gcloud"), "")
    context = Untouched("docker:web", {"/home/you/.docker/config.json": json.dumps(document)}, programs=programs)
    assert [finding for finding in findings(context) if finding.code >= "SP300"] == []


def test_ten_thousand_logins(world: Path) -> None:
    """The file is read a few times, not once for each login."""

    class Counting(LocalContext):
        reads = 0

        def read(self, path: str, limit: int) -> FileContent | None:
            Counting.reads += 1
            return super().read(path, limit)

        def with_env(self, **variables: str) -> Counting:  # noqa: ARG002
            return self

    lay_out(world, {CONFIG: logins(*(f"reg{number}.example" for number in range(10000)))})
    context = Counting({"HOME": str(world / "home"), "PATH": "/nowhere", "XDG_RUNTIME_DIR": str(world / "run")})
    assert findings(context) == []
    assert Counting.reads < 100


# Registries


def test_a_refused_login_is_sent_once(world: Path) -> None:
    """One password under several keys and for two clients is one question; a second one is another."""
    with Registry(users={"alice": "right"}) as registry:
        text = json.dumps(
            {"auths": {registry.host: auth("alice:wrong"), f"https://{registry.host}": auth("alice:wrong")}}
        )
        context = lay_out(world, {CONFIG: text})
        assert codes(findings(context, access=Access())) == ["SP501"]
        sent = [request for request in registry.requests if request.authorization]
        assert len(sent) == 1
        lay_out(world, {PODMAN: logins(registry.host, user="alice:other")})
        assert codes(findings(context, access=Access())) == ["SP501", "SP305"]
        assert len([request for request in registry.requests if request.authorization]) == 3


def test_a_login_that_cannot_be_sent(world: Path) -> None:
    """A user name with a line end in it cannot be sent: that is a finding, not a failure."""
    with Registry(users={"alice": "right"}) as registry:
        context = lay_out(world, {CONFIG: logins(registry.host, user="ali\nce:right")})
        (finding,) = findings(context, access=Access())
    assert finding.code == "SP511"
    assert "\n" not in finding.cause


def test_a_proxy_that_is_no_url(world: Path) -> None:
    """A broken HTTPS_PROXY is a finding, too."""
    context = lay_out(world, {CONFIG: logins("reg.example")}, HTTPS_PROXY="ftp://nowhere")
    assert codes(findings(context, access=Access(timeout=60))) == ["SP511"]


def test_without_access_no_registry_is_asked(world: Path) -> None:
    """No access, no request: not even an anonymous one."""
    with Registry(users={"alice": "right"}) as registry:
        context = lay_out(world, {CONFIG: logins(registry.host)})
        assert findings(context, image=f"{registry.host}/team/app") == []
        assert registry.requests == []


def test_the_worst_of_several_counts() -> None:
    """What two clients meet alike is one finding, as bad as the worse, with the evidence of both."""
    note = Finding("SP1", Severity.NOTE, "me", "x", "a note", ("one", "two"))
    error = Finding("SP1", Severity.ERROR, "me", "x", "an error", ("two", "three"))
    other = Finding("SP1", Severity.NOTE, "me", "y", "another")
    assert merged([note, error, other]) == [error._replace(evidence=("one", "two", "three")), other]


# Variables


@pytest.mark.parametrize("text", ["{", '{"auths": 1}'])
def test_a_named_file_that_is_broken_is_there(world: Path, text: str) -> None:
    """REGISTRY_AUTH_FILE names a broken file: other checks say so, and nobody says that it is not there."""
    files = {"named.json": text, "bin/podman": ""}
    found = findings(lay_out(world, files, REGISTRY_AUTH_FILE="{}/named.json"))
    assert "SP401" not in codes(found)
    assert found


def test_a_folder_that_is_not_there_is_no_trouble_by_itself(world: Path) -> None:
    """DOCKER_CONFIG names a folder that docker login would make, and hides nothing: a note."""
    (finding,) = findings(lay_out(world, {"bin/docker": ""}, DOCKER_CONFIG="{}/new"), clients=("docker",))
    assert (finding.code, finding.severity) == ("SP401", Severity.NOTE)
