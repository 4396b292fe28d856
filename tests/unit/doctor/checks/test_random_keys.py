"""One file with several keys for a registry, read by two families: one finding, whose fix helps both."""

from __future__ import annotations

import json
from pathlib import Path

from client_files import auth, lay_out
from shorepass.doctor.checks import keys
from shorepass.doctor.examination import Examination
from shorepass.fixes.repair import Advice

FILE = "home/.docker/config.json"
LOGINS = {"http://reg.example": auth("alice:old"), "https://reg.example": auth("alice:new")}


def test_the_owner_of_the_file_logs_in(tmp_path: Path) -> None:
    """Podman would store its login in another file, and docker would still toss a coin."""
    here = lay_out(tmp_path, {FILE: json.dumps({"auths": LOGINS})})
    (finding,) = keys.check(Examination(here, here, clients=("docker", "podman")))
    assert (finding.code, finding.subject) == ("SP306", "reg.example (docker)")
    assert isinstance(finding.repair, Advice)
    assert finding.repair.command.startswith("shorepass login --client docker reg.example ")


def test_a_file_that_only_one_family_reads(tmp_path: Path) -> None:
    """In podman's own file it is podman's."""
    here = lay_out(tmp_path, {"run/containers/auth.json": json.dumps({"auths": LOGINS})})
    (finding,) = keys.check(Examination(here, here, clients=("docker", "podman")))
    assert (finding.code, finding.subject) == ("SP306", "reg.example (podman)")
