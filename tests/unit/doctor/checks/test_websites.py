"""Keys that look right: the website of a provider instead of its registry, and a name with a blank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client_files import auth, lay_out
from shorepass.config.document import SIZE_LIMIT, load
from shorepass.doctor.checks import keys
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Finding
from shorepass.fixes.repair import Edit

LOGIN = auth("alice:pw")


def found(world: Path, config: object) -> list[Finding]:
    here = lay_out(world, {"home/.docker/config.json": json.dumps(config), "bin/docker": "#!/bin/sh\n"})
    return list(keys.check(Examination(here, here, clients=("docker", "podman"))))


@pytest.mark.parametrize(
    ("site", "key"),
    [
        ("hub.docker.com", "https://index.docker.io/v1/"),
        ("https://hub.docker.com/", "https://index.docker.io/v1/"),
        ("github.com", "ghcr.io"),
    ],
)
def test_a_login_for_a_website(tmp_path: Path, site: str, key: str) -> None:
    """No image comes from it; the fix moves the login to the registry."""
    (finding,) = found(tmp_path, {"auths": {site: LOGIN}})
    assert (finding.code, "is a website" in finding.cause) == ("SP302", True)
    assert isinstance(finding.repair, Edit)
    content = finding.repair.context.read(finding.repair.path, SIZE_LIMIT)
    assert content is not None
    data = finding.repair.edit(content)
    assert data is not None
    assert load(content._replace(data=data)) == {"auths": {key: LOGIN}}


def test_a_registry_that_is_a_website_too(tmp_path: Path) -> None:
    """gitlab.com is also the registry of its dependency proxy, and quay.io has both under one name."""
    assert found(tmp_path, {"auths": {"gitlab.com": LOGIN, "quay.io": LOGIN}}) == []


def test_a_key_with_a_blank(tmp_path: Path) -> None:
    """It looks like the right one in print, and is never used; the fix removes the blank."""
    (finding,) = found(tmp_path, {"auths": {"reg.io ": LOGIN}})
    assert (finding.code, "begins or ends with a blank" in finding.cause) == ("SP302", True)
    assert isinstance(finding.repair, Edit)
    content = finding.repair.context.read(finding.repair.path, SIZE_LIMIT)
    assert content is not None
    data = finding.repair.edit(content)
    assert data is not None
    assert load(content._replace(data=data)) == {"auths": {"reg.io": LOGIN}}
