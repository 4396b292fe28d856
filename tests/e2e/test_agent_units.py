"""The agent's systemd units: systemd accepts them, starts the agent at the first connection, and doctor sees a disabled one."""

from __future__ import annotations

import json
import os
import plistlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.user_session import Session, user_session
from shorepass.agent_client import systemd_units
from shorepass.agent_client.address import NAME
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "contrib"
WORST_EXPOSURE = 5.0  # of 10; systemd calls less than 5 "OK"


@pytest.fixture
def own_bin(home: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``~/.local/bin``, first on PATH, with a shorepass in it, where pipx and uv put one."""
    folder = home / ".local/bin"
    folder.mkdir(parents=True)
    (folder / "shorepass").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shorepass "$@"\n')
    (folder / "shorepass").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{world / 'bin'}:{programs.SYSTEM_PATH}")
    return folder


def verify(*paths: Path) -> None:
    done = programs.run(
        [programs.require("systemd-analyze"), "--user", "--man=no", "verify", *map(str, paths)], env=os.environ
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.usefixtures("own_bin")
def test_systemd_accepts_the_units() -> None:
    """Without a warning, and the service is shut off from the system as far as the helpers allow."""
    service = CONTRIB / "systemd" / systemd_units.SERVICE
    verify(CONTRIB / "systemd" / systemd_units.SOCKET, service)
    done = programs.run([programs.require("systemd-analyze"), "security", "--offline=yes", "--no-pager", str(service)])
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < WORST_EXPOSURE


def test_the_file_for_launchd_is_a_property_list() -> None:
    """It starts the agent in the foreground. launchd itself is not on this machine."""
    with (CONTRIB / "launchd/shorepass.agent.plist").open("rb") as file:
        found = plistlib.load(file)
    assert found["ProgramArguments"][1:] == ["agent", "start", "--foreground"]
    assert found["Umask"] == 0o077


@pytest.mark.usefixtures("our_helper", "own_bin")
def test_enable_writes_the_units(run_shorepass: RunShorepass, home: Path) -> None:
    """They start this installation; the command that turns them on is printed, and only --now runs it."""
    done = run_shorepass("agent", "enable", "--systemd", "--yes")
    assert done.status == 0, done.stderr
    assert (
        "hint: systemctl --user daemon-reload && systemctl --user enable --now shorepass-agent.socket\n" in done.stderr
    )
    folder = home / ".config/systemd/user"
    verify(*sorted(folder.iterdir()))
    assert (
        f'\nExecStart="{sys.executable}" -m shorepass agent start --foreground\n'
        in (folder / systemd_units.SERVICE).read_text()
    )
    remains = json.loads(run_shorepass("uninstall", "--keep", "--json").stdout)["stays"]
    assert {one["path"] for one in remains} >= {str(folder / systemd_units.SOCKET), str(folder / systemd_units.SERVICE)}
    done = run_shorepass("agent", "disable", "--yes")
    assert "the units of your systemd remain" in done.stderr


@pytest.mark.usefixtures("our_helper", "own_bin")
def test_another_unit_of_that_name_stays(run_shorepass: RunShorepass, home: Path) -> None:
    """A file that is not Shorepass's is an error, and stays."""
    unit = home / ".config/systemd/user" / systemd_units.SOCKET
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\n")
    done = run_shorepass("agent", "enable", "--systemd", "--yes")
    assert (done.status, "is not Shorepass's" in done.stderr) == (2, True)
    assert unit.read_text() == "[Unit]\n"


@pytest.fixture
def session(tmp_path: Path, own_bin: Path, home: Path, world: Path) -> Iterator[Session]:
    """A systemd for this user, as a login starts it."""
    assert own_bin
    with user_session(tmp_path, home, world) as found:
        yield found


@pytest.mark.usefixtures("nothing_set", "our_helper")
def test_systemd_starts_the_agent_at_the_first_connection(session: Session, home: Path) -> None:
    """Socket and folder are the user's only; the agent answers from its sandbox, also after it was stopped."""
    session.shorepass("vault", "init")
    assert "systemd starts the agent" in session.shorepass("agent", "enable", "--systemd", "--now", "--yes")
    path = f"{session.run_folder}/shorepass"
    shown = session.run("stat", "-c", "%a %n", path, f"{path}/{NAME}")
    assert shown.stdout == f"700 {path}\n600 {path}/{NAME}\n"
    pids = []
    for _ in range(2):
        assert session.state_of(systemd_units.SERVICE) == "inactive"
        pids.append(json.loads(session.shorepass("agent", "status", "--json"))["pid"])
        assert session.state_of(systemd_units.SERVICE) == "active"
        session.shorepass("agent", "stop")
        programs.wait_until(lambda: session.state_of(systemd_units.SERVICE) == "inactive" or None, "the service to end")
        assert session.state_of(systemd_units.SOCKET) == "active"
    assert len({*pids}) == 2
    session.shorepass("agent", "disable", "--now", "--yes")
    assert session.state_of(systemd_units.SOCKET) == "inactive"
    assert [path.name for path in (home / ".config/systemd/user").iterdir() if path.is_file()] == []
    assert session.run("ls", f"{path}/{NAME}").returncode != 0


def test_an_original_runs_in_the_sandbox(session: Session, own_bin: Path, home: Path, world: Path) -> None:
    """The system is read-only for it, and the home is not; its answer is what it is without an agent."""
    original = world / "bin/docker-credential-box"
    original.write_text(f"#!/bin/sh\ntest ! -w /usr && test -w {home} && echo '{{}}'\necho $PPID >{home}/parent\n")
    original.chmod(0o755)
    session.shorepass("accelerate", "box", "--yes")
    systemd_units.write(LocalContext.current())
    for words in (("daemon-reload",), ("start", systemd_units.SOCKET)):
        done = session.run("systemctl", "--user", *words)
        assert done.returncode == 0, done.stderr
    done = session.run(str(own_bin / original.name), "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")
    agent = session.run("systemctl", "--user", "show", "--property=MainPID", "--value", systemd_units.SERVICE).stdout
    assert (home / "parent").read_text() == agent
