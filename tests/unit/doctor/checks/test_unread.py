"""Keys and fields that no client reads, and logins for another registry of the provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from client_files import auth, helper, lay_out
from shorepass.config.document import SIZE_LIMIT, load
from shorepass.doctor.checks import unread
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Finding
from shorepass.fixes.repair import Advice, Edit
from shorepass.names import parse
from shorepass.registry.providers import login_command, neighbour

LOGIN = auth("alice:pw")
FILE = "home/.docker/config.json"
AUTH_JSON = "home/.config/containers/auth.json"
LISTS_A_NEIGHBOUR = """[ "$1" = list ] && { echo '{"us-docker.pkg.dev":"a"}'; exit; }"""
TEAM = {"bin/docker-credential-team": helper("{}"), "bin/docker": "#!/bin/sh\n"}


def found(world: Path, config: dict[str, Any], image: str = "", *, file: str = FILE) -> list[Finding]:
    here = lay_out(world, {file: json.dumps(config), **TEAM})
    asked = parse(image) if image else None
    return list(unread.check(Examination(here, here, reference=asked, clients=("docker", "podman"))))


def fixed(world: Path, config: dict[str, Any], image: str = "", *, file: str = FILE) -> dict[str, Any]:
    """Return the file after the first fix, which leaves nothing to find."""
    first, *_ = found(world, config, image, file=file)
    assert isinstance(first.repair, Edit)
    content = first.repair.context.read(first.repair.path, SIZE_LIMIT)
    data = first.repair.edit(content)
    assert content is not None
    assert data is not None
    result = load(content._replace(data=data))
    assert found(world, result, image, file=file) == []
    return result


@pytest.mark.parametrize("key", ["https://ghcr.io", "ghcr.io/acme", "GHCR.IO", "ghcr.io:443", "http://ghcr.io/v2/"])
def test_a_helper_under_a_key_that_is_never_looked_up(tmp_path: Path, key: str) -> None:
    """A scheme, a path, capitals and a default port are not in the key that docker looks for."""
    assert fixed(tmp_path, {"credHelpers": {key: "team"}}) == {"credHelpers": {"ghcr.io": "team"}}


@pytest.mark.parametrize("key", ["ghcr.io", "localhost:5000", "https://index.docker.io/v1/"])
def test_a_key_that_docker_looks_up(tmp_path: Path, key: str) -> None:
    """The right keys are no finding."""
    assert found(tmp_path, {"credHelpers": {key: "team"}}) == []


def test_a_key_that_another_client_uses_stays(tmp_path: Path) -> None:
    """Podman looks for docker.io, and docker for the address of its index: after the fix, both have their key."""
    keys = {"docker.io": "team", "https://index.docker.io/v1/": "team"}
    assert fixed(tmp_path, {"credHelpers": {"docker.io": "team"}}) == {"credHelpers": keys}


def test_a_key_beside_a_store_of_the_same_helper(tmp_path: Path) -> None:
    """Docker asks that helper by its store anyway, as in the file of ``shorepass run``."""
    assert found(tmp_path, {"credHelpers": {"docker.io": "team"}, "credsStore": "team"}) == []
    assert len(found(tmp_path, {"credHelpers": {"docker.io": "team"}, "credsStore": "other"})) == 1


def test_a_pattern_becomes_the_registry_that_is_asked_for(tmp_path: Path) -> None:
    """Only the kubelet knows patterns; without an image, nobody knows which registry is meant."""
    config = {"credHelpers": {"*.azurecr.io": "team"}}
    (finding,) = found(tmp_path, config)
    assert isinstance(finding.repair, Advice)
    assert fixed(tmp_path, config, "acme.azurecr.io/app") == {"credHelpers": {"acme.azurecr.io": "team"}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"credStore": "team"}, {"credsStore": "team"}),
        ({"credentialHelpers": {"a.io": "team"}}, {"credHelpers": {"a.io": "team"}}),
        ({"cred_helpers": {"a.io": "team"}}, {"credHelpers": {"a.io": "team"}}),
        ({"auth": {"a.io": LOGIN}, "auths": {"b.io": LOGIN}}, {"auths": {"a.io": LOGIN, "b.io": LOGIN}}),
        ({"a.io": LOGIN}, {"auths": {"a.io": LOGIN}}),
    ],
)
def test_a_field_that_no_client_reads(tmp_path: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    """A wrong name, and a login beside auths, are put right; what was there stays."""
    assert fixed(tmp_path, before) == after


@pytest.mark.parametrize(
    "config",
    [{"credhelpers": {"a.io": "team"}}, {"HttpHeaders": {"a": "b"}}, {"authz": "x"}, {"credStore": ""}, {"x.io": {}}],
)
def test_other_fields(tmp_path: Path, config: dict[str, Any]) -> None:
    """Capitals do not count, and a field that holds no login is nobody's business."""
    assert found(tmp_path, config) == []


def test_podman_reads_no_creds_store(tmp_path: Path) -> None:
    """In podman's own file, a helper is named for each registry."""
    assert fixed(tmp_path, {"credsStore": "team"}, file=AUTH_JSON) == {"credHelpers": {"h.io": "team"}}


@pytest.mark.parametrize(
    ("registry", "other", "difference"),
    [
        (
            "1" * 12 + ".dkr.ecr.eu-west-1.amazonaws.com",
            "1" * 12 + ".dkr.ecr.us-east-1.amazonaws.com",
            "another region",
        ),
        (
            "1" * 12 + ".dkr.ecr.eu-west-1.amazonaws.com",
            "2" * 12 + ".dkr.ecr.eu-west-1.amazonaws.com",
            "another account",
        ),
        ("europe-docker.pkg.dev", "gcr.io", "another registry"),
        ("europe-docker.pkg.dev", "us-docker.pkg.dev", "another location"),
        ("one.azurecr.io", "two.azurecr.io", "another registry"),
    ],
)
def test_registries_of_one_provider(registry: str, other: str, difference: str) -> None:
    """What differs is named."""
    near = neighbour(registry, other)
    assert near is not None
    assert near.difference == difference


def test_registries_of_two_providers() -> None:
    """Others have nothing in common, and need a usual login."""
    assert neighbour("ghcr.io", "quay.io") is None
    assert neighbour("quay.io", "quay.io") is None
    assert login_command("quay.io", "docker") == ""


def test_a_helper_of_a_neighbour_is_named_for_this_registry_too(tmp_path: Path) -> None:
    """One helper of a provider serves all of its registries."""
    config = {"credHelpers": {"us-docker.pkg.dev": "team"}}
    both = {"us-docker.pkg.dev": "team", "europe-docker.pkg.dev": "team"}
    none = f"#!/bin/sh\n{LISTS_A_NEIGHBOUR}\necho credentials not found in native keychain\nexit 1\n"
    here = lay_out(tmp_path, {FILE: json.dumps(config), **TEAM, "bin/docker-credential-team": none})
    examination = Examination(here, here, reference=parse("europe-docker.pkg.dev/a/b"), clients=("docker",))
    (finding,) = unread.check(examination)
    assert finding.code == "SP309"
    assert isinstance(finding.repair, Edit)
    data = finding.repair.edit(here.read(finding.repair.path, SIZE_LIMIT))
    assert data is not None
    assert json.loads(data) == {"credHelpers": both}
