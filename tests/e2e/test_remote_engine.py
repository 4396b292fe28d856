"""An engine behind a TCP port is asked as docker asks it: in plain text on this machine, and over TLS."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from cases.image import put_image
from client_files import auth
from e2e import programs
from e2e.doctor import Program, found
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

BY_ENGINE = "the registry accepts it, asked by the engine"


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sp-") as name:  # the path of a socket has at most 108 bytes
        yield Path(name)


@pytest.fixture
def image(home: Path) -> Iterator[str]:
    """An image, and alice's login for its registry."""
    with Registry(users={"alice": "wonderland"}) as registry:
        put_image(registry, "team/app")
        (home / ".docker").mkdir()
        config = home / ".docker/config.json"
        config.touch(0o600)
        config.write_text(json.dumps({"auths": {registry.host: auth("alice:wonderland")}}))
        yield f"{registry.host}/team/app:1"


def test_a_port_in_plain_text(
    docker: Program, run_shorepass: RunShorepass, image: str, port: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker pulls through it, and explain has its answer; without an engine there, the reason is named."""
    address = f"tcp://127.0.0.1:{port}"
    monkeypatch.setenv("DOCKER_HOST", address)
    with programs.docker_daemon(folder, flags=("-H", address, "--tls=false")):
        assert docker("pull", image).returncode == 0
        done = run_shorepass("explain", image)
        assert (done.status, BY_ENGINE in done.stdout) == (0, True)
        assert found(run_shorepass("doctor", "--json", "--client", "docker", image), notes=True) == []
    said = run_shorepass("explain", image).stdout
    assert f"the engine was not asked: {address}: connection refused" in said


def test_a_port_with_tls(
    docker: Program,
    run_shorepass: RunShorepass,
    image: str,
    port: int,
    folder: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By DOCKER_CERT_PATH and by a docker context; without the client's certificate neither docker nor Shorepass is let in."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, before in (("127.0.0.1", "server-"), ("client", "")):
        mine = authority.issue_cert(name)
        mine.private_key_pem.write_to_path(folder / f"{before}key.pem")
        (folder / f"{before}cert.pem").write_bytes(b"".join(pem.bytes() for pem in mine.cert_chain_pems))
    address = f"tcp://127.0.0.1:{port}"
    pair = ("--tlscert", str(folder / "server-cert.pem"), "--tlskey", str(folder / "server-key.pem"))
    flags = ("-H", address, "--tlsverify", "--tlscacert", str(folder / "ca.pem"), *pair)
    with programs.docker_daemon(folder, flags=flags):
        with monkeypatch.context() as variables:
            variables.setenv("DOCKER_HOST", address)
            variables.setenv("DOCKER_TLS_VERIFY", "1")
            variables.setenv("DOCKER_CERT_PATH", str(folder))
            assert docker("pull", image).returncode == 0
            assert BY_ENGINE in run_shorepass("explain", image).stdout
            (home / "bare").mkdir()
            shutil.copy(folder / "ca.pem", home / "bare/ca.pem")
            variables.setenv("DOCKER_CERT_PATH", str(home / "bare"))
            assert docker("pull", image).returncode != 0
            assert "the engine was not asked" in run_shorepass("explain", image).stdout
        monkeypatch.delenv("DOCKER_HOST")
        files = f"ca={folder}/ca.pem,cert={folder}/cert.pem,key={folder}/key.pem"
        assert docker("context", "create", "far", "--docker", f"host={address},{files}").returncode == 0
        assert docker("context", "use", "far").returncode == 0
        assert docker("pull", image).returncode == 0
        said = run_shorepass("explain", image).stdout
        assert f"{BY_ENGINE} (docker context far)" in said


def test_no_login_goes_to_another_machine_in_plain_text(
    run_shorepass: RunShorepass, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is named; ssh is named, too, and not asked."""
    for address, why in (
        ("tcp://192.0.2.9:2375", "Shorepass sends no login to another machine without TLS"),
        ("ssh://build.example", "Shorepass does not connect to it"),
    ):
        monkeypatch.setenv("DOCKER_HOST", address)
        assert f"the engine was not asked: {address}: {why}" in run_shorepass("explain", image).stdout
