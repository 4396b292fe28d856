"""What the cases share, and the table that ``make cases`` prints."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cases.grounds import AsUser, Ground, Here, Net, UnderSudo, make_certificates, net
from cases.image import put_image
from cases.table import open_scripts
from e2e import programs
from e2e.people import Person, new_person
from shorepass.testing import Registry

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

USERS = {"alice": "wonderland", "bob": "builder"}


@pytest.fixture(scope="session")
def shorepass_folder() -> Iterator[str]:
    """A folder with the program shorepass."""
    with tempfile.TemporaryDirectory(prefix="sp-bin-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for program, module in (
            ("shorepass", "shorepass"),
            ("docker-credential-shorepass", "shorepass.docker_credential"),
        ):
            script = folder / program
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            script.chmod(0o755)
        yield name


@pytest.fixture(scope="session")
def case_registry() -> Iterator[str]:
    """``localhost:PORT`` of a registry where alice and bob may do everything, and strangers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    name = f"localhost:{port}"
    with Registry(users=USERS, auth="bearer", realm=f"http://{name}/token", port=port) as registry:
        put_image(registry, "acme/app")
        put_image(registry, "app")
        yield name


@pytest.fixture(scope="session")
def engines(case_registry: str) -> Iterator[dict[str, str]]:
    """The variables that lead to a dockerd, and to a podman's files, of the cases alone."""
    folder = Path(tempfile.mkdtemp(prefix="sp-engines-"))  # not pytest's own folder, which is closed to other users
    folder.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="sp-") as run, programs.docker_daemon(folder) as address:
        own = f'[engine]\nlock_type = "file"\ntmp_dir = "{run}/tmp"\n'
        (folder / "containers.conf").write_text(own)
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{run}/run"\n'
        )
        files = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        archive = programs.busybox_archive(folder)
        docker = [programs.require("docker"), "-H", address, "import", str(archive), "local/busybox:1"]
        assert programs.run(docker, env={"HOME": str(folder)}).returncode == 0
        variables = {name: str(folder / file) for name, file in files.items()}
        with podman_service(folder, variables, case_registry) as podman:
            yield {"DOCKER_HOST": address, "CASE_PODMAN": podman, **variables}
    programs.run(programs.as_root(["rm", "-rf", str(folder)]))


@contextlib.contextmanager
def podman_service(folder: Path, variables: dict[str, str], registry: str) -> Iterator[str]:
    """Serve podman's socket, as a user who has no login; yield its address."""
    home, path = folder / "podman", folder / "podman.sock"
    home.mkdir()
    conf = home / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    env = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "CONTAINERS_REGISTRIES_CONF": str(conf), **variables}
    serve = [programs.require("podman"), "system", "service", "--time=0", f"unix://{path}"]
    asks = [programs.require("podman"), "--url", f"unix://{path}", "version"]

    def answers() -> bool | None:
        return (path.exists() and programs.run(asks, env=env).returncode == 0) or None

    with programs.running(serve, folder / "service.log", answers, env=env):
        yield f"unix://{path}"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and a server's certificate."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def here(case_registry: str, engines: dict[str, str], shorepass_folder: str) -> Here:
    """The machine itself."""
    return Here(case_registry, engines, shorepass_folder)


@contextlib.contextmanager
def with_engine(person: Person, address: str) -> Iterator[None]:
    """Let a person use the engine's socket."""
    path = address.removeprefix("unix://")
    person.as_root("chgrp", str(person.uid), path)
    try:
        yield
    finally:
        person.as_root("chgrp", str(os.getgid()), path)


@pytest.fixture
def user(case_registry: str, engines: dict[str, str], shorepass_folder: str) -> Iterator[AsUser]:
    """An ordinary user of this machine, who may use the engine."""
    with new_person() as person, with_engine(person, engines["DOCKER_HOST"]):
        person.as_root("mkdir", "-p", "-m", "700", "/run/containers")  # as the first podman of root does
        yield AsUser(case_registry, {"DOCKER_HOST": engines["DOCKER_HOST"]}, shorepass_folder, person)


@pytest.fixture
def sudo(case_registry: str, engines: dict[str, str], shorepass_folder: str) -> Iterator[UnderSudo]:
    """An ordinary user who may use sudo, and the engine."""
    with new_person() as person, with_engine(person, engines["DOCKER_HOST"]):
        yield UnderSudo(case_registry, {"DOCKER_HOST": engines["DOCKER_HOST"]}, shorepass_folder, person)


@pytest.fixture(name="net")
def net_(certificates: Path, shorepass_folder: str) -> Iterator[Net]:
    """A network of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="sp-net-") as folder,
        net(Path(folder), certificates, shorepass_folder) as ground,
    ):
        yield ground


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Ground:
    """The ground of the row."""
    found: Ground = request.getfixturevalue(request.param)
    return found


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print each case with its verdict and its code, and then the scripts without a row."""
    lines = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            found = dict(getattr(report, "user_properties", ()))
            if "case" in found and (report.when == "call" or outcome == "error"):
                verdict = found["verdict"] if outcome == "passed" else "FAILED"
                lines.append(f"{found['case']:16} {verdict:10} {found['code']}")
    terminalreporter.section("cases")
    for line in sorted(lines):
        terminalreporter.write_line(line)
    for name in open_scripts():
        terminalreporter.write_line(f"{name:16} open")
