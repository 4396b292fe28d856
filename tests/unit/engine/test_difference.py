"""What an engine lacks that this shell has, where no real engine of the tests can show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.engine.difference import Cause, difference, route_difference
from shorepass.engine.info import EngineInfo
from shorepass.engine.known_errors import Kind
from shorepass.engine.question import EngineAnswer

UNKNOWN = EngineAnswer("docker", Kind.AUTHORITY, "x509: certificate signed by unknown authority")
PROXY = "http://proxy.example:3128"
pytestmark = pytest.mark.usefixtures("nothing_set")


def context(tmp_path: Path, **variables: str) -> LocalContext:
    return LocalContext({"HOME": str(tmp_path), **variables})


def test_docker_hub_has_no_folder_of_certificates(tmp_path: Path) -> None:
    """There is none to read for Docker Hub: an authority must be the system's, and the engine starts again."""
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("-----BEGIN CERTIFICATE-----")
    here = context(tmp_path, SSL_CERT_FILE=str(bundle))
    found = difference(here, "docker", "docker.io", UNKNOWN)
    assert found.cause is Cause.TRUST
    assert "certs.d" not in found.advice
    assert found.advice.endswith("sudo update-ca-certificates && sudo systemctl restart docker")
    assert "certs.d/registry.example" in difference(here, "docker", "registry.example", UNKNOWN).advice


def test_docker_desktop_hides_its_proxies(tmp_path: Path) -> None:
    """Docker Desktop reports its own proxy, whatever is behind it: that is no difference."""
    own = "http://http.docker.internal:3128"
    desktop = EngineInfo("docker-desktop", proxies=(("HTTPS_PROXY", own),))
    assert route_difference(context(tmp_path), "registry.example", desktop) is None
    found = route_difference(context(tmp_path, HTTPS_PROXY=PROXY), "registry.example", EngineInfo())
    assert found is not None
    assert found.cause is Cause.PROXY


def test_a_password_in_a_proxy_is_not_shown(tmp_path: Path) -> None:
    """Neither the sentence nor the command has it."""
    here = context(tmp_path, HTTPS_PROXY="http://alice:wonderland@proxy.example:3128")
    found = route_difference(here, "registry.example", EngineInfo())
    assert found is not None
    assert "wonderland" not in repr(found)
    assert PROXY in found.text


def test_an_engine_on_another_machine(tmp_path: Path) -> None:
    """A restart does not help there: that machine must know the name."""
    lost = EngineAnswer("docker", Kind.NAME, "dial tcp: lookup registry.example: no such host")
    far = difference(context(tmp_path), "docker", "registry.example", lost._replace(info=EngineInfo("build-vm")))
    near_info = EngineInfo(LocalContext.host_name())
    near = difference(context(tmp_path), "docker", "registry.example", lost._replace(info=near_info))
    assert far.cause is near.cause is Cause.REACH
    assert ("build-vm" in far.advice, near.advice) == (True, "sudo systemctl restart docker")
