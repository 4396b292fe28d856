"""``shorepass run --share`` lends a login to the services of a real compose project, and changes none of its files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_files import auth
from e2e import programs
from e2e.containers import IMAGE
from e2e.lending import NOT_FOUND, check_schema, end_agent
from shorepass.grants.compose import override
from shorepass.grants.contents import Contents

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

HELPER = "docker-credential-shorepass"
REGISTRY = "lent.example"
SECRET = "s3cret-that-is-lent"
ASK = f"echo {REGISTRY} | {HELPER} get"
PROJECT = f"""\
services:
  one:
    image: {IMAGE}
    network_mode: none
    command: ["sh", "-c", "{ASK}; echo $$PATH"]
  two:
    image: {IMAGE}
    network_mode: none
    environment: {{FROM: base}}
    command: ["sh", "-c", "{ASK}; echo $$PATH"]
"""
IMAGES_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Project(NamedTuple):
    """A folder with a compose file. ``words``: the compose program; ``env``: leads it to its engine."""

    folder: Path
    words: tuple[str, ...]
    env: dict[str, str]

    def start(self, *words: str, share: Sequence[str] = (), at: str = ".") -> subprocess.Popen[str]:
        """Start ``shorepass run --share`` with a command of the compose program."""
        argv = [sys.executable, "-m", "shorepass", "run", "--share", REGISTRY, *share, "--", *self.words, *words]
        pipe = subprocess.PIPE
        folder = self.folder / at
        return subprocess.Popen(argv, cwd=folder, env={**os.environ, **self.env}, stdout=pipe, stderr=pipe, text=True)

    def run(self, *words: str, share: Sequence[str] = (), at: str = ".") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(*words, share=share, at=at)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: auth(f"alice:{SECRET}")}}))
    yield
    end_agent()


def beside_python(name: str) -> str:
    """Return the path of a program that pip has installed for the tests."""
    path = Path(sys.executable).with_name(name)
    assert path.exists(), f"{name} is not installed; run make test"
    return str(path)


def project(folder: Path, engine: ContainerEngine, *words: str) -> Iterator[Project]:
    """Write the project; its containers end with the test."""
    (folder / "below").mkdir(parents=True)
    (folder / "compose.yaml").write_text(PROJECT)
    variables = {"PATH": f"{Path(sys.executable).parent}:{programs.SYSTEM_PATH}", **engine.env}
    found = Project(folder, words, variables)
    yield found
    done = subprocess.run(
        [*words, "down", "--timeout=0"], cwd=folder, env={**os.environ, **variables}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def docker_project(docker_containers: ContainerEngine, world: Path) -> Iterator[Project]:
    """A project for ``docker compose``: docker's own program, with compose as its plugin."""
    plugins = world / "home/.docker/cli-plugins"
    plugins.mkdir()
    (plugins / "docker-compose").symlink_to(beside_python("docker-compose"))
    yield from project(world / "docker-project", docker_containers, programs.docker_programs()[-1], "compose")


@pytest.fixture
def alone_project(docker_containers: ContainerEngine, world: Path) -> Iterator[Project]:
    """A project for ``docker-compose``, compose as a program of its own."""
    yield from project(world / "alone-project", docker_containers, beside_python("docker-compose"))


@pytest.fixture
def podman_project(podman_containers: ContainerEngine, world: Path) -> Iterator[Project]:
    """A project for ``podman-compose``."""
    yield from project(world / "podman-project", podman_containers, beside_python("podman-compose"))


@pytest.fixture(params=["docker", "podman"])
def each_project(request: pytest.FixtureRequest) -> Project:
    """A project for each of the engines."""
    found: Project = request.getfixturevalue(f"{request.param}_project")
    return found


def test_each_service_gets_the_login(each_project: Project, run_shorepass: RunShorepass) -> None:
    """``up`` lends to both services until it ends; PATH is the image's; the project has no other file afterwards."""
    before = sorted(each_project.folder.rglob("*"))
    done = each_project.run("up")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(SECRET) == 2, done.stdout + done.stderr
    assert done.stdout.count(IMAGES_PATH) == 2, done.stdout
    assert sorted(each_project.folder.rglob("*")) == before
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_one_service_gets_the_login(each_project: Project) -> None:
    """With ``--service``, another service of the project has no helper."""
    done = each_project.run("up", share=["--service", "two"])
    lines = [line for line in done.stdout.splitlines() if SECRET in line]
    assert len(lines) == 1, done.stdout + done.stderr
    assert "two" in lines[0]


def test_the_exit_code_is_the_commands(each_project: Project, run_shorepass: RunShorepass) -> None:
    """``run`` lends to its service, and its exit code passes through."""
    done = each_project.run("run", "--rm", "-T", "one", "sh", "-c", f"{ASK}; exit 7")
    assert done.returncode == 7, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"ServerURL": REGISTRY, "Username": "alice", "Secret": SECRET}
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_a_project_in_the_background_keeps_its_grant(
    docker_project: Project, docker_containers: ContainerEngine, run_shorepass: RunShorepass
) -> None:
    """After ``up -d`` the grant lives until ``revoke``, and a second ``up`` gives its own to the same services."""
    (docker_project.folder / "compose.yaml").write_text(PROJECT.replace(f"{ASK}; echo $$PATH", "sleep 1000"))
    for _ in range(2):
        done = docker_project.run("up", "-d")
        assert done.returncode == 0, done.stderr
    first, second = json.loads(run_shorepass("grants", "--json").stdout)["grants"]
    assert (first["target"], second["target"]) == ("docker compose up", "docker compose up")
    assert f"the grant {second['id']} remains" in done.stderr
    name = "docker-project-one-1"
    assert SECRET in docker_containers.execute(name, "sh", "-c", ASK).stdout
    assert run_shorepass("revoke", second["id"]).status == 0
    assert docker_containers.execute(name, "sh", "-c", ASK).stdout == NOT_FOUND
    assert run_shorepass("revoke", first["id"]).status == 0


def test_a_signal_passes_through(docker_project: Project, run_shorepass: RunShorepass) -> None:
    """SIGINT stops the project as Ctrl-C does, and the grant ends."""
    (docker_project.folder / "compose.yaml").write_text(
        PROJECT.replace(f"{ASK}; echo $$PATH", "trap 'exit 0' TERM; echo begun; while :; do sleep 0.1; done")
    )
    with docker_project.start("up") as process:
        assert process.stdout is not None
        while "begun" not in process.stdout.readline():
            assert process.poll() is None, "it has ended"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode in (0, 130)
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.mark.parametrize(
    ("files", "flags", "environ", "at", "found"),
    [
        ({"compose.override.yml": "yes"}, [], {}, ".", "yes"),
        ({"docker-compose.yml": "no", "compose.override.yml": "yes"}, [], {}, "below", "yes"),
        ({"compose.override.yml": "no", "b.yaml": "yes"}, ["-f", "compose.yaml", "--file=b.yaml"], {}, ".", "yes"),
        ({"compose.override.yml": "no"}, ["-f", "../compose.yaml"], {}, "below", "base"),
        ({"compose.override.yml": "yes"}, ["--project-directory", ".."], {}, "below", "yes"),
        ({"a.yaml": "yes"}, [], {"COMPOSE_FILE": "compose.yaml:a.yaml"}, ".", "yes"),
        ({"a.yaml": "yes"}, [], {"COMPOSE_FILE": "compose.yaml,a.yaml", "COMPOSE_PATH_SEPARATOR": ","}, ".", "yes"),
        ({"a.yaml": "yes", ".env": "COMPOSE_FILE=compose.yaml:a.yaml"}, [], {}, ".", "yes"),
    ],
)
def test_the_projects_files_are_those_of_compose(
    alone_project: Project, files: dict[str, str], flags: list[str], environ: dict[str, str], at: str, found: str
) -> None:
    """Whichever files the project has, the service is the one that compose alone would start, with the login."""
    for name, value in files.items():
        text = f"services: {{two: {{environment: {{FROM: '{value}'}}}}}}"
        (alone_project.folder / name).write_text(value if name == ".env" else text)
    alone_project.env.update(environ)
    command = ("run", "--rm", "-T", "two", "sh", "-c", f"echo $FROM; {ASK}")
    done = alone_project.run(*flags, *command, at=at)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == found
    assert SECRET in done.stdout


@pytest.mark.parametrize(
    ("text", "flags", "reason"),
    [
        ("services: [", [], "docker-compose cannot read the project: go-yaml load error"),
        ("services: {two: {image: x}}", ["-f", "-"], "a compose file on standard input can be read only once"),
        ("services: {two: {image: x}}", ["-f", "absent.yaml"], "no such file or directory"),
    ],
)
def test_a_project_that_cannot_be_read(
    alone_project: Project, run_shorepass: RunShorepass, text: str, flags: list[str], reason: str
) -> None:
    """Its error is compose's, nothing is started, and nothing remains lent."""
    written = (alone_project.folder / "compose.yaml").read_text()
    (alone_project.folder / "compose.yaml").write_text(text)
    done = alone_project.run(*flags, "up")
    assert (done.returncode, reason in done.stderr) == (125, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    (alone_project.folder / "compose.yaml").write_text(written)


def test_docker_without_compose(run_shorepass: RunShorepass, tmp_path: Path) -> None:
    """Docker then prints only its own help, and the error says what is missing."""
    (tmp_path / "docker").symlink_to(programs.require(programs.docker_programs()[0]))
    done = run_shorepass("share", "compose", "--registry", "ghcr.io", env={"PATH": str(tmp_path)})
    assert (done.status, done.stdout) == (1, "")
    assert "docker has no command `compose` here\nhint: install docker's compose plugin\n" in done.stderr


def test_a_service_that_the_project_does_not_have(alone_project: Project) -> None:
    """The error lists those that it has."""
    done = alone_project.run("up", share=["--service", "ci"])
    assert done.returncode == 125
    assert "the compose project has no service ci" in done.stderr
    assert "its services are: one, two" in done.stderr


def test_a_written_file_brings_the_grant(docker_project: Project, run_shorepass: RunShorepass) -> None:
    """``share compose`` prints a file that compose merges, for all services or one; the grant ends by ``revoke``."""

    def share(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "shorepass", "share", "compose", "--registry", REGISTRY, *words]
        environ = {**os.environ, **docker_project.env}
        done = subprocess.run(argv, cwd=docker_project.folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    def up() -> str:
        words = [*docker_project.words, "-f", "compose.yaml", "-f", "lent.yaml", "up"]
        environ = {**os.environ, **docker_project.env}
        done = subprocess.run(
            words, cwd=docker_project.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    written = docker_project.folder / "lent.yaml"
    written.write_text(share().stdout)
    assert up().count(SECRET) == 2
    document = json.loads(share("--service", "one", "--json").stdout)
    check_schema("share", document)
    written.write_text(document["document"])
    assert up().count(SECRET) == 1
    assert run_shorepass("revoke", document["id"]).status == 0


def test_a_path_is_not_expanded(alone_project: Project) -> None:
    """A path with what compose would expand or what ends a string of YAML is the same path for compose."""
    path = '/tmp/$HOME ${PATH:-x} "quoted" \\n $$ ü'
    text = override({"one": Contents({"/run/shorepass": path}, {"VARIABLE": path}, ("PASSED",))})
    (alone_project.folder / "lent.yaml").write_text(text)
    words = ["-f", "compose.yaml", "-f", "lent.yaml", "config", "--format", "json"]
    environ = {**os.environ, **alone_project.env, "PASSED": "value"}
    done = subprocess.run(
        [*alone_project.words, *words], cwd=alone_project.folder, env=environ, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    service = json.loads(done.stdout)["services"]["one"]
    # compose prints a project that can be read again, so each $ is double
    assert service["environment"] == {"VARIABLE": path.replace("$", "$$"), "PASSED": "value"}
    (volume,) = service["volumes"]
    assert (volume["source"], volume["read_only"]) == (path.replace("$", "$$"), True)


def test_a_service_of_a_profile(alone_project: Project) -> None:
    """A service that is not started by default gets the login when the command names it."""
    text = PROJECT.replace("  two:\n", "  two:\n    profiles: [rarely]\n")
    (alone_project.folder / "compose.yaml").write_text(text)
    done = alone_project.run("run", "--rm", "-T", "two")
    assert SECRET in done.stdout, done.stderr
