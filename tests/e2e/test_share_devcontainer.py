"""``shorepass run --share`` lends a login to a real dev container, and changes no file of its workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_files import auth
from e2e import programs
from e2e.containers import IMAGE
from e2e.lending import NOT_FOUND, end_agent

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

REGISTRY = "lent.example"
SECRET = "s3cret-that-is-lent"
ASK = f"echo {REGISTRY} | docker-credential-shorepass get"
CONFIG = f"""\
{{
  // a comment, with a "quote"
  "image": "{IMAGE}",
  "runArgs": ["--network=none"],
  "remoteUser": "root",
  "containerEnv": {{"OWN": "${{localEnv:HOME}}"}},
}}
"""
COMPOSE_CONFIG = """\
{"dockerComposeFile": "compose.yaml", "service": "dev", "workspaceFolder": "/", "remoteUser": "root"}
"""
COMPOSE = f"""\
services:
  dev: {{image: '{IMAGE}', network_mode: none, environment: {{OWN: mine}}, command: [sleep, '1000']}}
  other: {{image: '{IMAGE}', network_mode: none, command: [sleep, '1000']}}
"""


class Workspace(NamedTuple):
    """A folder with a dev container."""

    folder: Path
    env: dict[str, str]

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder."""
        environ = {**os.environ, **self.env}
        return subprocess.run(argv, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)

    def up(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Start the dev container with a lent login."""
        share = [sys.executable, "-m", "shorepass", "run", "--share", REGISTRY, "--"]
        return self.run(*share, "devcontainer", "up", "--workspace-folder", ".", *words)

    def execute(self, script: str) -> str:
        """Return what a script prints in the dev container."""
        return self.run("devcontainer", "exec", "--workspace-folder", ".", "sh", "-c", script).stdout


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: auth(f"alice:{SECRET}")}}))
    yield
    end_agent()


@pytest.fixture
def workspace(docker_containers: ContainerEngine, world: Path) -> Iterator[Workspace]:
    """A workspace for docker; the containers that it has at the end are removed."""
    yield from workspace_of(docker_containers, world / "workspace")


@pytest.fixture
def podman_workspace(podman_containers: ContainerEngine, world: Path) -> Iterator[Workspace]:
    """A workspace for podman."""
    yield from workspace_of(podman_containers, world / "workspace")


def workspace_of(engine: ContainerEngine, folder: Path) -> Iterator[Workspace]:
    """Write the configuration."""
    programs.require("devcontainer")
    (folder / ".devcontainer").mkdir(parents=True)
    (folder / ".devcontainer/devcontainer.json").write_text(CONFIG)
    path = f"{Path(sys.executable).parent}:{programs.SYSTEM_PATH}"
    yield Workspace(folder, {"PATH": path, **engine.env})
    for label in (f"devcontainer.local_folder={folder}", f"com.docker.compose.project={folder.name}_devcontainer"):
        found = engine.run("ps", "-aq", f"--filter=label={label}").split()
        if found:
            engine.run("rm", "-f", *found)


def test_a_dev_container_gets_the_login(
    workspace: Workspace, run_shorepass: RunShorepass, docker_containers: ContainerEngine
) -> None:
    """Until ``revoke``, ``devcontainer exec`` has it; the workspace is unchanged, and what is mounted is read only.

    After that the container runs on, and does not start again.
    """
    before = sorted(workspace.folder.rglob("*"))
    done = workspace.up()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "success"
    (grant,) = json.loads(run_shorepass("grants", "--json").stdout)["grants"]
    assert f"the grant {grant['id']} remains" in done.stderr
    assert sorted(workspace.folder.rglob("*")) == before
    assert json.loads(workspace.execute(ASK)) == {"ServerURL": REGISTRY, "Username": "alice", "Secret": SECRET}
    assert workspace.execute("echo $OWN").strip() == os.environ["HOME"]
    for path in ("/run/shorepass/new", "/usr/local/bin/docker-credential-shorepass"):
        assert workspace.execute(f"touch {path} && echo changed") == ""
    assert run_shorepass("revoke", grant["id"]).status == 0
    assert workspace.execute(ASK) == NOT_FOUND
    container = json.loads(done.stdout)["containerId"]
    docker_containers.stop(container)
    assert "bind source path does not exist" in docker_containers.try_run("start", container).stderr
    assert list(Path(os.environ["XDG_RUNTIME_DIR"]).glob("shorepass-run-*")) == []


def test_a_dev_container_that_exists(workspace: Workspace, run_shorepass: RunShorepass) -> None:
    """Its mounts cannot change, so the command fails, unless it makes a new one."""
    assert workspace.up().returncode == 0
    assert run_shorepass("revoke", "--all").status == 0
    done = workspace.up()
    assert done.returncode == 125
    assert "the dev container exists already" in done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    done = workspace.up("--remove-existing-container")
    assert done.returncode == 0, done.stderr
    assert SECRET in workspace.execute(ASK)


def test_a_dev_container_of_podman(podman_workspace: Workspace) -> None:
    """``--docker-path podman`` gets the login too, and is asked whether the container exists."""
    podman = ("--docker-path", "podman")
    done = podman_workspace.up(*podman)
    assert done.returncode == 0, done.stderr
    argv = ("devcontainer", "exec", *podman, "--workspace-folder", ".", "sh", "-c", ASK)
    assert SECRET in podman_workspace.run(*argv).stdout
    assert "the dev container exists already" in podman_workspace.up(*podman).stderr


def test_a_dev_container_of_a_compose_project(workspace: Workspace, docker_containers: ContainerEngine) -> None:
    """Its service gets the login, read only, and the others of the project do not."""
    (workspace.folder / ".devcontainer/devcontainer.json").write_text(COMPOSE_CONFIG)
    (workspace.folder / ".devcontainer/compose.yaml").write_text(COMPOSE)
    done = workspace.up()
    assert done.returncode == 0, done.stderr
    assert SECRET in workspace.execute(ASK)
    assert workspace.execute("echo $OWN").strip() == "mine"
    assert workspace.execute("touch /run/shorepass/new && echo changed") == ""
    other = docker_containers.execute("workspace_devcontainer-other-1", "sh", "-c", ASK)
    assert other.returncode != 0
    assert SECRET not in other.stdout


def test_a_dev_container_with_a_dockerfile(workspace: Workspace) -> None:
    """Files that the configuration names are found beside it, although the command reads a copy of it."""
    folder = workspace.folder / ".devcontainer"
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY own /own\n")
    (folder / "own").write_text("beside the Dockerfile")
    (folder / "feature").mkdir()
    feature = {"id": "feature", "version": "1.0.0", "name": "feature", "containerEnv": {"FEATURE": "found"}}
    (folder / "feature/devcontainer-feature.json").write_text(json.dumps(feature))
    (folder / "feature/install.sh").write_text("#!/bin/sh\n")
    text = CONFIG.replace(f'"image": "{IMAGE}"', '"build": {"dockerfile": "Dockerfile"}, "features": {"./feature": {}}')
    (folder / "devcontainer.json").write_text(text)
    done = workspace.up()
    assert done.returncode == 0, done.stderr
    assert workspace.execute("cat /own; echo $FEATURE") == "beside the Dockerfilefound\n"
    assert SECRET in workspace.execute(ASK)


def test_the_commands_own_configuration(workspace: Workspace) -> None:
    """``--override-config`` and ``--config`` name what the grant is added to."""
    own = workspace.folder / "own.json"
    own.write_text(CONFIG.replace("${localEnv:HOME}", "override"))
    done = workspace.up("--override-config", "own.json")
    assert done.returncode == 0, done.stderr
    assert workspace.execute("echo $OWN").strip() == "override"
    other = workspace.folder / ".devcontainer/other/devcontainer.json"
    other.parent.mkdir()
    other.write_text(CONFIG.replace("${localEnv:HOME}", "config"))
    done = workspace.up("--config", str(other.relative_to(workspace.folder)))
    assert done.returncode == 0, done.stderr
    container = json.loads(done.stdout)["containerId"]
    argv = ["devcontainer", "exec", "--container-id", container, "sh", "-c", f"echo $OWN; {ASK}"]
    found = workspace.run(*argv).stdout
    assert (found.splitlines()[0], SECRET in found) == ("config", True)


def test_members_are_printed(workspace: Workspace, run_shorepass: RunShorepass) -> None:
    """What ``share devcontainer`` prints, added to a ``devcontainer.json``, brings the login."""
    done = run_shorepass("share", "devcontainer", "--registry", REGISTRY)
    assert done.status == 0, done.stderr
    config = {"image": IMAGE, "runArgs": ["--network=none"], "remoteUser": "root", **json.loads(done.stdout)}
    (workspace.folder / ".devcontainer/devcontainer.json").write_text(json.dumps(config))
    assert workspace.run("devcontainer", "up", "--workspace-folder", ".").returncode == 0
    assert SECRET in workspace.execute(ASK)


def test_a_feature_brings_the_login(workspace: Workspace, run_shorepass: RunShorepass) -> None:
    """A feature in a folder puts the forwarder into the image, and has no secret; after ``revoke`` nothing is lent."""
    feature = workspace.folder / ".devcontainer/lent"
    done = run_shorepass("share", f"devcontainer:{feature}", "--registry", REGISTRY)
    assert done.status == 0, done.stderr
    assert '"features": {"./lent": {}}' in done.stdout
    config = json.loads((feature / "devcontainer-feature.json").read_text())
    assert (config["id"], len(config["mounts"])) == ("lent", 1)
    text = CONFIG.replace('"remoteUser"', '"features": {"./lent": {}},\n  "remoteUser"')
    (workspace.folder / ".devcontainer/devcontainer.json").write_text(text)
    done = workspace.run("devcontainer", "up", "--workspace-folder", ".")
    assert done.returncode == 0, done.stderr
    assert json.loads(workspace.execute(ASK)) == {"ServerURL": REGISTRY, "Username": "alice", "Secret": SECRET}
    assert workspace.execute("touch /run/shorepass/new && echo changed") == ""
    assert run_shorepass("revoke", "--all").status == 0
    assert workspace.execute(ASK) == NOT_FOUND


def test_a_feature_replaces_only_a_feature(workspace: Workspace, run_shorepass: RunShorepass) -> None:
    """A folder with other files is refused and unchanged, and nothing remains lent."""
    before = sorted(workspace.folder.rglob("*"))
    folder = workspace.folder / ".devcontainer"
    done = run_shorepass("share", f"devcontainer:{folder}", "--registry", REGISTRY)
    assert (done.status, "has other files" in done.stderr) == (2, True)
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    assert sorted(workspace.folder.rglob("*")) == before
    for _ in range(2):
        assert run_shorepass("share", f"devcontainer:{folder}/lent", "--registry", REGISTRY).status == 0


@pytest.mark.parametrize("feature", [False, True])
def test_a_service_of_compose_is_refused(workspace: Workspace, run_shorepass: RunShorepass, *, feature: bool) -> None:
    """Its mounts would not be read only, so that the container could replace the forwarder: nothing is lent."""
    folder = workspace.folder / ".devcontainer"
    (folder / "devcontainer.json").write_text('{"dockerComposeFile": "c.yaml", "service": "web"}')
    target = f"devcontainer:{folder}/lent" if feature else "devcontainer"
    done = workspace.run("shorepass", "share", target, "--registry", REGISTRY)
    assert (done.returncode, "could write to the mounts" in done.stderr) == (2, True)
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "has no devcontainer.json"),
        ("{", "not JSON with comments"),
        ("[]", "not an object"),
        ('{"image": "x", "mounts": {}}', "mounts must be a list"),
        ('{"dockerComposeFile": []}', "names no compose file or no service"),
    ],
)
def test_a_configuration_that_cannot_be_read(
    workspace: Workspace, run_shorepass: RunShorepass, text: str | None, reason: str
) -> None:
    """Nothing is started, and nothing remains lent."""
    path = workspace.folder / ".devcontainer/devcontainer.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    done = workspace.up()
    assert (done.returncode, reason in done.stderr) == (125, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
