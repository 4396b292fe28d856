"""The user must allow the first use of a grant by each container: by a verb, a terminal, a notification, or pinentry."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.test_vault import SHOREPASS, on_a_terminal
from client_files import auth
from contract.keyring_service import bus
from e2e import programs
from e2e.containers import IMAGE
from e2e.desktop_screen import hands, screen
from e2e.lending import NOT_FOUND, check_schema, end_agent, share
from shorepass.agent_client.client import AgentClient
from shorepass.agent_client.connection import Connection
from shorepass.agent_client.frames import Frame, Kind
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import Done, RunShorepass
    from e2e.containers import ContainerEngine

HELPER = "/usr/local/bin/docker-credential-shorepass"
REGISTRY = "lent.example"
ASK = ("sh", "-c", f"echo {REGISTRY} | {HELPER} get")
REFUSED = "the lender did not allow this use; the lender's fix: shorepass grants confirm"


@pytest.fixture(autouse=True)
def login(home: Path, world: Path, dockerd: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lender's login. The agent finds the engine where a rootless one is, and ends with the test."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: auth("alice:s3cret")}}))
    monkeypatch.setenv("DOCKER_HOST", dockerd)
    (world / "run/docker.sock").symlink_to(dockerd.removeprefix("unix://"))
    yield
    end_agent()


@contextlib.contextmanager
def asking(engine: ContainerEngine, name: str, registry: str = REGISTRY) -> Iterator[subprocess.Popen[str]]:
    """Ask for the login in a container, in the background."""
    argv = [engine.program, "exec", name, "sh", "-c", f"echo {registry} | {HELPER} get"]
    env = {"HOME": str(engine.folder), "PATH": programs.SYSTEM_PATH, **engine.env}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process


def is_given(engine: ContainerEngine, name: str) -> bool:
    """Tell whether a container gets the login now; if not, it must get that there is none, and one line."""
    done = engine.execute(name, *ASK)
    return check(done.stdout, done.stderr)


def check(output: str, errors: str) -> bool:
    if output == NOT_FOUND:
        assert (REFUSED in errors, errors.count("\n")) == (True, 1)
        return False
    assert json.loads(output)["Secret"] == "s3cret"
    return True


def waiting(run_shorepass: RunShorepass, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many uses wait for a yes, and return their questions."""

    def found() -> list[dict[str, Any]] | None:
        document = json.loads(run_shorepass("grants", "--json").stdout)
        check_schema("grants", document)
        return document["questions"] if len(document["questions"]) == count else None

    return programs.wait_until(found, "a question")


def confirms(run_shorepass: RunShorepass) -> list[tuple[str, str]]:
    """Return the answers in the audit log, each with its result."""
    lines = run_shorepass("agent", "log", "--json").stdout.splitlines()
    return [(line["result"], line["source"]) for line in map(json.loads, lines) if line["verb"] == "confirm"]


def test_by_a_verb(docker_containers: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """Each container is asked about once; a no ends the questions of the grant until a later yes; others do not wait."""
    engine = docker_containers
    id_, flags, _ = share(run_shorepass, "--registry", REGISTRY, "--confirm")
    free = engine.make(*share(run_shorepass, "--registry", REGISTRY).flags)
    first, second, third = (engine.make(*flags) for _ in range(3))
    with asking(engine, first) as call:
        (question,) = waiting(run_shorepass)
        name = engine.run("inspect", "--format", "{{.Name}}", first).strip().removeprefix("/")
        assert f"lend the login for {REGISTRY} to the container {name} (" in question["text"]
        assert question["container"].startswith(engine.run("inspect", "--format", "{{.Id}}", first).strip())
        assert f"hint: shorepass grants confirm {id_}" in run_shorepass("grants").stderr
        assert is_given(engine, free)
        assert run_shorepass("grants", "confirm", id_).stdout == f"allowed 1 uses of the grant {id_}\n"
        assert check(*call.communicate())
    assert is_given(engine, first)
    with contextlib.ExitStack() as stack:
        calls = [stack.enter_context(asking(engine, second)) for _ in range(6)]
        waiting(run_shorepass)
        assert is_given(engine, first)  # six calls of the same grant wait
        assert run_shorepass("grants", "deny", id_).status == 0
        assert [check(*call.communicate()) for call in calls] == [False] * 6
    assert [is_given(engine, name) for name in (first, second, third)] == [True, False, False]
    assert run_shorepass("grants", "confirm", id_).status == 0
    assert is_given(engine, second)
    assert confirms(run_shorepass) == [("ok", "yes by command line"), ("failed", "no by command line")]
    assert run_shorepass("grants", "confirm", id_).stdout == f"no use of the grant {id_} waits for your yes\n"


def test_no_answer_and_a_new_agent(docker_containers: ContainerEngine, run_shorepass: RunShorepass, home: Path) -> None:
    """Without an answer in the policy's time the answer is no. An agent that starts again asks again."""
    engine = docker_containers
    policy = home / ".config/shorepass/policy.toml"
    policy.write_text('[defaults]\nconfirm = true\nconfirm_within = "1s"\n')
    id_, flags, _ = share(run_shorepass, "--registry", REGISTRY)
    name = engine.make(*flags)
    assert not is_given(engine, name)
    assert confirms(run_shorepass) == [("failed", "no answer")]
    assert run_shorepass("grants", "confirm", id_).status == 0
    assert is_given(engine, name)
    end_agent()
    assert run_shorepass("agent", "start").status == 0
    assert not is_given(engine, name)
    policy.unlink()
    assert is_given(engine, name)


def test_each_login_is_asked_for(docker_containers: ContainerEngine, run_shorepass: RunShorepass, home: Path) -> None:
    """A yes for one registry is not a yes for another one of the same grant."""
    logins = {registry: auth("alice:s3cret") for registry in (REGISTRY, "other.example")}
    (home / ".docker/config.json").write_text(json.dumps({"auths": logins}))
    id_, flags, _ = share(run_shorepass, "--registry", "*.example", "--confirm")
    name = docker_containers.make(*flags)
    with asking(docker_containers, name) as call:
        waiting(run_shorepass)
        assert run_shorepass("grants", "confirm", id_).status == 0
        assert check(*call.communicate())
    with asking(docker_containers, name, "other.example") as call:
        (question,) = waiting(run_shorepass)
        assert question["registry"] == "other.example"
        assert is_given(docker_containers, name)
        assert run_shorepass("grants", "deny", id_).status == 0
        assert not check(*call.communicate())
    assert is_given(docker_containers, name)


def test_revoke_ends_the_question(docker_containers: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """A call that waits ends without a login, and nothing waits any more."""
    id_, flags, _ = share(run_shorepass, "--registry", REGISTRY, "--confirm")
    name = docker_containers.make(*flags)
    with asking(docker_containers, name) as call:
        waiting(run_shorepass)
        assert run_shorepass("revoke", id_).status == 0
        assert call.communicate()[0] == NOT_FOUND
    waiting(run_shorepass, 0)
    assert run_shorepass("grants", "confirm", id_).status == 2


@pytest.mark.parametrize(("typed", "given"), [("y", True), ("n", False), ("", False)])
def test_on_the_terminal(docker_containers: ContainerEngine, typed: str, *, given: bool) -> None:
    """``run --share`` in the foreground asks on its terminal, while the command runs."""
    run = [docker_containers.program, "run", "--rm", "--network=none", IMAGE, *ASK]
    status, shown, _ = on_a_terminal([*SHOREPASS, "run", "--share", REGISTRY, "--confirm", "--", *run], [typed])
    assert f"shorepass: lend the login for {REGISTRY} to the container " in shown
    assert (status, '"Secret":"s3cret"' in shown, REFUSED in shown) == (0 if given else 1, given, not given)


def test_for_a_container_that_runs(docker_containers: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """``share docker:NAME`` in the foreground asks on its terminal; the question names the target."""
    name = docker_containers.make()
    share_it = [*SHOREPASS, "share", f"docker:{name}", "--registry", REGISTRY, "--confirm"]
    with ThreadPoolExecutor() as pool:
        relay = pool.submit(on_a_terminal, share_it, ["y"])

        def given() -> bool | None:
            done = docker_containers.execute(name, *ASK)
            return '"Secret":"s3cret"' in done.stdout or None

        programs.wait_until(given, "the relay and its answer")
        assert run_shorepass("revoke", "--all").status == 0
        shown = relay.result()[1]
    assert f"shorepass: lend the login for {REGISTRY} to docker:{name}, program " in shown
    assert confirms(run_shorepass) == [("ok", "yes by terminal")]


@contextlib.contextmanager
def desktop(folder: Path, button: str, *capabilities: str) -> Iterator[Path]:
    """Run a session bus with a notification server that presses a button; yield the folder of its files."""
    with bus(folder) as address:
        argv = [sys.executable, str(Path(__file__).parent / "notifications.py"), address, str(folder), button]

        def ready() -> bool | None:
            return (folder / "ready").exists() or None

        with programs.running([*argv, *capabilities], folder / "server.log", ready):
            yield folder


@pytest.mark.parametrize("button", ["yes", "no"])
def test_by_a_notification(
    docker_containers: ContainerEngine,
    run_shorepass: RunShorepass,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    button: str,
) -> None:
    """Without a terminal the desktop asks with two buttons; a signal that another program sends is not an answer."""
    with desktop(tmp_path, button, "actions", "body", "body-markup") as folder:
        address = f"unix:path={tmp_path}/bus"
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        _, flags, _ = share(run_shorepass, "--registry", REGISTRY, "--confirm")
        name = docker_containers.make(*flags)
        with asking(docker_containers, name) as call:
            shown = programs.wait_until(lambda: read(folder / "shown"), "the notification")
            assert f"lend the login for {REGISTRY} to the container " in shown
            forged = {"yes": "no", "no": "yes"}[button]
            member = "org.freedesktop.Notifications.ActionInvoked"
            send = [
                programs.require("dbus-send"),
                f"--bus={address}",
                "--type=signal",
                "/org/freedesktop/Notifications",
            ]
            subprocess.run([*send, member, "uint32:7", f"string:{forged}"], check=True)
            (folder / "press").touch()
            assert check(*call.communicate()) == (button == "yes")
        programs.wait_until(lambda: (folder / "closed").exists() or None, "the notification to close")
        result = "ok" if button == "yes" else "failed"
        assert confirms(run_shorepass) == [(result, f"{button} by notification")]


def read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


# The button that refuses has the focus, so that a word that the user types elsewhere allows nothing.
@pytest.mark.parametrize(("key", "given"), [("Tab Return", True), ("Return", False), ("Escape", False)])
def test_by_pinentry(
    docker_containers: ContainerEngine,
    run_shorepass: RunShorepass,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    *,
    given: bool,
) -> None:
    """On a desktop whose notifications have no buttons, the real pinentry asks."""
    monkeypatch.setenv("PATH", f"{world}/bin:{programs.SYSTEM_PATH}")
    with screen(world, world / "bin") as display, desktop(tmp_path, "yes", "body"):
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
        _, flags, _ = share(run_shorepass, "--registry", REGISTRY, "--confirm")
        with hands(display, ["key", *key.split()]):
            assert is_given(docker_containers, docker_containers.make(*flags)) == given


def test_in_mode_engine(
    docker_containers: ContainerEngine,
    registry: str,
    users: dict[str, str],
    private_image: str,
    run_shorepass: RunShorepass,
    home: Path,
) -> None:
    """A pull through the engine's socket waits for the yes, too."""
    (home / ".docker/config.json").write_text(json.dumps({"auths": {registry: auth(f"alice:{users['alice']}")}}))
    done = run_shorepass("share", "flags", "--mode", "engine", "--json", "--registry", registry, "--confirm")
    document = json.loads(done.stdout)
    path = document["flags"][0].split("source=")[1].split(",")[0] + "/docker.sock"

    def pull() -> subprocess.Popen[str]:
        argv = [docker_containers.program, "-H", f"unix://{path}", "pull", private_image]
        env = {"HOME": str(docker_containers.folder), "PATH": programs.SYSTEM_PATH}
        return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    docker_containers.try_run("rmi", private_image)
    with pull() as process:
        (question,) = waiting(run_shorepass)
        assert f"lend the login for {registry}" in question["text"]
        assert run_shorepass("grants", "confirm", document["id"]).status == 0
        assert process.wait(60) == 0


def called(wire: socket.socket) -> str:
    """Ask for the login on a connection; return the helper's output."""
    with Connection(wire, 60.0) as connection:
        connection.send(Frame(Kind.CALL, (b"shorepass", b"get", REGISTRY.encode(), b"/", b"")))
        answer = connection.receive()
    assert answer is not None
    return answer.fields[1].decode()


@pytest.mark.parametrize("reaped", [False, True])
def test_a_program_that_has_ended_is_not_one_outside_of_containers(
    run_shorepass: RunShorepass, *, reaped: bool
) -> None:
    """No one can tell in which container a program was that has connected and ended: a yes for others is not for it."""
    id_, _, path = share(run_shorepass, "--registry", REGISTRY, "--confirm")
    agent = AgentClient(LocalContext.current()).manage("status")["pid"]
    with ThreadPoolExecutor() as pool, socket.socket(socket.AF_UNIX) as wire, socket.socket(socket.AF_UNIX) as other:
        wire.connect(path)
        call = pool.submit(called, wire)
        waiting(run_shorepass)
        assert run_shorepass("grants", "confirm", id_).status == 0
        assert json.loads(call.result())["Secret"] == "s3cret"
        os.kill(agent, signal.SIGSTOP)
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                other.connect(path)
            os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED if reaped else os.WEXITED | os.WNOWAIT)
        os.kill(agent, signal.SIGCONT)
        assert called(other) == NOT_FOUND
        if not reaped:
            os.waitpid(child, 0)


def test_a_mode_that_sees_no_use(run_shorepass: RunShorepass) -> None:
    """A token is made once and used unseen, so there is no first use to ask about."""
    done: Done = run_shorepass("share", "flags", "--mode", "token", "--repo", f"{REGISTRY}/app", "--confirm")
    assert (done.status, "--confirm is for another mode" in done.stderr) == (2, True)
