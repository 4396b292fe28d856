"""The recipes do what they say: their files are written and their commands are run as they are printed.

Only the registry is another one, and the engine's socket, because the tests have an engine of their own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_files import auth
from e2e import programs
from e2e.containers import IMAGE, image_archive
from e2e.lending import end_agent

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

RECIPES = Path(__file__).parents[2] / "docs/guides/recipes"
FILE = re.compile(r"^`([^`\n]+)`:\n\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REGISTRY = "ghcr.io"
SOCKET = "/var/run/docker.sock"
CLIENT_IMAGE = "docker:cli"
TESTED = (
    "build-in-container",
    "buildkit",
    "compose",
    "dev-container",
    "jenkins",
    "kubernetes",
    "gitlab-ci",
    "github-actions",
)


class Kitchen(NamedTuple):
    """A folder in which recipes run. ``replaced``: words of a recipe, and what the test has in their place."""

    folder: Path
    replaced: dict[str, str]
    password: str
    engine: ContainerEngine

    def cook(self, name: str, path: str = "") -> subprocess.CompletedProcess[str]:
        """Write the files of a recipe and run its commands, of which each must succeed."""
        text = (RECIPES / f"{name}.md").read_text()
        for word, replacement in self.replaced.items():
            text = text.replace(word, replacement)
        for file, content in FILE.findall(text):
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).write_text(content)
        return self.run("\n".join(COMMANDS.findall(text)), path)

    def run(self, script: str, path: str = "") -> subprocess.CompletedProcess[str]:
        """Run commands, of which each must succeed. ``path``: comes before the usual PATH."""
        for word, replacement in self.replaced.items():
            script = script.replace(word, replacement)
        folders = f"{path}{Path(sys.executable).parent}:{programs.SYSTEM_PATH}"
        environ = {**os.environ, **self.engine.env, "PATH": folders}
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done

    def files_with_password(self) -> list[str]:
        """Return the files of the folder that have the login in them."""
        secrets = [self.password.encode(), auth(f"alice:{self.password}")["auth"].encode()]
        files = [path for path in self.folder.rglob("*") if path.is_file() and ".git/" not in str(path)]
        return [str(path) for path in files if any(secret in path.read_bytes() for secret in secrets)]


@pytest.fixture(scope="module")
def client_image(docker_containers: ContainerEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with docker's client in it, by the name of the official one, which the tests cannot pull."""
    archive = image_archive(tmp_path_factory.mktemp("docker-cli"))
    with tarfile.open(archive, "a") as tar:
        tar.add(programs.docker_programs()[-1], "bin/docker")
    docker_containers.run("import", str(archive), CLIENT_IMAGE)
    return CLIENT_IMAGE


@pytest.fixture(scope="module")
def base_image(
    docker_containers: ContainerEngine, registry: str, users: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A private image at the registry, with a shell in it."""
    name = f"{registry}/acme/base:1"
    archive = tmp_path_factory.mktemp("base") / "image.tar"
    docker_containers.run("save", "-o", str(archive), IMAGE)
    words = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", f"alice:{users['alice']}"]
    done = programs.run([programs.require("skopeo"), *words, f"docker-archive:{archive}", f"docker://{name}"])
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture
def kitchen(
    world: Path,
    docker_containers: ContainerEngine,
    client_image: str,
    base_image: str,
    registry: str,
    users: dict[str, str],
) -> Iterator[Kitchen]:
    """A user with a login for the registry, and the images of the recipes, of which the private one is not pulled."""
    assert client_image == CLIENT_IMAGE
    docker = world / "home/.docker"
    (docker / "cli-plugins").mkdir(parents=True)
    (docker / "cli-plugins/docker-compose").symlink_to(Path(sys.executable).with_name("docker-compose"))
    (docker / "config.json").write_text(json.dumps({"auths": {registry: auth(f"alice:{users['alice']}")}}))
    docker_containers.try_run("rmi", "--force", base_image)
    socket = docker_containers.env["DOCKER_HOST"].removeprefix("unix://")
    replaced = {
        REGISTRY: registry,
        f"source={SOCKET},": f"source={socket},",
        f"{SOCKET}:{SOCKET}": f"{socket}:{SOCKET}",
    }
    folder = world / "recipe"
    folder.mkdir()
    yield Kitchen(folder, replaced, users["alice"], docker_containers)
    end_agent()


def test_each_recipe_is_tested() -> None:
    """A new recipe has a test here."""
    assert sorted(path.stem for path in RECIPES.glob("*.md") if path.stem != "README") == sorted(TESTED)


def test_build_in_a_container(kitchen: Kitchen, base_image: str) -> None:
    """It builds on a private image and pushes the result, which is then at the registry."""
    done = kitchen.cook("build-in-container")
    assert "nothing is lent" in done.stdout
    built = base_image.replace("base", "app")
    kitchen.engine.run("rmi", "--force", built)
    login = ["--src-tls-verify=false", "--src-creds", f"alice:{kitchen.password}"]
    target = f"dir:{kitchen.folder}/pulled"
    copied = programs.run(
        [programs.require("skopeo"), "copy", "--insecure-policy", *login, f"docker://{built}", target]
    )
    assert copied.returncode == 0, copied.stderr
    assert kitchen.files_with_password() == []


def test_a_secret_of_buildkit(kitchen: Kitchen, base_image: str) -> None:
    """The step has the login, and no layer of the image has it."""
    kitchen.cook("buildkit", path="/usr/bin:")
    archive = kitchen.folder / "image.tar"
    kitchen.engine.run("save", "-o", str(archive), base_image.replace("base:1", "app:2"))
    assert kitchen.files_with_password() == []


def test_compose(kitchen: Kitchen) -> None:
    """One service pulls with the login, and the other has no grant."""
    done = kitchen.cook("compose")
    assert "Status: Downloaded newer image" in done.stdout
    assert "other has no grant" in done.stdout


def test_compose_in_mode_engine(kitchen: Kitchen) -> None:
    """Without the volume, and with ``--mode engine``, the service pulls and has no helper to ask."""
    text = (RECIPES / "compose.md").read_text()
    (compose,) = (content for file, content in FILE.findall(text) if file == "compose.yaml")
    changed = re.sub(r"    volumes: .*\n", "", compose).replace(REGISTRY, kitchen.replaced[REGISTRY])
    (kitchen.folder / "compose.yaml").write_text(changed)
    script = "run --rm ci sh -c 'docker pull ghcr.io/acme/base:1; ls /run/shorepass /usr/local/bin/docker*'"
    done = kitchen.run(f"shorepass run --share ghcr.io --service ci --mode engine -- docker compose {script} || true")
    assert "Status: Downloaded newer image" in done.stdout
    assert "docker.sock" in done.stdout
    assert "docker-credential" not in done.stdout


def test_a_dev_container(kitchen: Kitchen, run_shorepass: RunShorepass) -> None:
    """It pulls until the grant ends."""
    try:
        done = kitchen.cook("dev-container")
    finally:
        label = f"--filter=label=devcontainer.local_folder={kitchen.folder}"
        kitchen.engine.try_run("rm", "--force", *kitchen.engine.run("ps", "--all", "--quiet", label).split())
    assert "Status: Downloaded newer image" in done.stdout
    assert "the grant has ended" in done.stdout
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_jenkins(kitchen: Kitchen, run_shorepass: RunShorepass) -> None:
    """A container that is started as Jenkins starts it pulls as another user, and gets no byte of the login."""
    done = kitchen.cook("jenkins")
    assert "Status: Downloaded newer image" in done.stdout
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_kubernetes(kitchen: Kitchen) -> None:
    """A stand-in for kubectl, because there is no cluster, gets the Secret by standard input, and then the other words."""
    stand_in = kitchen.folder / "bin/kubectl"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "kubectl $*"\n[ "$*" != "apply -f -" ] || cat > "${0%/*}/applied"\n')
    stand_in.chmod(0o755)
    done = kitchen.cook("kubernetes", path=f"{stand_in.parent}:")
    assert done.stdout.splitlines() == ["kubectl apply -f pod.yaml", "kubectl delete secret ghcr --namespace team"]
    applied = (stand_in.parent / "applied").read_text()
    assert "type: kubernetes.io/dockerconfigjson" in applied
    config = json.loads(base64.b64decode(applied.split(".dockerconfigjson: ")[1].split()[0]))
    assert list(config["auths"]) == [kitchen.replaced[REGISTRY]]
    assert kitchen.password not in done.stdout + done.stderr


def test_gitlab(kitchen: Kitchen) -> None:
    """The local runner of GitLab's pipelines pulls with the variable, and its job removes the copy of the login."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "begin"]):
        assert programs.run(["git", "-C", str(kitchen.folder), *words]).returncode == 0
    remote = ["remote", "add", "origin", "git@gitlab.example:acme/app.git"]
    assert programs.run(["git", "-C", str(kitchen.folder), *remote]).returncode == 0
    done = kitchen.cook("gitlab-ci")
    assert "Status: Downloaded newer image" in done.stdout
    assert kitchen.files_with_password() == []


def test_github(kitchen: Kitchen) -> None:
    """The local runner of GitHub's workflows pulls with the secret, and does not print it."""
    done = kitchen.cook("github-actions")
    assert "Status: Downloaded newer image" in done.stdout
    assert kitchen.password not in done.stdout + done.stderr
