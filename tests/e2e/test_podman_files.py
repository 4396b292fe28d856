"""After a login and a logout the file is the same, whether podman, skopeo or Shorepass wrote it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.programs import SYSTEM_PATH, require, run

if TYPE_CHECKING:
    from conftest import RunShorepass

USER, PASSWORD = "alice", "alice's password"

# What may be there before. The programs drop every name that they do not know: Shorepass keeps those.
BEFORE = {
    "no file": None,
    "no logins": '{\n\t"auths": {}\n}',
    "another login": '{\n\t"auths": {\n\t\t"a.io/team": {\n\t\t\t"auth": "dTpw"\n\t\t}\n\t}\n}',
    "an older login": '{\n\t"auths": {\n\t\t"REGISTRY": {\n\t\t\t"auth": "dTpw"\n\t\t}\n\t}\n}',
    "an old spelling": '{"auths": {"https://REGISTRY/v1/": {"auth": "dTpw"}}}',
    "a token elsewhere": '{"auths": {"tok.io": {"auth": "dTpw", "identitytoken": "tok"}}}',
    "another helper": '{"auths": {}, "credHelpers": {"h.io": "none"}}',
}


@pytest.fixture(params=BEFORE, ids=list(BEFORE))
def files(request: pytest.FixtureRequest, home: Path, registry: str) -> tuple[Path, Path]:
    """Two copies of one auth file: the real program's, and ours."""
    text = BEFORE[request.param]
    copies = home / "theirs.json", home / "ours.json"
    for path in copies if text is not None else ():
        path.write_text((text or "").replace("REGISTRY", registry))
        path.chmod(0o600)
    return copies


def content(path: Path) -> dict[str, object]:
    """Return an auth file without its empty tables: the programs write an empty one where there was none."""
    loaded: dict[str, object] = json.loads(path.read_text())
    return {name: value for name, value in loaded.items() if value}


@pytest.mark.parametrize("part", ["", "/team"])
@pytest.mark.parametrize("client", ["podman", "skopeo"])
def test_same_file(
    client: str, part: str, files: tuple[Path, Path], registry: str, run_shorepass: RunShorepass
) -> None:
    """Same entries after the login and after the logout, same mode; a new file is the same byte for byte."""
    theirs, ours = files
    server, program, new = registry + part, require(client), not ours.exists()
    login = ["login", "--tls-verify=false", "-u", USER, "--password-stdin"]
    done = run([program, *login, "--authfile", str(theirs), server], env=os.environ, stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    mine = run_shorepass(*login, "--client", client, "--authfile", str(ours), server, stdin=PASSWORD)
    assert mine.status == 0, mine.stderr
    assert content(ours) == content(theirs)
    assert ours.stat().st_mode == theirs.stat().st_mode
    assert not new or ours.read_bytes() == theirs.read_bytes()
    done = run([program, "logout", "--authfile", str(theirs), server], env=os.environ)
    assert done.returncode == 0, done.stderr
    mine = run_shorepass("logout", "--client", client, "--authfile", str(ours), server)
    assert mine.status == 0, mine.stderr
    assert content(ours) == content(theirs)


@pytest.mark.parametrize("client", ["podman", "skopeo"])
def test_same_place(client: str, world: Path, registry: str, run_shorepass: RunShorepass) -> None:
    """Without --authfile a login goes into the file that the program itself finds, DOCKER_CONFIG's included."""
    login = ["login", "--tls-verify=false", "-u", USER, "--password-stdin"]
    for variables in ({}, {"DOCKER_CONFIG": str(world / "docker")}, {"REGISTRY_AUTH_FILE": str(world / "named.json")}):
        mine = run_shorepass(*login, "--client", client, registry, stdin=PASSWORD, env=variables)
        assert mine.status == 0, mine.stderr
        told = run([require(client), "login", "--get-login", registry], env={**os.environ, **variables})
        assert told.stdout.strip() == USER, told.stderr
        done = run([require(client), "logout", registry], env={**os.environ, **variables})
        assert done.returncode == 0, done.stderr


REFUSES = """#!/bin/sh
echo "credentials not found in native keychain"
exit 1
"""


@pytest.mark.parametrize("client", ["podman", "skopeo"])
def test_a_helper_that_refuses_to_store(
    client: str, world: Path, home: Path, registry: str, run_shorepass: RunShorepass
) -> None:
    """The login goes to the next of registries.conf's list, and Shorepass prints where it is."""
    helper = world / "bin/docker-credential-nf"
    helper.parent.mkdir(exist_ok=True)
    helper.write_text(REFUSES)
    helper.chmod(0o755)
    conf = home / ".config/containers/registries.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text('credential-helpers = ["nf", "containers-auth.json"]\n')
    theirs, ours = home / "theirs.json", home / "ours.json"
    env = {"PATH": f"{helper.parent}:{SYSTEM_PATH}"}
    login = ["login", "--tls-verify=false", "-u", USER, "--password-stdin"]
    argv = [require(client), *login, "--authfile", str(theirs), registry]
    done = run(argv, env={**os.environ, **env}, stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    mine = run_shorepass(*login, "--client", client, "--authfile", str(ours), registry, stdin=PASSWORD, env=env)
    assert mine.status == 0, mine.stderr
    assert content(ours) == content(theirs)
    assert str(ours) in mine.stderr
