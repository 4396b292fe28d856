"""Which registries a client takes for insecure, by its own list."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from client_files import lay_out
from shorepass.clients import find
from shorepass.clients.insecure import ENGINE_SECONDS
from shorepass.contexts.local import LocalContext
from shorepass.names import Reference

# As `docker info --format '{{json .RegistryConfig}}'` of docker 28.2 prints it, with one registry on the list.
INFO = {
    "AllowNondistributableArtifactsCIDRs": None,
    "IndexConfigs": {
        "docker.io": {"Mirrors": [], "Name": "docker.io", "Official": True, "Secure": True},
        "reg.example:5000": {"Mirrors": [], "Name": "reg.example:5000", "Official": False, "Secure": False},
    },
    "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8", "10.0.0.0/8"],
    "Mirrors": None,
}


def is_listed(context: LocalContext, client: str, reference: Reference) -> bool:
    return find(client).is_insecure(context, reference, tls=False, seconds=5.0)


@pytest.mark.parametrize(
    ("registry", "listed"),
    [
        ("reg.example:5000", True),
        ("reg.example", False),
        ("docker.io", False),
        ("10.1.2.3:5000", True),
        ("[::1]:5000", True),
        ("192.0.2.1:5000", False),
    ],
)
def test_docker(world: Path, registry: str, listed: bool) -> None:
    """What the engine says: by name, else by the address's network."""
    context = lay_out(world, {"bin/docker": f"#!/bin/sh\necho '{json.dumps(INFO)}'\n"})
    assert is_listed(context, "docker", Reference(registry)) is listed


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"IndexConfigs": null}', "Cannot connect", '{"IndexConfigs": {}}']
)
def test_an_engine_that_does_not_say(world: Path, text: str) -> None:
    """An engine that is not there, or says something else, lists nothing."""
    context = lay_out(world, {"bin/docker": f"#!/bin/sh\necho '{text}'\nexit 1\n"})
    assert not is_listed(context, "docker", Reference("10.1.2.3:5000"))
    assert not is_listed(lay_out(world, {}, PATH="/nowhere"), "docker", Reference("10.1.2.3:5000"))


def test_an_engine_that_hangs_is_asked_no_longer_than_is_left(world: Path) -> None:
    """``--timeout 1`` means one second, with the question to the engine: docker would be asked for five."""
    context = lay_out(world, {"bin/docker": "#!/bin/sh\nexec sleep 300\n"})
    start = time.monotonic()
    assert not find("docker").is_insecure(context, Reference("10.1.2.3:5000"), tls=False, seconds=0.2)
    assert time.monotonic() - start < ENGINE_SECONDS


def test_podman(world: Path) -> None:
    """What registries.conf says of the image's name; a broken file lists nothing."""
    name = "home/.config/containers/registries.conf"
    context = lay_out(world, {name: '[[registry]]\nlocation = "reg.example/lab"\ninsecure = true\n'})
    assert is_listed(context, "podman", Reference("reg.example", "lab/app"))
    assert not is_listed(context, "podman", Reference("reg.example", "app"))
    assert not is_listed(lay_out(world, {name: "[["}), "podman", Reference("reg.example", "lab/app"))


@pytest.mark.parametrize(
    ("registry", "near"),
    [
        ("localhost:5000", True),
        ("reg.localhost", True),
        ("127.0.0.1", True),
        ("[::1]:5000", True),
        ("10.1.2.3:5000", True),
        ("172.31.0.1", True),
        ("192.168.1.1", True),
        ("172.32.0.1", False),
        ("127.0.0.4:5000", False),
        ("reg.example:5000", False),
    ],
)
def test_crane(world: Path, registry: str, near: bool) -> None:
    """go-containerregistry tries plain http where the name looks near (pkg/name), and never a bad certificate."""
    context = lay_out(world, {})
    assert is_listed(context, "crane", Reference(registry)) is near
    assert not find("crane").is_insecure(context, Reference(registry), tls=True, seconds=5.0)
