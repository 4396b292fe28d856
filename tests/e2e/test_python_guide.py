"""The code of docs/guides/python.md, run as printed against real registries and a real dockerd."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass

GUIDE = Path(__file__).parents[2] / "docs/guides/python.md"
TRUSTED = ("127.0.0.1",)  # the tests' token server has a port of this machine to itself
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(params=["registry", "registry_with_tokens"])
def pushed(
    request: pytest.FixtureRequest, run_shorepass: RunShorepass, users: dict[str, str], image_archive: Path, home: Path
) -> str:
    """A registry where alice is logged in and has pushed ``team/app:1``."""
    name: str = request.getfixturevalue(request.param)
    done = run_shorepass("login", "-u", "alice", "--password-stdin", name, stdin=users["alice"])
    assert done.status == 0, done.stderr
    copy = [
        *(programs.require("skopeo"), "copy", "--insecure-policy", "--dest-tls-verify=false"),
        *(f"docker-archive:{image_archive}", f"docker://{name}/team/app:1"),
    ]
    done = programs.run(copy, env={"HOME": str(home)})
    assert done.returncode == 0, done.stderr
    return name


def block(word: str, registry: str, backend: str = "token") -> str:
    """Return the one block of the guide that holds ``word``, for a registry on loopback that speaks plain http."""
    (code,) = [text for text in BLOCKS if word in text]
    return (
        code.replace("https://ghcr.io", f"http://{registry}")
        .replace("ghcr.io", registry)
        .replace("acme/app", "team/app")
        .replace("_auth()", f"_auth(trusted_realms={TRUSTED})")
        .replace('auth_backend="token"', f'auth_backend="{backend}", insecure=True, tls_verify=False')
    )


@pytest.mark.parametrize("word", ["resolution.steps", "import httpx", "import requests", "import oras"])
def test_the_guides_code_runs(
    request: pytest.FixtureRequest, pushed: str, word: str, capsys: pytest.CaptureFixture[str], users: dict[str, str]
) -> None:
    """Each piece does what the guide says with a login that Shorepass stored."""
    backend = "token" if "tokens" in request.node.callspec.params["pushed"] else "basic"
    exec(compile(block(word, pushed, backend), str(GUIDE), "exec"), {})
    if word == "resolution.steps":
        assert f"alice {users['alice']}\n" in capsys.readouterr().out


def test_docker_py_pulls(pushed: str, dockerd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker-py pulls from a registry that wants a login, with what Shorepass hands it."""
    monkeypatch.setenv("DOCKER_HOST", dockerd)
    docker = [programs.require(programs.docker_programs()[0]), "-H", dockerd]
    exec(compile(block("docker.from_env", pushed), str(GUIDE), "exec"), {})
    try:
        found = programs.run([*docker, "image", "inspect", f"{pushed}/team/app:1"])
        assert found.returncode == 0, found.stderr
    finally:
        programs.run([*docker, "rmi", f"{pushed}/team/app:1"])
