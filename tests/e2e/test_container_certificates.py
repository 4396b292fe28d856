"""Certificates that a container names: they are the container's own files, and never files of the host at the same path."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from e2e.containers import ContainerEngine
from faults.test_hostile_contexts import AUTH, TlsServer

if TYPE_CHECKING:
    from conftest import Done, RunShorepass

FILES = ("ca.crt", "client.cert", "client.key")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that no system knows."""
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[TlsServer]:
    """A registry on loopback that remembers which client certificates it was shown."""
    found = TlsServer(authority)
    try:
        yield found
    finally:
        found.close()


def pair(authority: trustme.CA, common_name: str) -> dict[str, bytes]:
    """Return what a folder of certs.d holds: the authority, a client certificate and its key."""
    issued = authority.issue_cert(common_name=common_name)
    blobs = (authority.cert_pem, issued.cert_chain_pems[0], issued.private_key_pem)
    return {name: blob.bytes() for name, blob in zip(FILES, blobs, strict=True)}


def put(containers: ContainerEngine, name: str, path: str, data: bytes | str) -> None:
    """Write a file into a container, with its folders."""
    text = data if isinstance(data, str) else data.decode()
    line = 'mkdir -p "${1%/*}" && cat > "$1"'
    done = containers.execute(name, "sh", "-c", line, "sh", path, stdin=text)
    assert done.returncode == 0, done.stderr


def explain(containers: ContainerEngine, run: RunShorepass, name: str, server: TlsServer) -> Done:
    """Ask which login podman in the container would send to the server, and whether the server accepts it."""
    done = run("explain", "--client", "podman", "--in", f"docker:{name}", server.name, env=containers.leads)
    assert "Traceback" not in done.stderr
    return done


def test_certs_d_of_a_container_is_not_opened_on_the_host(
    docker_containers: ContainerEngine,
    run_shorepass: RunShorepass,
    authority: trustme.CA,
    server: TlsServer,
    tmp_path: Path,
) -> None:
    """A container chooses a HOME that the host has, too: the host's certificate there is shown to no server."""
    folder = tmp_path / "home" / ".config/containers/certs.d" / server.name
    folder.mkdir(parents=True)
    for name, data in pair(authority, "ROOTS-CERTIFICATE").items():
        (folder / name).write_bytes(data)
    home = str(tmp_path / "home")
    container = docker_containers.make(f"--env=HOME={home}")
    put(docker_containers, container, f"{home}/.docker/config.json", json.dumps(AUTH).replace("REGISTRY", server.name))
    own = pair(authority, "CONTAINERS-CERTIFICATE")
    for name, data in own.items():
        put(docker_containers, container, f"{folder}/{name}", data)
    explain(docker_containers, run_shorepass, container, server)
    assert "CONTAINERS-CERTIFICATE" in str(server.shown)
    assert "ROOTS-CERTIFICATE" not in str(server.shown)
    server.shown.clear()
    put(docker_containers, container, f"{folder}/client.key", "no key")
    done = explain(docker_containers, run_shorepass, container, server)
    assert "client certificate or key cannot be used" in done.stdout + done.stderr
    assert [shown for shown in server.shown if shown] == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["fifo", "certificate"])
def test_certificate_variables_of_a_container_are_not_opened_on_the_host(
    docker_containers: ContainerEngine,
    run_shorepass: RunShorepass,
    authority: trustme.CA,
    server: TlsServer,
    tmp_path: Path,
    variable: str,
    kind: str,
) -> None:
    """A FIFO of the host at that path hangs nothing, and a certificate of the host there is not trusted."""
    path = tmp_path / "trusted" / "ca.pem"
    path.parent.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(authority.cert_pem.bytes())
    value = path if variable == "SSL_CERT_FILE" else path.parent
    container = docker_containers.make(f"--env={variable}={value}", "--env=HOME=/root")
    put(docker_containers, container, "/root/.docker/config.json", json.dumps(AUTH).replace("REGISTRY", server.name))
    done = explain(docker_containers, run_shorepass, container, server)
    assert done.status != 0
    assert "no certificates can be read" in done.stdout + done.stderr
    assert server.shown == []
    put(docker_containers, container, str(path), authority.cert_pem.bytes())
    done = explain(docker_containers, run_shorepass, container, server)
    assert server.shown, (done.stdout, done.stderr)
