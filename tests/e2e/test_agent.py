"""The agent answers as the helper program does, for its own user only, and forgets when it should."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

import agents
from agents import ask
from contract.keyring_service import bus
from e2e import programs
from e2e.desktop_screen import hands, screen
from e2e.people import new_person
from shorepass.agent.audit_log import log_path, records
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

SCHEMA = Path(__file__).parents[2] / "docs/reference/schema/agent.json"
REGISTRY = b"registry.example"
SECRET = "s3cret-of-the-agent-test"
LOGIN = json.dumps({"ServerURL": "registry.example", "Username": "alice", "Secret": SECRET}).encode()


def helper(verb: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run the helper program itself."""
    done = subprocess.run(
        [sys.executable, "-m", "shorepass.docker_credential", verb], input=stdin, capture_output=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def status() -> dict[str, object]:
    return AgentClient(LocalContext.current()).manage("status")


@pytest.fixture
def vault(nothing_set: None, run_shorepass: RunShorepass) -> None:
    """A vault with one login."""
    assert nothing_set is None
    assert run_shorepass("vault", "init").status == 0
    assert helper("store", LOGIN)[0] == 0


@pytest.fixture
def agent(run_shorepass: RunShorepass) -> Iterator[int]:
    """A running agent: its process id."""
    done = run_shorepass("agent", "start")
    assert (done.status, done.stderr) == (0, "")
    pid = int(done.stdout.split()[-1])
    yield pid
    run_shorepass("agent", "stop")
    agents.wait_for_end(pid)


def test_it_may_open_as_many_files_as_the_hard_limit_allows(run_shorepass: RunShorepass) -> None:
    """A low soft limit, as a login shell has it, does not limit the number of grants and clients."""
    words = ["/bin/sh", "-c", 'ulimit -S -n 256; exec "$@"', "sh", sys.executable, "-m", "shorepass", "agent", "start"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    pid = int(done.stdout.split()[-1])
    try:
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        soft, hard = next(line.split()[3:5] for line in limits if line.startswith("Max open files"))
        assert int(soft) == min(int(hard), 65536)
    finally:
        run_shorepass("agent", "stop")
        agents.wait_for_end(pid)


CALLS = [
    ("get", REGISTRY),
    ("get", b"https://registry.example/v1/\n"),
    ("get", b"other.example"),
    ("get", b""),
    ("get", b"\xff\xfe"),
    ("list", b"unused"),
    ("version", b""),
    ("unknown", b""),
    ("store", b"{"),
    ("store", b"{}"),
    ("store", json.dumps({"ServerURL": "new.example", "Username": "bob", "Secret": "pass\u2028word"}).encode()),
    ("get", b"new.example"),
    ("erase", b"new.example"),
    ("erase", b"new.example"),
    ("get", b"new.example"),
]


@pytest.mark.usefixtures("vault", "agent")
def test_each_answer_is_the_programs_own() -> None:
    """Status, output and errors of each verb are those of docker-credential-shorepass, the first and the second time."""
    for verb, stdin in CALLS:
        answer = ask(verb, stdin)
        if verb in ("store", "erase"):  # which change what the program would answer next
            continue
        assert (answer.status, answer.output, answer.errors) == helper(verb, stdin), (verb, stdin)
        assert ask(verb, stdin) == answer
    assert ask("store", LOGIN)[:2] == helper("store", LOGIN)[:2]
    assert ask("erase", REGISTRY)[:2] == (0, b"")
    assert ask("erase", REGISTRY)[:2] == helper("erase", REGISTRY)[:2]


@pytest.mark.usefixtures("vault", "agent")
def test_it_sees_what_another_program_stores(run_shorepass: RunShorepass) -> None:
    """A login that another process stores or erases is in the very next answer."""
    assert ask("get", REGISTRY).status == 0
    changed = LOGIN.replace(b"alice", b"carol")
    assert helper("store", changed)[0] == 0
    assert json.loads(ask("get", REGISTRY).output)["Username"] == "carol"
    assert helper("erase", REGISTRY)[0] == 0
    assert ask("get", REGISTRY).status == 1
    assert run_shorepass("vault", "rekey", "--machine-key").status == 0
    assert helper("store", LOGIN)[0] == 0
    assert json.loads(ask("get", REGISTRY).output)["Username"] == "alice"


@pytest.mark.usefixtures("vault", "agent")
def test_an_answer_is_for_its_callers_variables(tmp_path: Path) -> None:
    """Another HOME, account or store has other answers, also after the first one is remembered."""
    assert ask("get", REGISTRY).status == 0
    assert ask("get", REGISTRY, env={"HOME": str(tmp_path)}).status == 1
    assert b"no vault" in ask("get", REGISTRY, env={"XDG_DATA_HOME": str(tmp_path)}).output
    work = {"SHOREPASS_ACCOUNT": "work"}
    with_account = ask("get", REGISTRY, env=work)
    assert with_account.status == 1
    assert b"work" in with_account.output
    assert ask("get", REGISTRY).status == 0


@pytest.mark.usefixtures("vault")
def test_lock_and_unlock(run_shorepass: RunShorepass, agent: int) -> None:
    """A locked agent gives no login, says how to unlock it, and answers again afterwards."""
    assert ask("get", REGISTRY).status == 0
    assert run_shorepass("agent", "lock").status == 0
    locked = ask("get", REGISTRY)
    assert (locked.status, locked.output) == (1, b"the agent is locked; fix: shorepass unlock\n")
    assert SECRET.encode() not in locked.output
    assert status()["locked"] is True
    assert run_shorepass("unlock").status == 0
    assert ask("get", REGISTRY).status == 0
    assert status()["pid"] == agent


@pytest.mark.usefixtures("vault")
def test_hangup_drops_what_is_remembered(agent: int) -> None:
    """SIGHUP drops the answers; the next call reads the vault again."""
    ask("get", REGISTRY)
    os.kill(agent, signal.SIGHUP)

    def dropped() -> bool | None:
        helpers = status()["helpers"]
        assert isinstance(helpers, list)
        return True if helpers[0]["answers"] == 0 else None

    programs.wait_until(dropped, "the agent to forget")
    assert ask("get", REGISTRY).status == 0


@pytest.mark.usefixtures("vault")
def test_a_killed_agent_leaves_a_socket_that_the_next_one_replaces(run_shorepass: RunShorepass, agent: int) -> None:
    """After a kill, status says that no agent answers; start makes a new one; no login is lost."""
    agents.kill(agent)
    assert os.path.exists(agents.socket_path())
    refused = run_shorepass("agent", "status")
    assert refused.status == 1
    assert "no agent answers" in refused.stderr
    stopped = json.loads(run_shorepass("agent", "status", "--json").stdout)
    assert stopped["running"] is False
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(stopped)
    started = run_shorepass("agent", "start")
    assert started.status == 0
    assert ask("get", REGISTRY).status == 0


@pytest.mark.usefixtures("vault")
def test_only_one_agent_runs(run_shorepass: RunShorepass, agent: int) -> None:
    """Ten starts at once find the agent that runs, and a second one in the foreground refuses."""
    threads = [threading.Thread(target=run_shorepass, args=("agent", "start")) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert status()["pid"] == agent
    second = run_shorepass("agent", "start", "--foreground")
    assert second.status == 1
    assert "the agent already runs" in second.stderr


def test_what_is_in_the_way_is_not_removed(run_shorepass: RunShorepass) -> None:
    """A file, another user's folder and an open folder at the socket's path are errors that name it; nothing is removed."""
    path = Path(agents.socket_path())
    path.parent.mkdir(mode=0o700)
    path.write_text("mine")
    done = run_shorepass("agent", "start", "--foreground")
    assert done.status == 2
    assert f"{path} is in the way" in done.stderr
    assert path.read_text() == "mine"
    path.unlink()
    path.parent.chmod(0o755)
    done = run_shorepass("agent", "start", "--foreground")
    assert done.status == 2
    assert "mode 755" in done.stderr
    assert f"chmod 700 {path.parent}" in done.stderr
    path.parent.chmod(0o700)


def test_a_path_that_no_socket_can_have(run_shorepass: RunShorepass, world: Path) -> None:
    """A run folder with a long name is an error that says what to set."""
    folder = world / ("x" * 110)
    folder.mkdir(mode=0o700)
    done = run_shorepass("agent", "start", "--foreground", env={"XDG_RUNTIME_DIR": str(folder)})
    assert done.status == 2
    assert "XDG_RUNTIME_DIR" in done.stderr


@pytest.mark.usefixtures("vault", "agent")
def test_another_user_gets_nothing() -> None:
    """Even where another user can reach the socket, the agent closes the connection."""
    path = Path(agents.socket_path())
    script = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); os.write(1, b'in ');"
        "os.setgid(65534); os.setuid(65534); s2 = socket.socket(socket.AF_UNIX); s2.connect(sys.argv[1]);"
        "s2.sendall(sys.stdin.buffer.read()); os.write(1, s2.recv(100))"
    )
    closed = {folder: mode for folder in [path, *path.parents] if not (mode := os.stat(folder).st_mode) & 0o001}
    for folder in closed:
        folder.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        input=agents.call("get", REGISTRY).encode(),
        capture_output=True,
        check=False,
    )
    for folder, mode in closed.items():
        folder.chmod(mode)
    assert done.stdout == b"in ", done.stderr


def typed(words: list[str], passphrase: str) -> int:
    """Run a program on a terminal of its own, type a passphrase at each question, and return its exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", *words])
    seen = b""
    while True:
        try:
            chunk = os.read(terminal, 1024)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if b"assphrase" in seen and seen.rstrip().endswith(b":"):
            os.write(terminal, passphrase.encode() + b"\n")
            seen = b""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("kind", ["a passphrase", "an SSH key"])
def test_a_passphrase_is_typed_once(kind: str, run_shorepass: RunShorepass, tmp_path: Path) -> None:
    """The first command types it; afterwards every verb and the helper use the key that the agent holds, until the lock."""
    flags, file = ["--passphrase"], "vault.key.age"
    if kind == "an SSH key":
        file = str(tmp_path / "id_ed25519")
        make = [programs.require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "correct horse", "-f", file]
        subprocess.run(make, check=True)
        flags = ["--ssh-key", file]
    assert typed(["shorepass", "vault", "init", *flags], "correct horse") == 0
    done = run_shorepass("agent", "start")
    pid = int(done.stdout.split()[-1])
    try:
        assert ask("get", REGISTRY).declined == "a passphrase must be typed first"
        assert "passphrase" in run_shorepass("vault", "export", "--yes", "-o", str(tmp_path / "none.json")).stderr
        assert typed(["shorepass", "unlock", "-t", "1h"], "correct horse") == 0
        keys = status()["keys"]
        assert isinstance(keys, list)
        assert [key["path"].endswith(file) for key in keys] == [True]
        assert 3500 < keys[0]["seconds"] <= 3600
        assert ask("store", LOGIN).status == 0
        assert json.loads(ask("get", REGISTRY).output)["Secret"] == SECRET
        exported = run_shorepass("vault", "export", "--yes", "-o", str(tmp_path / "all.json"))
        assert exported.status == 0, exported.stderr
        assert "registry.example" in (tmp_path / "all.json").read_text()
        assert helper("store", LOGIN.replace(b"alice", b"bob")) == (0, b"", b"")  # signed by the agent's key
        assert json.loads(ask("get", REGISTRY).output)["Username"] == "bob"
        os.kill(pid, signal.SIGHUP)
        programs.wait_until(lambda: True if ask("get", REGISTRY).declined else None, "the agent to forget the key")
        assert (
            typed(["shorepass", "vault", "export", "--yes", "-o", str(tmp_path / "typed.json")], "correct horse") == 0
        )
        assert json.loads(ask("get", REGISTRY).output)["Username"] == "bob"  # the verb gave the key to the agent
    finally:
        run_shorepass("agent", "stop")


@pytest.mark.usefixtures("vault", "agent")
def test_the_log_has_each_request_and_no_secret(run_shorepass: RunShorepass) -> None:
    """Each call is one line with who asked for what; no line has a secret, not even of `store`."""
    ask("get", REGISTRY)
    ask("get", REGISTRY)
    ask("store", LOGIN)
    ask("get", b"missing.example")
    path = Path(log_path(LocalContext.current()))
    programs.wait_until(lambda: len(list(records(str(path)))) == 4 or None, "four lines in the log")
    found = list(records(str(path)))
    # A line is written after its answer, so that two lines may change their places.
    assert sorted((line["verb"], line["registry"], line["result"], line["source"]) for line in found) == [
        ("get", "missing.example", "not found", "vault"),
        ("get", "registry.example", "ok", "memory"),
        ("get", "registry.example", "ok", "vault"),
        ("store", "", "ok", "vault"),
    ]
    assert {line["pid"] for line in found} == {os.getpid()}
    assert {line["uid"] for line in found} == {os.geteuid()}
    assert {os.path.realpath(line["program"]) for line in found} == {os.path.realpath(sys.executable)}
    assert SECRET not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    shown = run_shorepass("agent", "log")
    assert shown.stdout.count("registry.example") == 2
    printed = run_shorepass("agent", "status", "--json").stdout
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(printed))
    counted = json.loads(printed)["helpers"][0]
    assert (counted["calls"], counted["from_memory"], counted["answers"]) == (4, 1, 2)
    lines = run_shorepass("agent", "log", "--json").stdout.splitlines()
    assert sorted(json.loads(line)["verb"] for line in lines) == ["get", "get", "get", "store"]


@pytest.mark.usefixtures("vault")
def test_its_memory_is_closed_to_others(agent: int) -> None:
    """No core dump, and no other process without root's rights may read its memory or its environment."""
    ask("get", REGISTRY)
    limits = Path(f"/proc/{agent}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert os.stat(f"/proc/{agent}/mem").st_uid == 0  # the kernel gives it to root for a process that is not dumpable
    files = [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()]
    files += [path for path in Path(os.environ["XDG_RUNTIME_DIR"]).rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.usefixtures("vault", "agent")
def test_pipelined_frames_are_answered_in_their_order() -> None:
    """Frames on one connection get their answers in order, also unknown versions and kinds between them."""
    unknown_version = bytes([9]) + agents.call("list").encode()[1:]
    frames = [agents.call("get", REGISTRY).encode(), unknown_version, agents.call("list").encode()]
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(agents.socket_path())
        wire.sendall(b"".join(frames))
        wire.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := wire.recv(65536):
            data += chunk
    kinds = []
    while data:
        kinds.append(chr(data[1]))
        data = data[8 + int.from_bytes(data[4:8], "big") :]
    assert kinds == ["A", "D", "A"]


@pytest.mark.usefixtures("vault", "agent")
@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100,
        b"\x01C\0\0\xff\xff\xff\xff",
        b"\x01C\0\0\0\0\0\4\0\0\0\x09",
        b"\x01C\0\0\0\0\0\4\0\0\0\0",
        b"\x01M\0\0\0\0\0\x0c\0\0\0\2{]\0\0\0\0",
        b"\x01A\0\0\0\0\0\0",
        b"\x01",
        b"\0" * 64,
    ],
)
def test_garbage_gets_an_answer_or_the_end(garbage: bytes) -> None:
    """What is not a request is declined or cut off, and the next caller is served."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(agents.socket_path())
        wire.sendall(garbage)
        wire.shutdown(socket.SHUT_WR)
        data = b""
        with contextlib.suppress(ConnectionResetError):  # it does not read the rest
            while chunk := wire.recv(65536):
                data += chunk
    assert data[1:2] in (b"D", b"")
    assert ask("get", REGISTRY).status == 0


@pytest.mark.usefixtures("vault")
def test_it_ends_when_nothing_asks(run_shorepass: RunShorepass) -> None:
    """The agent ends after the idle time of the settings, and removes its socket."""
    settings = Path(os.environ["HOME"], ".config/shorepass/config.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('[agent]\nidle = "1s"\n')
    pid = int(run_shorepass("agent", "start").stdout.split()[-1])
    agents.wait_for_end(pid)
    assert not os.path.exists(agents.socket_path())
    with pytest.raises(NoAgent):
        status()


@pytest.mark.usefixtures("vault")
def test_systemd_hands_over_the_socket(world: Path) -> None:
    """With a socket by systemd's protocol, the agent answers on it, and leaves its file when it ends."""
    path = Path(agents.socket_path())
    path.parent.mkdir(mode=0o700)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    start = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True); os.environ['LISTEN_PID'] = str(os.getpid());"
        "os.environ['LISTEN_FDS'] = '1';"
        "os.execv(sys.executable, [sys.executable, '-m', 'shorepass', 'agent', 'start', '--foreground'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, str(listening.fileno())], pass_fds=[listening.fileno()], cwd=world
    )
    try:
        assert ask("get", REGISTRY).status == 0
        process.terminate()
        assert process.wait(60) == 0
        assert path.exists()
    finally:
        process.kill()
        process.wait()
        listening.close()


@pytest.mark.usefixtures("vault")
def test_the_helper_starts_it_if_the_settings_say_so(run_shorepass: RunShorepass) -> None:
    """With `start = true`, the first helper call answers as before and starts the agent; without, none is started."""
    settings = Path(os.environ["HOME"], ".config/shorepass/config.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[agent]\nstart = true\n")
    expected = helper("get", REGISTRY)

    def started() -> dict[str, object] | None:
        try:
            return status()
        except NoAgent:
            return None

    found = programs.wait_until(started, "the agent to start")
    assert json.loads(expected[1])["Username"] == "alice"
    assert ask("get", REGISTRY)[:3] == expected
    assert helper("get", REGISTRY) == expected
    assert status()["pid"] == found["pid"]
    run_shorepass("agent", "stop")


@pytest.mark.usefixtures("nothing_set")
def test_pinentry_asks_where_there_is_no_terminal(run_shorepass: RunShorepass, world: Path) -> None:
    """On a desktop without a terminal, unlock asks by the real pinentry, which encodes some characters."""
    assert typed(["shorepass", "vault", "init", "--passphrase"], "correct höfe%41") == 0
    with screen(world, world / "bin") as display:
        try:
            without = run_shorepass("unlock")
            assert without.status == 3
            assert "no terminal" in without.stderr
            with hands(display, ["key", "Escape"]):
                cancelled = run_shorepass("unlock", env={"DISPLAY": display})
            assert (cancelled.status, "no passphrase was given" in cancelled.stderr) == (3, True)
            with hands(display, ["type", "correct höfe%41"], ["key", "Return"]):
                done = run_shorepass("unlock", env={"DISPLAY": display})
            assert (done.status, done.stderr) == (0, "")
            assert ask("store", LOGIN).status == 0
        finally:
            run_shorepass("agent", "stop")


SIGNALS = [
    (
        "DBUS_SYSTEM_BUS_ADDRESS",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager.PrepareForSleep",
        "boolean:true",
    ),
    ("DBUS_SYSTEM_BUS_ADDRESS", "/org/freedesktop/login1/session/_31", "org.freedesktop.login1.Session.Lock", ""),
    ("DBUS_SESSION_BUS_ADDRESS", "/ScreenSaver", "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:true"),
    ("DBUS_SESSION_BUS_ADDRESS", "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged", "boolean:true"),
]


@pytest.mark.usefixtures("vault")
def test_the_desktop_makes_it_forget(run_shorepass: RunShorepass, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When logind says that the machine sleeps, or the screen is locked, all that is held is dropped."""
    with bus(world / "system") as system, bus(world / "session") as session:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", system)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session)
        assert run_shorepass("agent", "start").status == 0
        try:
            for variable, path, member, argument in SIGNALS:
                send = [programs.require("dbus-send"), f"--bus={os.environ[variable]}", "--type=signal", path, member]

                def dropped(send: list[str] = send, argument: str = argument) -> bool | None:
                    assert ask("get", REGISTRY).status == 0
                    subprocess.run([word for word in (*send, argument) if word], check=True)
                    helpers = status()["helpers"]
                    assert isinstance(helpers, list)
                    return True if helpers[0]["answers"] == 0 else None

                programs.wait_until(dropped, f"{member} to be heard")
        finally:
            run_shorepass("agent", "stop")


@pytest.mark.usefixtures("vault", "agent")
def test_the_log_is_followed_also_after_it_was_moved(world: Path) -> None:
    """`log --follow` shows what is in the log and each new request, also when a new log has begun."""
    ask("get", REGISTRY)
    path = Path(log_path(LocalContext.current()))
    argv = [sys.executable, "-m", "shorepass", "agent", "log", "--follow", "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=world) as process:
        assert process.stdout
        try:
            assert json.loads(process.stdout.readline())["registry"] == "registry.example"
            path.rename(path.with_name("moved"))
            path.write_text('{"registry": "new.example"}\n')
            assert json.loads(process.stdout.readline())["registry"] == "new.example"
        finally:
            process.terminate()


READS = """
import os, sys
pid, uid, addresses = sys.argv[1], int(sys.argv[3]), []
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
for line in open(f"/proc/{pid}/maps"):
    first, last = (int(part, 16) for part in line.split()[0].split("-"))
    addresses.append((first, last - first))
with open(f"/proc/{pid}/mem", "rb") as memory:
    for first, size in addresses:
        try:
            memory.seek(first)
            if sys.argv[2].encode() in memory.read(size):
                print("found")
        except (OSError, ValueError, OverflowError):
            pass  # what no process has there
"""


def test_its_own_user_cannot_read_its_memory(tmp_path: Path) -> None:
    """Neither another process of the same user nor a crash gets at what an agent holds."""
    with new_person() as person:
        _, *run = [*person.shorepass("agent", "start"), "--foreground"]
        run = [programs.require("env"), f"XDG_RUNTIME_DIR={person.home}", *run]
        with subprocess.Popen(programs.as_root(run), cwd=tmp_path) as process:
            socket_path = person.home / "shorepass/agent.sock"
            programs.wait_until(lambda: socket_path.exists() or None, "the agent to listen")
            pid = programs.run([programs.require("pgrep"), "-u", str(person.uid), "-f", "agent start"]).stdout.split()[
                0
            ]
            read = [sys.executable, "-c", READS, pid, "shorepass"]
            tried = programs.run(programs.as_root([*read, str(person.uid)]))
            assert "PermissionError" in tried.stderr
            assert tried.stdout == ""
            assert programs.run(programs.as_root([*read, "0"])).stdout.startswith("found")
            os.kill(int(pid), signal.SIGABRT)
            assert process.wait(60) != 0
        assert [name for name in os.listdir(tmp_path) if "core" in name] == []
