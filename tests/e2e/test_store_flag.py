"""After ``login --store`` the real clients use the new login, whatever helper their files named before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.real_clients import RealClient

pytestmark = pytest.mark.usefixtures("nothing_set", "our_helper")

CANNOT = "#!/bin/sh\ncase $1 in list) echo '{}';; erase) ;; *) echo 'The stub received bad data.'; exit 1;; esac\n"


@pytest.fixture(autouse=True)
def path(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorepass finds no podman; the real programs find the helpers, and so does what they start."""
    helper = world / "bin/docker-credential-wincred"
    helper.write_text(CANNOT)
    helper.chmod(0o755)
    monkeypatch.setattr(programs, "SYSTEM_PATH", f"{world / 'bin'}:{programs.SYSTEM_PATH}")


def with_system_path(client: RealClient, image: str, monkeypatch: pytest.MonkeyPatch) -> int:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", programs.SYSTEM_PATH)
        return client.pull(image).returncode


@pytest.mark.parametrize("store", ["file", "vault"])
@pytest.mark.parametrize("named", ["credsStore", "credHelpers"])
def test_the_real_client_pulls_with_it(
    client: RealClient,
    registry: str,
    private_image: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    store: str,
) -> None:
    """Docker 20.10 and 28.2, podman, buildah, skopeo; after the logout it cannot pull, and its file is as it was."""
    rules = "docker" if client.rules == "docker" else "podman"
    file = world / ("home/.docker/config.json" if rules == "docker" else "run/containers/auth.json")
    file.parent.mkdir()
    before = {"credsStore": "wincred"} if named == "credsStore" else {"credHelpers": {registry: "wincred"}}
    file.write_text(json.dumps(before))
    words = ("login", "--client", rules, "--store", store, "-u", "alice", "--password-stdin", registry)
    done = run_shorepass(*words, stdin=users["alice"])
    assert done.status == 0, done.stderr
    assert with_system_path(client, private_image, monkeypatch) == 0
    assert run_shorepass("logout", "--client", rules, registry).status == 0
    assert with_system_path(client, private_image, monkeypatch) != 0
    left = json.loads(file.read_text())
    left.pop("auths", None)
    if rules == "docker" or named == "credHelpers":  # podman reads no credsStore: there nothing was overridden
        assert left == before
