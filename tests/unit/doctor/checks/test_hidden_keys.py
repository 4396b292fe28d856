"""Two keys of one registry with different logins: one of the two is never used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client_files import auth, lay_out
from shorepass.doctor.checks import keys
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Finding, Severity

JENKINS = {"JENKINS_HOME": "/var/jenkins_home", "WORKSPACE": "/var/jenkins_home/workspace/a"}


def found(world: Path, auths: object, **variables: str) -> list[Finding]:
    files = {"home/.docker/config.json": json.dumps({"auths": auths}), "bin/docker": "#!/bin/sh\n"}
    here = lay_out(world, files).with_env(**variables)
    return [one for one in keys.check(Examination(here, here, clients=("docker",))) if one.code == "SP311"]


def test_a_key_of_jenkins_beside_that_of_docker(tmp_path: Path) -> None:
    """Docker uses the name alone, which a login in a shell left; in a job of Jenkins, its plugins are named."""
    auths = {"reg.io": auth("alice:old"), "https://reg.io": auth("alice:new")}
    (finding,) = found(tmp_path, auths, **JENKINS)
    assert (finding.severity, finding.subject.endswith(": https://reg.io")) == (Severity.NOTE, True)
    assert finding.cause == "docker uses the login under reg.io instead of this one"
    assert "plugins of Jenkins write keys with https://, and docker login those without" in finding.evidence


@pytest.mark.parametrize(
    "auths",
    [
        {"reg.io": auth("alice:same"), "https://reg.io": auth("alice:same")},
        {"https://reg.io": auth("alice:pw"), "other.io": auth("alice:old")},
        {"https://index.docker.io/v1/": auth("alice:pw"), "reg.io": auth("bob:pw")},
    ],
    ids=["equal", "other", "hub"],
)
def test_keys_that_hide_nothing(tmp_path: Path, auths: object) -> None:
    """Equal logins, and logins for other registries."""
    assert found(tmp_path, auths) == []
