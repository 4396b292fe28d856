"""``doctor`` finds an agent, a forwarder and units that do not work (SP7xx): each is caused, found, fixed, and gone."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e import programs
from e2e.user_session import Session, user_session
from shorepass.agent_client import systemd_units
from shorepass.agent_client.address import NAME
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.doctor import Doctor, Program

BOX = "docker-credential-box"
GOOD = """#!/bin/sh
case "$1" in
list) echo '{}' ;;
get) echo '{"ServerURL":"box.example","Username":"alice","Secret":"s3cret"}' ;;
esac
"""


@pytest.fixture
def own_bin(home: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``~/.local/bin``, first on PATH, and the helper ``box`` that docker's file names in a later folder."""
    folder = home / ".local/bin"
    folder.mkdir(parents=True)
    helper(world / "bin")
    (world / "bin/shorepass").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shorepass "$@"\n')
    (world / "bin/shorepass").chmod(0o755)
    (home / ".docker").mkdir(mode=0o700)
    config = home / ".docker/config.json"
    config.write_text(json.dumps({"credHelpers": {"box.example": "box"}}))
    config.chmod(0o600)
    monkeypatch.setenv("PATH", f"{folder}:{world / 'bin'}:{programs.SYSTEM_PATH}")
    return folder


def helper(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / BOX
    path.write_text(GOOD)
    path.chmod(0o755)
    return path


def findings(doctor: Doctor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(doctor().stdout)["findings"]
    return [one for one in found if one["code"].startswith("SP7")]


def one(doctor: Doctor, code: str, subject: object) -> str:
    """Return the fix of the only finding of the agent."""
    [found] = findings(doctor)
    assert (found["code"], found["subject"]) == (code, str(subject)), found
    text: str = found["fix"]["text"]
    return text


def follow(advice: str, *flags: str) -> None:
    done = programs.run(["/bin/sh", "-c", f"{advice} {shlex.join(flags)}"], env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr


def asks_original(name: str = BOX) -> bool:
    """Tell whether the helper that PATH leads to answers."""
    path = LocalContext.current().which(name)
    assert path is not None
    return programs.run([path, "get"], env=os.environ, stdin="box.example").returncode == 0


@pytest.mark.usefixtures("own_bin")
def test_sp701_a_dead_agent(run_shorepass: RunShorepass, doctor: Doctor, world: Path) -> None:
    """The agent was killed: its socket remains, and a new agent uses it."""
    assert run_shorepass("agent", "start").status == 0
    try:
        pid = json.loads(run_shorepass("agent", "status", "--json").stdout)["pid"]
        assert findings(doctor) == []
        os.kill(pid, signal.SIGKILL)
        programs.wait_until(lambda: True if is_gone(pid) else None, "the agent to end")
        follow(one(doctor, "SP701", world / "run/shorepass" / NAME))
        assert findings(doctor) == []
    finally:
        run_shorepass("agent", "stop")
    assert findings(doctor) == []


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.usefixtures("own_bin")
def test_sp702_a_folder_that_others_can_use(run_shorepass: RunShorepass, doctor: Doctor, world: Path) -> None:
    """No agent starts there; doctor --fix closes the folder."""
    folder = world / "run/shorepass"
    folder.mkdir(mode=0o755)
    assert run_shorepass("agent", "start").status != 0
    one(doctor, "SP702", folder)
    assert "fixed" in run_shorepass("doctor", "--fix", "--yes").stdout
    assert findings(doctor) == []
    starts_and_stops(run_shorepass)


def starts_and_stops(run_shorepass: RunShorepass) -> None:
    done = run_shorepass("agent", "start")
    assert done.status == 0, done.stderr
    assert run_shorepass("agent", "stop").status == 0


@pytest.mark.usefixtures("own_bin")
@pytest.mark.parametrize("what", ["folder", "socket", "file"])
def test_sp702_another_users(run_shorepass: RunShorepass, doctor: Doctor, world: Path, what: str) -> None:
    """A folder or socket of another user, or a file: the agent does not use it, and the user can move it away."""
    folder = world / "run/shorepass"
    folder.mkdir(mode=0o700)
    if what == "folder":
        subject = folder
    else:
        subject = folder / NAME
        subject.touch()
    if what != "file":
        programs.run(programs.as_root(["chown", "12345:12345", str(subject)]))
    assert run_shorepass("agent", "start").status != 0
    follow(one(doctor, "SP702", subject))
    assert findings(doctor) == []
    starts_and_stops(run_shorepass)


def test_sp703_another_version(run_shorepass: RunShorepass, doctor: Doctor, own_bin: Path, home: Path) -> None:
    """The copy is what an older Shorepass left. The hint brings it up to date, and asks nothing."""
    assert run_shorepass("accelerate", "box", "--yes").status == 0
    assert findings(doctor) == []
    copy = home / ".local/state/shorepass/forwarder/docker-credential-forwarder"
    copy.write_bytes(copy.read_bytes() + b"an older version")
    assert os.path.realpath(own_bin / BOX) == str(copy)
    follow(one(doctor, "SP703", copy))
    assert findings(doctor) == []
    assert asks_original()


def test_sp704_no_original(
    run_shorepass: RunShorepass, doctor: Doctor, docker: Program, own_bin: Path, world: Path, private_image: str
) -> None:
    """The helper was uninstalled: docker has no login for its registry. Undone, doctor names the missing helper."""
    registry = private_image.partition("/")[0]
    original = world / "bin" / BOX
    original.write_text(
        GOOD.replace("box.example", registry).replace("s3cret", "alice's password".replace("'", "'\\''"))
    )
    config = Path(os.environ["HOME"], ".docker/config.json")
    config.write_text(json.dumps({"credHelpers": {registry: "box"}}))
    assert run_shorepass("accelerate", "box", "--yes").status == 0
    assert docker("pull", private_image).returncode == 0
    assert docker("rmi", private_image).returncode == 0
    kept = original.read_text()
    original.unlink()
    assert docker("pull", private_image).returncode != 0
    advice = one(doctor, "SP704", BOX)
    original.write_text(kept)
    original.chmod(0o755)
    assert findings(doctor) == []  # installed again
    original.unlink()
    follow(advice, "--yes")
    assert findings(doctor) == []
    assert list(own_bin.iterdir()) == []
    assert ("SP201", BOX) in [(found["code"], found["subject"]) for found in json.loads(doctor().stdout)["findings"]]


@pytest.mark.parametrize("how", ["an earlier folder", "an upgrade"])
def test_sp705_not_first(
    run_shorepass: RunShorepass, doctor: Doctor, own_bin: Path, home: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another folder is first on PATH now, or an upgrade has replaced the symlink; the hint puts the forwarder first."""
    assert run_shorepass("accelerate", "box", "--yes").status == 0
    if how == "an upgrade":
        (own_bin / BOX).unlink()
        helper(own_bin)
        (home / "bin").mkdir()
        monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    else:
        helper(home / "sdk")
        (home / "bin").mkdir()
        monkeypatch.setenv("PATH", f"{home / 'bin'}:{home / 'sdk'}:{os.environ['PATH']}")
    follow(one(doctor, "SP705", BOX), "--yes")
    assert findings(doctor) == []
    assert LocalContext.current().which(BOX) == str(home / "bin" / BOX)
    assert asks_original()


@pytest.mark.usefixtures("own_bin")
def test_a_short_path_is_no_finding(run_shorepass: RunShorepass, world: Path) -> None:
    """A cron job's PATH does not have the symlink's folder: there the helper is meant to answer itself."""
    assert run_shorepass("accelerate", "box", "--yes").status == 0
    done = run_shorepass("doctor", "--json", env={"PATH": f"{world / 'bin'}:{programs.SYSTEM_PATH}"})
    assert [one["code"] for one in json.loads(done.stdout)["findings"] if one["code"].startswith("SP7")] == []


@pytest.fixture
def session(tmp_path: Path, own_bin: Path, our_helper: str, home: Path, world: Path) -> Iterator[Session]:
    """A systemd for this user, as a login starts it."""
    assert own_bin
    assert our_helper
    with user_session(tmp_path, home, world) as found:
        yield found


def test_sp706_units(session: Session) -> None:
    """Disabled, stopped, failed: each is found, and the hint makes the agent answer."""

    def look() -> list[dict[str, Any]]:
        done = session.run(*session.program, "doctor", "--json")
        found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        return [one for one in found if one["code"].startswith("SP7")]

    def fix(subject: str) -> None:
        [found] = look()
        assert (found["code"], found["subject"]) == ("SP706", subject)
        done = session.run("/bin/sh", "-c", found["fix"]["text"])
        assert done.returncode == 0, done.stderr
        assert look() == []
        session.shorepass("agent", "status")

    session.shorepass("agent", "enable", "--systemd", "--yes")
    fix(systemd_units.SOCKET)
    for words in (("disable", systemd_units.SOCKET), ("stop", systemd_units.SOCKET, systemd_units.SERVICE)):
        assert session.run("systemctl", "--user", *words).returncode == 0
        fix(systemd_units.SOCKET)
    drop_in = Path(session.env["HOME"], f".config/systemd/user/{systemd_units.SERVICE}.d/broken.conf")
    drop_in.write_text("[Service]\nExecStart=\nExecStart=/bin/false\n")
    for words in (("daemon-reload",), ("restart", systemd_units.SERVICE)):
        session.run("systemctl", "--user", *words)
    programs.wait_until(lambda: session.state_of(systemd_units.SERVICE) == "failed" or None, "the service to fail")
    assert [one["subject"] for one in look()] == [systemd_units.SERVICE]
    drop_in.unlink()
    session.run("systemctl", "--user", "daemon-reload")
    fix(systemd_units.SERVICE)
