"""The differential test of logins: what Shorepass stores in any config file, the real docker finds as if it were its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from e2e.programs import docker_programs, require
from property.configs import HUB_KEY, Case, Program, cases, hosts
from property.docker_oracle import Docker
from shorepass.clients.docker import Docker as Rules
from shorepass.config.locations import docker_config_path
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.errors import HelperError, SourceError
from shorepass.logins.log_in import store_login
from shorepass.secret import Secret

# A helper that keeps the last login it was given, and hands that out for every registry.
KEEPER = """#!/bin/sh
case $1 in
store) exec /bin/cat > "$0.kept" ;;
get) [ -e "$0.kept" ] && exec /bin/cat "$0.kept"; echo 'credentials not found in native keychain'; exit 1 ;;
list) echo '{}' ;;
esac
"""
HUB_IMAGE = "nginx"


@pytest.fixture(scope="module")
def dockers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Docker]]:
    """Every docker of this machine, Debian's and a newer one, each with an engine of its own."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("engines")
        yield [stack.enter_context(Docker(require(program), folder)) for program in docker_programs()]


@settings(max_examples=max(settings.default.max_examples // 5, 1), phases=[Phase.explicit, Phase.generate])
@given(case=cases(), server=hosts, newest=st.booleans())
def test_docker_finds_our_login_as_its_own(
    case: Case, server: str, newest: bool, dockers: list[Docker], tmp_path: Path
) -> None:
    """The same store gets the same login, docker then sends the same as after its own login, and nothing else changes."""
    docker = dockers[-1 if newest else 0]
    case = case._replace(programs={**case.programs, "docker-credential-good": Program(KEEPER)}, variables={})
    shutil.rmtree(tmp_path / "case", ignore_errors=True)
    theirs, ours = (case.lay_out(tmp_path / "case" / whose) for whose in ("theirs", "ours"))
    context, rules = LocalContext(ours), Rules(docker.release)
    before = docker.pull(case.reference, theirs)
    if before.engine_is_out_of_reach:
        return
    try:
        target = rules.target(context, server)
        store_login(context, target, Basic("alice", Secret("pw")))
    except HelperError:
        event("the helper fails")
        assert not docker.logs_in(server, "alice", "pw", theirs)
        return
    except SourceError:
        event("the file is broken")
        assert before.file_is_broken or not is_utf8(case.config or b"")  # docker would spoil what it cannot decode
        config = Path(docker_config_path(context)[0])
        assert config.read_bytes() == case.config
        return
    event(f"stored with {target.helper or 'the file'}")
    if not docker.logs_in(server, "alice", "pw", theirs):
        event("docker crashes")
        assert docker.panicked
        return
    for image in (f"{server}/app", HUB_IMAGE):
        after, own = docker.pull(image, ours), docker.pull(image, theirs)
        assert not after.file_is_broken
        if own.file_is_broken:
            event("docker broke the file")  # it makes ":pw" of a password without a user name, and cannot read that
            return
        assert after.header == own.header
    assert kept(tmp_path / "case" / "ours") == kept(tmp_path / "case" / "theirs")


SPELLINGS = [
    "docker.io",
    "https://docker.io",
    "http://docker.io",
    "index.docker.io",
    HUB_KEY,
    "reg.io",
    "https://reg.io",
]
SERVERS = ["", "docker.io", "https://docker.io", "index.docker.io", "reg.io", "https://reg.io", "http://reg.io/v1/"]


@pytest.mark.parametrize("server", SERVERS)
def test_a_logout_erases_all_that_docker_erases(server: str, dockers: list[Docker], tmp_path: Path) -> None:
    """Whatever the real logout takes out of its file, the erasures name; beyond it only Docker Hub's own keys."""
    for docker in dockers:
        home = tmp_path / str(docker.release)
        file = home / ".docker/config.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"auths": {key: {"auth": "dTpw"} for key in SPELLINGS}}))
        env = {"HOME": str(home), "PATH": str(home / "bin")}
        named = {target.key for target in Rules(docker.release).erasures(LocalContext(env), server)}
        docker.log_out(server, env)
        erased = {*SPELLINGS} - {*json.loads(file.read_text())["auths"]}
        assert erased - named == set()
        assert {*named} & {*SPELLINGS} <= erased | {HUB_KEY}


def is_utf8(data: bytes) -> bool:
    """Tell whether an editor that keeps all other bytes can edit it."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def kept(folder: Path) -> dict[str, Any]:
    """Return what each helper was told to keep."""
    return {path.name: json.loads(path.read_text()) for path in (folder / "bin").glob("*.kept")}
