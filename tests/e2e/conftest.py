"""Servers that the e2e tests share: one dockerd, one image, one registry of each kind for the whole run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import containers, programs
from e2e.containers import ContainerEngine
from e2e.doctor import Doctor, Program
from e2e.real_clients import Docker, RealClient, Skopeo, Storage
from e2e.token_server import TokenServer, token_registry

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from conftest import Done, RunShorepass

USERS = {"alice": "alice's password", "bob": "bob's password"}
GRANTS = {"alice": {"team/app": "pull,push"}, "bob": {"team/app": "pull"}}


@pytest.fixture(scope="session")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The ``unix://`` address of a real docker daemon."""
    with programs.docker_daemon(tmp_path_factory.mktemp("dockerd")) as address:
        yield address


@pytest.fixture(scope="session")
def busybox_image(dockerd: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image in the daemon that came from no registry."""
    folder = tmp_path_factory.mktemp("busybox")
    name = "local/busybox:1"
    docker = [programs.require(programs.docker_programs()[0]), "-H", dockerd]
    done = programs.run([*docker, "import", str(programs.busybox_archive(folder)), name], env={"HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture(scope="session")
def image_archive(dockerd: str, busybox_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image as a ``docker save`` archive, for the clients that have no daemon."""
    archive = tmp_path_factory.mktemp("archive") / "image.tar"
    docker = [programs.require(programs.docker_programs()[0]), "-H", dockerd]
    done = programs.run([*docker, "save", "-o", str(archive), busybox_image], env={"HOME": str(archive.parent)})
    assert done.returncode == 0, done.stderr
    return archive


@pytest.fixture(scope="session")
def users() -> dict[str, str]:
    """The users of every registry, and their passwords."""
    return USERS


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a real registry with Basic authentication, where every user may do everything."""
    with programs.htpasswd_registry(tmp_path_factory.mktemp("htpasswd"), USERS) as name:
        yield name


@pytest.fixture(scope="session")
def token_server() -> TokenServer:
    """The token server behind ``registry_with_tokens``: alice may pull and push team/app, bob may pull it."""
    return TokenServer(USERS, GRANTS)


@pytest.fixture(scope="session")
def registry_with_tokens(token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a real registry with Bearer authentication."""
    with token_registry(tmp_path_factory.mktemp("tokens"), token_server) as name:
        yield name


@pytest.fixture
def registry_with_identity_tokens(tmp_path: Path) -> Iterator[str]:
    """The same, but docker login is given an identity token to keep instead of the password."""
    with token_registry(tmp_path, TokenServer(USERS, GRANTS, identity_tokens=True)) as name:
        yield name


ASKING = ("login", "explain", "doctor", "who")  # the verbs that ask registries


@pytest.fixture
def run_shorepass(run_shorepass: RunShorepass) -> RunShorepass:
    """Shorepass for a person who knows the tests' token servers: they have a port of this machine to themselves."""

    def run(*words: str, env: Mapping[str, str] | None = None, stdin: str | bytes = "") -> Done:
        trust = ("--trust-realm", "127.0.0.1") if words[0] in ASKING else ()
        return run_shorepass(*words[:1], *trust, *words[1:], env=env, stdin=stdin)

    return run


@pytest.fixture
def doctor(run_shorepass: RunShorepass) -> Doctor:
    """Runs ``shorepass doctor --json``, for one client where one is named."""

    def run(*words: str, client: str = "") -> Done:
        return run_shorepass("doctor", "--json", *(("--client", client) if client else ()), *words)

    return run


@pytest.fixture(scope="session")
def docker_containers(dockerd: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerEngine]:
    """The docker daemon, to make containers with."""
    with containers.docker_engine(dockerd, tmp_path_factory.mktemp("docker")) as engine:
        yield engine


@pytest.fixture(scope="session")
def podman_containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerEngine]:
    """A podman of the tests' own, to make containers with."""
    with containers.podman_engine(tmp_path_factory.mktemp("podman")) as engine:
        yield engine


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("docker", "podman")])
def engine(request: pytest.FixtureRequest) -> ContainerEngine:
    """Each of the two engines."""
    found: ContainerEngine = request.getfixturevalue(f"{request.param}_containers")
    return found


@pytest.fixture
def docker(dockerd: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Runs the real docker with the test's environment; doctor finds it on PATH, and podman too."""
    program = programs.require(programs.docker_programs()[-1])
    for path in (program, programs.require("podman")):
        (world / "bin" / Path(path).name).symlink_to(path)
    monkeypatch.setenv("DOCKER_HOST", dockerd)

    def run(*words: str, stdin: str = "") -> CompletedProcess[str]:
        return programs.run([program, *words], env=os.environ, stdin=stdin)

    return run


@pytest.fixture
def skopeo() -> Program:
    """Runs the real skopeo, which decides as podman does, with the test's environment."""

    def run(*words: str, stdin: str = "") -> CompletedProcess[str]:
        return programs.run([programs.require("skopeo"), *words], env=os.environ, stdin=stdin)

    return run


@pytest.fixture(scope="session")
def private_image(registry: str, image_archive: Path) -> str:
    """The name of an image in ``registry``, where every user may do everything and strangers nothing."""
    name = f"{registry}/team/private:1"
    words = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", f"alice:{USERS['alice']}"]
    done = programs.run([programs.require("skopeo"), *words, f"docker-archive:{image_archive}", f"docker://{name}"])
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture(params=[*programs.docker_programs(), "podman", "buildah", "skopeo"])
def client(
    request: pytest.FixtureRequest, world: Path, dockerd: str, busybox_image: str, image_archive: Path
) -> Iterator[RealClient]:
    """Each real client in turn; docker twice where the machine has two."""
    program: str = request.param
    if program == "skopeo":
        yield Skopeo(world, image_archive)
    elif program in ("podman", "buildah"):
        with contextlib.closing(Storage(program, world, image_archive)) as storage:
            yield storage
    else:
        yield Docker(program, dockerd, busybox_image)
