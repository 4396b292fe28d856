"""Which socket the forwarder uses, and which it must not use."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.programs import as_root, require, running
from forwarder.conftest import Forwarder, checked
from forwarder.fake_agent import Connection, answer, fake_agent

NONE = b"docker-credential-harbour: no Shorepass agent is running, and there is no original program\n"
UNSAFE = (
    b"docker-credential-harbour: the socket of Shorepass's agent is not safe; fix: shorepass doctor, "
    b"and there is no original program\n"
)
STRANGER = 65534  # nobody's number on every Linux


@contextlib.contextmanager
def agent_at(path: Path) -> Iterator[None]:
    """An agent that answers with its path."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(answer(0, os.fsencode(path)))

    with fake_agent(path, behave):
        yield


@pytest.fixture
def places(world: Path, tmp_path: Path) -> Iterator[dict[str, Path]]:
    """An agent in each place of a user: by its name."""
    found = {
        "run": world / "run/shorepass/agent.sock",
        "state": tmp_path / "x/shorepass/run/agent.sock",
        "home": world / "home/.local/state/shorepass/run/agent.sock",
        "variable": tmp_path / "v.sock",
    }
    with contextlib.ExitStack() as stack:
        for path in found.values():
            stack.enter_context(agent_at(path))
        yield found


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({}, "run"),
        ({"XDG_STATE_HOME": "{x}"}, "run"),
        ({"SHOREPASS_SOCK": "{v}"}, "variable"),
        ({"SHOREPASS_SOCK": ""}, "run"),
        ({"XDG_RUNTIME_DIR": ""}, "home"),
        ({"XDG_RUNTIME_DIR": "run"}, "home"),
        ({"XDG_RUNTIME_DIR": "/absent"}, "home"),
        ({"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "{x}"}, "state"),
        ({"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "x"}, "home"),
        ({"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": ""}, "home"),
        ({"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "/absent"}, None),
        ({"XDG_RUNTIME_DIR": "", "HOME": ""}, None),
        ({"XDG_RUNTIME_DIR": "", "HOME": "relative"}, None),
        ({"SHOREPASS_SOCK": "/absent"}, None),
        ({"SHOREPASS_SOCK": "/long" * 100}, None),
        ({"XDG_RUNTIME_DIR": "/long" * 1000}, "home"),
        ({"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "/long" * 20}, None),
    ],
)
def test_the_first_socket_that_can_be_used(
    native: Forwarder, places: dict[str, Path], tmp_path: Path, env: dict[str, str], place: str | None
) -> None:
    """SHOREPASS_SOCK alone if it is set and not empty, then the runtime folder, then the state folder."""
    filled = {name: value.format(x=tmp_path / "x", v=tmp_path / "v.sock") for name, value in env.items()}
    done = native("get", env=filled)
    if place is None:
        assert (done.returncode, done.stderr) == (1, NONE)
    else:
        assert done.stdout == os.fsencode(places[place])


def test_without_any_variable(installed: Forwarder) -> None:
    """An empty environment: no agent."""
    done = subprocess.run(installed.command("get"), env={}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, NONE)


@pytest.mark.parametrize("spoil", ["group", "others", "symlink", "file", "symlinked socket"])
def test_a_place_that_is_not_safe(forwarder: Forwarder, socket_path: Path, tmp_path: Path, spoil: str) -> None:
    """A folder that others can open, a symlink, no socket: not used, and the next place is."""
    real = tmp_path / "real/agent.sock"
    with agent_at(real if "symlink" in spoil else socket_path):
        match spoil:
            case "group" | "others":
                socket_path.parent.chmod(0o710 if spoil == "group" else 0o701)
            case "symlink":
                socket_path.parent.symlink_to(real.parent)
            case "file":
                socket_path.unlink()
                socket_path.touch()
            case _:
                socket_path.parent.mkdir(mode=0o700)
                socket_path.symlink_to(real)
        done = forwarder("get")
        assert (done.returncode, done.stderr) == (1, UNSAFE)
        home = Path(os.environ["HOME"]) / ".local/state/shorepass/run/agent.sock"
        with agent_at(home):
            assert forwarder("get").stdout == os.fsencode(home)


@pytest.mark.parametrize("owned", ["folder", "socket"])
def test_a_place_of_another_user(native: Forwarder, socket_path: Path, owned: str) -> None:
    """The folder or the socket belongs to a stranger."""
    if os.geteuid() != 0:
        pytest.fail("the tests run as root")
    with agent_at(socket_path):
        os.chown(socket_path.parent if owned == "folder" else socket_path, STRANGER, -1)
        assert native("get").stderr == UNSAFE


def test_an_agent_of_another_user(native: Forwarder, socket_path: Path, tmp_path: Path) -> None:
    """Folder and socket are the user's, and yet the kernel names another user for the one that listens."""
    socket_path.parent.mkdir(mode=0o700)
    script = (
        "import os, socket, sys\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(sys.argv[1])\n"
        "os.chown(sys.argv[1], int(sys.argv[2]), -1)\n"
        f"os.setuid({STRANGER})\n"
        "listener.listen()\n"
        "print('listening', flush=True)\n"
        "while True: listener.accept()\n"
    )
    command = as_root([require("python3"), "-c", script, str(socket_path), str(os.geteuid())])
    log = tmp_path / "log"
    with running(command, log, lambda: True if "listening" in log.read_text() else None):
        assert native("get").stderr == UNSAFE


def test_the_place_of_root_comes_first(native: Forwarder, places: dict[str, Path], tmp_path: Path) -> None:
    """/run/shorepass/agent.sock is used before the user's own, whoever owns it; its folder is mounted there."""
    granted = tmp_path / "grant/agent.sock"
    with agent_at(granted):
        granted.parent.chmod(0o755)
        script = 'mount -t tmpfs none /run && mkdir /run/shorepass && mount --bind "$0" /run/shorepass && exec "$@"'
        command = as_root([require("unshare"), "--mount", "/bin/sh", "-c", script, str(granted.parent)])
        done = checked([*command, *native.command("get")], env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
    assert done.stdout == os.fsencode(granted)
    assert native("get").stdout == os.fsencode(places["run"])
