"""A container of VS Code: docker there asks Shorepass while ``share`` runs, and VS Code's helper before and after."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.doctor import Doctor, found
from e2e.lending import Lender, end_agent
from e2e.test_share import docker_in
from e2e.test_share_running import wait_until_removed
from shorepass.contexts.local import LocalContext
from shorepass.share import vscode_helper

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

ID = "dev-containers-3f1c2b7e-0a4d-4a55-9d7c-0b6f3d1f2a10"
CONFIG = f"""{{
    "psFormat": "table",
    "of-another-tool": {{"kept": [1, 2.50, "ü"]}},
    "credsStore": "{ID}",
    "HttpHeaders": {{"X-One": "1"}}
}}
"""
PATH = "/home/app/.docker/config.json"
SCRIPT = "#!/bin/sh\\n# VS Code: its other end is gone\\necho ECONNREFUSED\\nexit 1\\n"
Lend = Callable[[str], tuple[Lender, str]]


@pytest.fixture
def docker_with_login(
    docker_containers: ContainerEngine,
    home: Path,
    world: Path,
    private_image: str,
    users: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ContainerEngine]:
    """A docker with a private image, and the lender's login for it; the agent that a grant starts ends with the test."""
    monkeypatch.setenv("DOCKER_HOST", docker_containers.leads["DOCKER_HOST"])
    monkeypatch.setenv("PATH", f"{world / 'bin'}:{programs.SYSTEM_PATH}")
    (home / ".docker").mkdir(mode=0o700)
    login = {"username": "alice", "password": users["alice"]}
    (home / ".docker/config.json").write_text(json.dumps({"auths": {private_image.partition("/")[0]: login}}))
    yield docker_containers
    end_agent()


def dev_container(engine: ContainerEngine, config: str = CONFIG, *flags: str) -> str:
    """Make a container with a config file as VS Code writes it for its user, and the script that the file names."""
    name = engine.make(*docker_in(engine), *flags)
    make = (
        f"mkdir -p /usr/local/bin && printf '{SCRIPT}' >/usr/local/bin/docker-credential-{ID}"
        f" && chmod 755 /usr/local/bin/docker-credential-{ID} && mkdir /home/app/.docker && cat >{PATH}"
        f" && chmod 640 {PATH} && chown -R 1000:1000 /home/app/.docker && chgrp 50 {PATH}"
    )
    done = engine.execute(name, "sh", "-c", make, stdin=config)
    assert done.returncode == 0, done.stderr
    return name


def file_of(engine: ContainerEngine, name: str) -> tuple[str, str]:
    """Return the config file in a container, and its mode and owner."""
    text = engine.execute(name, "cat", PATH).stdout
    return text, engine.execute(name, "stat", "-c", "%a %u %g", PATH).stdout.strip()


def pulls(engine: ContainerEngine, name: str, image: str) -> bool:
    """Tell whether VS Code's user in a container pulls, without any variable of Shorepass's."""
    engine.try_run("rmi", image)
    done = engine.try_run("exec", "--env=HOME=/home/app", name, "/bin/docker", "pull", image)
    return done.returncode == 0


@pytest.fixture
def lend(docker_with_login: ContainerEngine, private_image: str, tmp_path: Path) -> Iterator[Lend]:
    """Starts ``shorepass share`` for a container, and waits until it lends; returns it and the grant's id."""
    with contextlib.ExitStack() as started:

        def start(name: str) -> tuple[Lender, str]:
            words = ("--registry", private_image.partition("/")[0])
            lender = Lender(f"docker:{name}", tmp_path / f"said-{name}", *words, env=docker_with_login.leads)
            started.callback(lender.close)
            return lender, lender.wait_until_ready()

        yield start


@pytest.mark.parametrize("how", ["Ctrl-C", "revoke"])
def test_docker_asks_shorepass_until_the_end(
    docker_with_login: ContainerEngine, private_image: str, run_shorepass: RunShorepass, lend: Lend, how: str
) -> None:
    """One value of the file differs meanwhile. Then it is as before, to the byte, with its mode and owner."""
    engine = docker_with_login
    name = dev_container(engine)
    before = file_of(engine, name)
    assert before == (CONFIG, "640 1000 50")
    assert not pulls(engine, name, private_image)
    lender, id_ = lend(name)
    assert PATH in lender.said.read_text()
    assert file_of(engine, name) == (CONFIG.replace(ID, "shorepass"), before[1])
    assert pulls(engine, name, private_image)
    if how == "revoke":
        assert run_shorepass("revoke", id_).status == 0
        assert lender.process.wait(60) == 0
    else:
        assert lender.end() == 0
    assert file_of(engine, name) == before
    assert not pulls(engine, name, private_image)


def test_a_crash_is_repaired_by_the_next_share(
    docker_with_login: ContainerEngine, private_image: str, lend: Lend
) -> None:
    """``share`` was killed: the next one knows what the file had, and restores it at its end."""
    engine = docker_with_login
    name = dev_container(engine)
    before = file_of(engine, name)
    lend(name)[0].end(signal.SIGKILL)
    wait_until_removed(engine, name)
    lender, _ = lend(name)
    assert pulls(engine, name, private_image)
    assert lender.end() == 0
    assert file_of(engine, name) == before


def test_sp809_a_crash_is_repaired_by_doctor(
    docker_with_login: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, lend: Lend
) -> None:
    """While the relay runs there is no finding. After a crash doctor --fix restores the file."""
    engine = docker_with_login
    name = dev_container(engine, CONFIG, "--env=HOME=/home/app")
    place = f"docker:{name}"
    before = file_of(engine, name)
    lender, _ = lend(name)

    def codes() -> list[str]:
        return [one["code"] for one in found(doctor("--offline", "--in", place))]

    assert codes() == []
    lender.end(signal.SIGKILL)
    wait_until_removed(engine, name)
    assert codes() == ["SP809", "SP803"]
    done = run_shorepass("doctor", "--offline", "--in", place, "--fix", "--yes")
    assert f"{PATH}" in done.stdout
    assert file_of(engine, name) == before
    assert "SP809" not in codes()


@pytest.mark.parametrize("how", ["doctor --fix --yes --offline", "revoke --all", "uninstall --delete --yes"])
def test_a_crash_is_repaired_from_here(
    docker_with_login: ContainerEngine, run_shorepass: RunShorepass, doctor: Doctor, lend: Lend, how: str
) -> None:
    """Doctor finds it without ``--in``; its fix, ``revoke`` and ``uninstall`` restore the file in the container."""
    engine = docker_with_login
    name = dev_container(engine)
    before = file_of(engine, name)
    lender, _ = lend(name)
    lender.end(signal.SIGKILL)
    wait_until_removed(engine, name)
    subjects = [one["subject"] for one in found(doctor("--offline")) if one["code"] == "SP809"]
    assert subjects == [f"docker:{name}: {PATH}"]
    run_shorepass(*how.split())
    assert file_of(engine, name) == before
    assert [one["code"] for one in found(doctor("--offline")) if one["code"] == "SP809"] == []


def test_uninstall_while_share_runs(
    docker_with_login: ContainerEngine, run_shorepass: RunShorepass, lend: Lend, home: Path
) -> None:
    """The relay ends with its grant, restores the file, and leaves nothing on this machine."""
    name = dev_container(docker_with_login)
    before = file_of(docker_with_login, name)
    lender, _ = lend(name)
    assert run_shorepass("uninstall", "--delete", "--yes").status == 0
    lender.process.wait(60)
    assert file_of(docker_with_login, name) == before
    assert not (home / ".local/state/shorepass").exists()


@pytest.mark.parametrize("config", ['{"credsStore": "desktop"}', "{"])
def test_other_files_are_not_changed(docker_with_login: ContainerEngine, lend: Lend, config: str) -> None:
    """A file with another helper, or that is broken, stays as it is."""
    engine = docker_with_login
    name = dev_container(engine, config)
    lender, _ = lend(name)
    try:
        assert file_of(engine, name)[0] == config
    finally:
        assert lender.end() == 0


def test_a_mounted_file_is_not_changed(docker_with_login: ContainerEngine, lend: Lend, tmp_path: Path) -> None:
    """It is a file of this machine, which other programs read."""
    engine = docker_with_login
    own = tmp_path / "config.json"
    own.write_text(CONFIG)
    name = engine.make(*docker_in(engine), "-v", f"{own}:/root/.docker/config.json")
    lender, _ = lend(name)
    assert own.read_text() == CONFIG
    assert lender.end() == 0
    assert own.read_text() == CONFIG


def test_what_vs_code_writes_meanwhile_stays(docker_with_login: ContainerEngine, lend: Lend) -> None:
    """VS Code attaches again and writes a new helper's name: that is not replaced by the old one."""
    engine = docker_with_login
    name = dev_container(engine)
    lender, _ = lend(name)
    new = CONFIG.replace(ID, "dev-containers-2")
    assert engine.execute(name, "sh", "-c", f"cat >{PATH}", stdin=new).returncode == 0
    assert lender.end() == 0
    assert file_of(engine, name)[0] == new


def test_ctrl_c_while_files_are_changed(docker_with_login: ContainerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is changed already is restored: no helper of Shorepass's remains there, so docker there would fail."""
    name = dev_container(docker_with_login)
    helper = "/usr/local/bin/docker-credential-shorepass"
    docker_with_login.execute(name, "sh", "-c", f"echo >{helper} && chmod 755 {helper}")
    before = file_of(docker_with_login, name)

    def interrupted(_: object) -> Iterator[str]:
        yield PATH
        assert file_of(docker_with_login, name) != before
        raise KeyboardInterrupt

    monkeypatch.setattr(vscode_helper, "_paths", interrupted)
    here = LocalContext.current()
    container = vscode_helper.opened(here, f"docker:{name}")
    with pytest.raises(KeyboardInterrupt), vscode_helper.TakenOver(here, container):
        pass
    assert file_of(docker_with_login, name) == before
    assert vscode_helper.places(here) == []
