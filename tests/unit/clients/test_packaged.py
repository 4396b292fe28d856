"""The release of a client in a container: read from its package database, because nothing is run there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dict_context import DictContext
from e2e.programs import require, run
from shorepass.clients import find
from shorepass.clients.packaged import LIMIT, release_in_packages
from shorepass.clients.release import Release
from shorepass.errors import MalformedFile

DPKG = """Package: docker.io
Status: deinstall ok config-files
Version: 26.1.5+dfsg1-9

Package: docker-ce-cli
Status: install ok installed
Maintainer: someone
Version: 5:28.2.2-1~debian.12~bookworm
Description: a client
 Package: podman

Package: podman
Status: install ok installed
Version: 4.3.1+ds1-8+deb12u1+b1
"""
APK = "C:Q1x=\nP:docker-cli\nV:25.0.5-r1\nA:x86_64\n\nC:Q1y=\nP:skopeo\nV:1.14.4-r5\n"


@pytest.mark.parametrize(
    ("files", "program", "release"),
    [
        ({"/var/lib/dpkg/status": DPKG}, "docker", Release(28, 2, 2)),
        ({"/var/lib/dpkg/status": DPKG}, "podman", Release(4, 3, 1)),
        ({"/var/lib/dpkg/status": DPKG}, "skopeo", None),
        ({"/lib/apk/db/installed": APK}, "docker", Release(25, 0, 5)),
        ({"/usr/lib/apk/db/installed": APK}, "skopeo", Release(1, 14, 4)),
        (
            {"/var/lib/dpkg/status": "Package: docker.io\nStatus: deinstall ok config-files\nVersion: 1.2\n"},
            "docker",
            None,
        ),
        ({"/var/lib/dpkg/status": "Package: podman\nStatus: install ok installed\nVersion: soon\n"}, "podman", None),
        ({"/var/lib/dpkg/status": MalformedFile("/var/lib/dpkg/status", f"more than {LIMIT} bytes")}, "podman", None),
        ({}, "docker", None),
    ],
)
def test_release_in_a_database(files: dict[str, str | MalformedFile], program: str, release: Release | None) -> None:
    """The installed package that has the program counts, with its upstream numbers alone."""
    context = DictContext("docker:web", files, programs={f"/bin/{program}": ""})
    found = release_in_packages(context, program)
    assert (found.release if found else None) == release


class OfficialImage(DictContext):
    """A container of an official image, which has its program in /usr/local."""

    def which(self, program: str) -> str | None:
        return f"/usr/local/bin/{program}"

    def getenv(self, name: str) -> str | None:
        return "27.5.1" if name == "DOCKER_VERSION" else super().getenv(name)


def test_a_program_that_no_package_has() -> None:
    """A program in /usr/local is not the package's: the official image of docker tells its release by a variable."""
    context = OfficialImage("docker:web", {"/var/lib/dpkg/status": DPKG})
    assert release_in_packages(context, "podman") is None
    told = release_in_packages(context, "docker")
    assert told is not None
    assert told.release == Release(27, 5, 1)


def test_explain_names_the_database() -> None:
    """Or says that the newest rules count."""
    known = DictContext("docker:web", {"/var/lib/dpkg/status": DPKG}, programs={"/bin/docker": ""})
    step = find("docker").followed(known).step()
    assert (step.subject, step.detail) == ("docker 28.2.2", "as /var/lib/dpkg/status says")
    unknown = DictContext("docker:web", {}, programs={"/bin/docker": ""})
    assert "the newest rules known: no package there tells" in find("docker").followed(unknown).step().detail


@pytest.mark.parametrize(("program", "package"), [("docker", "docker.io"), ("podman", "podman")])
def test_the_database_of_this_machine(program: str, package: str) -> None:
    """What is read is what dpkg-query itself prints."""
    printed = run([require("dpkg-query"), "-W", "-f=${Version}", package]).stdout
    status = {"/var/lib/dpkg/status": Path("/var/lib/dpkg/status").read_text()}
    found = release_in_packages(DictContext("docker:web", status, programs={f"/bin/{program}": ""}), program)
    assert found is not None
    assert printed.startswith(str(found.release))
