"""podman-docker: the program docker is a script that starts podman."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cases.image import put_image
from client_files import auth
from e2e import programs
from e2e.doctor import Doctor, found
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

SCRIPT = """#!/usr/bin/sh
[ -e /etc/containers/nodocker ] || \\
echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2
exec /usr/bin/podman "$@"
"""  # as Debian's package has it


@pytest.mark.parametrize("is_link", [False, True], ids=["script", "link"])
def test_docker_is_podman(
    doctor: Doctor, run_shorepass: RunShorepass, world: Path, home: Path, *, is_link: bool
) -> None:
    """SP410: the login is podman's, and docker has it; doctor does not ask for one of docker's."""
    podman, docker = world / "bin/podman", world / "bin/docker"
    podman.symlink_to(programs.require("podman"))
    if is_link:
        docker.symlink_to(programs.require("podman"))
    else:
        docker.write_text(SCRIPT)
        docker.chmod(0o755)
    file = home / ".config/containers/auth.json"
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    with Registry(users={"alice": "wonderland"}) as registry:
        put_image(registry, "team/app")
        file.write_text(json.dumps({"auths": {registry.host: auth("alice:wonderland")}}))
        image = f"{registry.host}/team/app:1"
        env = {**os.environ, "PATH": programs.SYSTEM_PATH}
        done = programs.run([str(docker), "login", "--get-login", registry.host], env=env)
        assert done.stdout == "alice\n", done.stderr
        assert [finding["code"] for finding in found(doctor(image), notes=True)] == ["SP410"]
        assert "it is podman under this name" in run_shorepass("explain", image).stdout
