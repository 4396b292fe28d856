"""``--in docker:NAME`` and ``--in podman:NAME``: what a program in the container would read, without starting one."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from e2e.containers import USER, ContainerEngine
from shorepass.contexts.container import ContainerContext, find
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

REGISTRY = "registry.example"


def config(user: str = "alice") -> str:
    auth = base64.b64encode(f"{user}:secret".encode()).decode()
    return json.dumps({"auths": {REGISTRY: {"auth": auth}}})


def opened(engine: ContainerEngine, name: str) -> ContainerContext:
    return find(LocalContext({**os.environ, **engine.leads}), engine.family, name)


def write(engine: ContainerEngine, name: str, path: str, text: str) -> None:
    """Write a file in a running container by its own shell, as the container's user."""
    script = f"mkdir -p {os.path.dirname(path)} && cat > {path}"
    done = engine.execute(name, "/bin/sh", "-c", script, stdin=text)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("user", ["root", USER])
def test_explain_in_a_container(engine: ContainerEngine, user: str, run_shorepass: RunShorepass) -> None:
    """The login in a container's home is found, while it runs and when it has been stopped."""
    name = engine.make("--user", user)
    home = engine.execute(name, "/bin/sh", "-c", "echo $HOME").stdout.strip()
    write(engine, name, f"{home}/.docker/config.json", config())
    for stop in (False, True):
        if stop:
            engine.stop(name)
        done = run_shorepass("explain", "--offline", "--in", f"{engine.family}:{name}", REGISTRY, env=engine.leads)
        assert done.status == 0, done.stderr
        assert f"uid {0 if user == 'root' else 1000}, home {home}" in done.stdout
        assert f"docker sends the user name 'alice' with a password for {REGISTRY}" in done.stdout


def test_a_container_that_is_not_there(engine: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """An unknown name is an error with exit code 3, and not an empty place."""
    done = run_shorepass("explain", "--offline", "--in", f"{engine.family}:nobody", REGISTRY, env=engine.leads)
    assert done.status == 3
    assert done.stderr == (
        f"shorepass: {engine.family}:nobody: {engine.family} knows no such container\nhint: {engine.family} ps --all\n"
    )
