"""A login is lent to a real container that runs already, through a forwarder that is copied into it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.lending import NOT_FOUND, Lender, end_agent

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

HELPER = "/usr/local/bin/docker-credential-shorepass"
REGISTRY = "lent.example"
SECRET = "s3cret-that-is-lent"
CONFIG = "/run/shorepass/config/config.json"


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    login = {"username": "alice", "password": SECRET}
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: login}}))
    yield
    end_agent()


Lend = Callable[..., Lender]


@pytest.fixture
def lend(engine: ContainerEngine, tmp_path: Path) -> Iterator[Lend]:
    """Starts ``shorepass share`` for a container of the engine."""
    with contextlib.ExitStack() as started:

        def start(name: str, *words: str, target: str = "") -> Lender:
            wanted, said = target or f"{engine.family}:{name}", tmp_path / f"said-{name}"
            lender = Lender(wanted, said, "--registry", REGISTRY, *words, env=engine.leads)
            return started.enter_context(contextlib.closing(lender))

        yield start


def get(engine: ContainerEngine, name: str, registry: str = REGISTRY) -> subprocess.CompletedProcess[str]:
    """Ask the helper in a container."""
    return engine.execute(name, HELPER, "get", stdin=registry)


def remaining(engine: ContainerEngine, name: str) -> list[str]:
    """Return what is left in a container that runs, but for an empty config file."""
    find = "find /run /usr -xdev -name '*shorepass*' -not -type d; find /run/shorepass -type s -o -type f -size +4c"
    left = engine.execute(name, "sh", "-c", f"({find}) 2>/dev/null").stdout.split()
    kept = engine.execute(name, "cat", CONFIG).stdout
    return left if kept in ("", "{}\n") else [*left, CONFIG]


def wait_until_removed(engine: ContainerEngine, name: str) -> None:
    """Wait until nothing is left in a container."""
    programs.wait_until(lambda: not remaining(engine, name) or None, "an empty container")


@pytest.mark.parametrize("flags", [(), ("--user", "1000:1000", "--cap-drop=ALL"), ("--tmpfs", "/run")])
def test_a_container_that_runs_gets_a_login_until_ctrl_c(
    engine: ContainerEngine, lend: Lend, flags: tuple[str, ...]
) -> None:
    """Any user in it gets the lent login and no other; after Ctrl-C the grant has ended and no file is left."""
    name = engine.make(*flags)
    lender = lend(name)
    lender.wait_until_ready()
    for _ in range(3):
        done = get(engine, name)
        assert (done.returncode, json.loads(done.stdout)["Secret"]) == (0, SECRET), done.stderr
    done = get(engine, name, "other.example")
    assert (done.returncode, done.stdout) == (1, NOT_FOUND)
    config = json.loads(engine.execute(name, "cat", "/run/shorepass/config/config.json").stdout)
    assert "shorepass" in config["credHelpers"].values()
    assert (
        engine.execute(name, "stat", "-c", "%a", "/run/shorepass", "/run/shorepass/agent.sock").stdout == "755\n666\n"
    )
    assert lender.end() == 0
    assert remaining(engine, name) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_after_the_lender_has_ended(engine: ContainerEngine, lend: Lend, number: int) -> None:
    """Also if the lender is killed, the socket, the config file and the program in the container are removed."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    lender.end(number)
    wait_until_removed(engine, name)


@pytest.mark.xdist_group("podman")
def test_a_user_namespace(podman_containers: ContainerEngine, tmp_path: Path) -> None:
    """A container whose users are others on the host gets the lent login, and its user's config file."""
    flags = ("--uidmap=0:100000:65536", "--gidmap=0:100000:65536", "--user=1000:1000")
    name = podman_containers.make(*flags)
    said = tmp_path / "said"
    with contextlib.closing(
        Lender(f"podman:{name}", said, "--registry", REGISTRY, env=podman_containers.leads)
    ) as lender:
        lender.wait_until_ready()
        assert json.loads(get(podman_containers, name).stdout)["Secret"] == SECRET
        assert podman_containers.execute(name, "stat", "-c", "%u", CONFIG).stdout == "1000\n"
        assert lender.end() == 0
    assert remaining(podman_containers, name) == []


def test_revoke_ends_the_relay(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """``revoke`` ends the command with 0, and the container has no login and no file any more."""
    name = engine.make()
    lender = lend(name)
    id_ = lender.wait_until_ready()
    assert get(engine, name).returncode == 0
    assert run_shorepass("revoke", id_).status == 0
    assert lender.process.wait(60) == 0
    assert remaining(engine, name) == []
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_a_container_that_stops_ends_the_relay(
    engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass
) -> None:
    """The command fails with a sentence, the grant ends, and the container can be lent to again after its start."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    engine.stop(name)
    assert lender.process.wait(60) != 0
    assert f"{engine.family}:{name}: it was stopped, or started again" in lender.said.read_text()
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    engine.run("start", name)
    lender = lend(name)
    lender.wait_until_ready()
    assert get(engine, name).returncode == 0
    assert lender.end() == 0
    assert remaining(engine, name) == []


def relaying(grant: str) -> int:
    """Return the process that relays a grant."""
    known = json.loads((Path(os.environ["HOME"]) / ".local/state/shorepass/grants.json").read_text())["grants"]
    (relay,) = [one["relay"] for one in known if one["id"] == grant]
    return int(relay.split()[0])


def is_running(pid: int) -> bool:
    """Tell whether a process has not ended."""
    return Path(f"/proc/{pid}/exe").exists()


def test_in_the_background(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """The command returns, the login is lent, no secret is in the relay's words; it ends by ``revoke`` without a file left."""
    name = engine.make()
    lender = lend(name, "--detach")
    assert lender.process.wait(60) == 0, lender.said.read_text()
    grant = lender.wait_until_ready(ended=True)
    pid = relaying(grant)
    try:
        assert json.loads(get(engine, name).stdout)["Secret"] == SECRET
        assert grant in run_shorepass("grants").stdout
        for words in ("cmdline", "environ"):
            assert SECRET.encode() not in Path(f"/proc/{pid}/{words}").read_bytes()
        assert (Path(f"/proc/{pid}/fd/1").readlink(), os.getsid(pid)) == (Path(os.devnull), pid)
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE), limits
    finally:
        assert run_shorepass("revoke", grant).status == 0
    programs.wait_until(lambda: None if is_running(pid) else True, "the relay's end")
    assert remaining(engine, name) == []


def test_a_relay_in_the_background_that_is_killed(engine: ContainerEngine, lend: Lend) -> None:
    """Nothing is left in the container, and the note of the dead process remains with the grant."""
    name = engine.make()
    lender = lend(name, "--detach")
    assert lender.process.wait(60) == 0
    pid = relaying(lender.wait_until_ready(ended=True))
    os.kill(pid, signal.SIGKILL)
    wait_until_removed(engine, name)
    assert not is_running(pid)


def test_the_background_is_not_reached(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """A failure is the command's own, with its sentence and its exit status."""
    lender = lend(engine.make(running=False), "--detach")
    assert "it does not run" in lender.fail()
    assert lender.process.returncode == 3
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_many_callers_at_once(engine: ContainerEngine, lend: Lend) -> None:
    """A hundred calls at the same time are all answered, while callers that send nothing keep connections open."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    script = (
        "for i in $(seq 5); do sleep 1000 | nc local:/run/shorepass/agent.sock & done; "
        f'for i in $(seq 100); do (echo {REGISTRY} | {HELPER} get >/tmp/answer$i) & jobs="$jobs $!"; done; '
        "wait $jobs; cat /tmp/answer* | grep -c Secret; killall sleep nc"
    )
    assert engine.execute(name, "sh", "-c", script).stdout == "100\n"
    assert lender.end() == 0
    assert remaining(engine, name) == []


def test_the_next_agent_answers(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """While no agent runs a call says so at once, and the next agent answers through the same relay."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    end_agent()
    done = get(engine, name)
    assert (done.returncode, done.stdout) == (1, NOT_FOUND)
    assert "the lender does not answer" in done.stderr
    assert run_shorepass("agent", "start").status == 0
    assert json.loads(get(engine, name).stdout)["Secret"] == SECRET
    assert lender.end() == 0


def test_a_login_inside_goes_to_the_containers_own_file(engine: ContainerEngine, lend: Lend) -> None:
    """The container's user may change the config file there, as ``docker login`` does; another user may not."""
    name = engine.make("--user", "1000:1000")
    lender = lend(name)
    lender.wait_until_ready()
    config = "/run/shorepass/config"
    change = f"echo '{{}}' >{config}/config.json123 && mv {config}/config.json123 {config}/config.json"
    assert engine.execute(name, "sh", "-c", change).returncode == 0
    assert engine.try_run("exec", "--user", "4711", name, "sh", "-c", change).returncode != 0
    assert lender.end() == 0
    assert remaining(engine, name) == []


def test_helpers_that_the_containers_own_file_names(engine: ContainerEngine, lend: Lend) -> None:
    """A helper that is named there and missing is answered for; one that is there, or a name with a slash, is not touched."""
    name = engine.make()
    config = json.dumps({"credsStore": "desktop", "credHelpers": {"a.example": "mine", "b.example": "../x"}})
    script = "mkdir -p /root/.docker /usr/local/bin; cat >/root/.docker/config.json; cd /usr/local/bin; "
    script += "echo 'echo mine' >docker-credential-mine; chmod 755 docker-credential-mine"
    assert engine.execute(name, "sh", "-c", script, stdin=config).returncode == 0
    lender = lend(name)
    lender.wait_until_ready()
    done = engine.execute(name, "/usr/local/bin/docker-credential-desktop", "get", stdin=REGISTRY)
    assert json.loads(done.stdout)["Secret"] == SECRET
    listed = "/bin/ls /usr/local/bin /usr/local"
    assert engine.execute(name, "sh", "-c", "cat /usr/local/bin/docker-credential-mine").stdout == "echo mine\n"
    assert lender.end() == 0
    assert engine.execute(name, *listed.split()).stdout.count("docker-credential-") == 1


def test_a_container_that_is_started_again(engine: ContainerEngine, lend: Lend) -> None:
    """The command says why it ends."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    engine.run("restart", "-t", "0", name)
    assert "it was stopped, or started again" in lender.fail()


def test_a_container_that_is_removed(engine: ContainerEngine, lend: Lend) -> None:
    """The command says that it was removed, or stopped, which comes first."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    engine.remove(name)
    assert re.search("it was (removed|stopped)", lender.fail())


def test_a_forwarder_that_is_killed(engine: ContainerEngine, lend: Lend) -> None:
    """The command says so, and the container runs on."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    kill = "for p in /proc/[0-9]*; do grep -q -e '-[-]relay' $p/cmdline && kill -9 ${p#/proc/}; done; true"
    engine.execute(name, "sh", "-c", kill)
    assert "its forwarder has ended" in lender.fail()


def test_garbage_from_inside_ends_nothing(engine: ContainerEngine, lend: Lend) -> None:
    """Bytes that are no frame, a cut frame and a frame of wrong fields get no login, and the next caller gets its own."""
    name = engine.make("--user", "1000:1000")
    lender = lend(name)
    lender.wait_until_ready()
    for garbage in (
        r"GET / HTTP/1.1\r\n\r\n",
        r"\001C\000\000\000\000\000\004\377\377\377\377",
        r"\001C\000\000\377",
        r"\001M",
    ):
        send = f"printf '{garbage}' | /bin/busybox nc local:/run/shorepass/agent.sock"
        done = engine.execute(name, "sh", "-c", send)
        assert SECRET not in done.stdout
        assert get(engine, name).returncode == 0
    assert lender.end() == 0
    assert remaining(engine, name) == []


def test_a_container_that_forges_the_forwarders_output_ends_the_relay(engine: ContainerEngine, lend: Lend) -> None:
    """Root in the container writes to the forwarder's output: the command ends with a sentence."""
    name = engine.make()
    lender = lend(name)
    lender.wait_until_ready()
    find = "for p in /proc/[0-9]*; do grep -q -e --relay $p/cmdline && echo garbage-of-root > $p/fd/1; done; true"
    engine.execute(name, "sh", "-c", find)
    assert lender.process.wait(60) != 0
    assert "has sent what the forwarder does not send" in lender.said.read_text()


def test_a_container_with_hostile_files(engine: ContainerEngine, lend: Lend) -> None:
    """A link without an end and a folder in the place of config files do not stop the lender."""
    name = engine.make()
    script = "mkdir -p /root/.docker/config.json; ln -s .config /root/.config"
    assert engine.execute(name, "sh", "-c", script).returncode == 0
    lender = lend(name)
    lender.wait_until_ready()
    assert json.loads(get(engine, name).stdout)["Secret"] == SECRET
    assert lender.end() == 0
    assert remaining(engine, name) == []


def test_two_relays_in_one_container(engine: ContainerEngine, lend: Lend) -> None:
    """The second is refused with a sentence, and the first goes on."""
    name = engine.make()
    first = lend(name)
    first.wait_until_ready()
    second = lend(name)
    assert second.process.wait(60) != 0
    assert "another relay is there already\nhint: shorepass grants\n" in second.said.read_text()
    assert get(engine, name).returncode == 0
    assert first.end() == 0
    assert remaining(engine, name) == []


def ask_by_variables(engine: ContainerEngine, name: str, lender: Lender) -> subprocess.CompletedProcess[str]:
    """Ask the helper in a container, with the variables that the lender has printed, as another user."""
    exports = "".join(f"export {variable}={value}; " for variable, value in lender.variables.items())
    script = f'{exports}test -r "$REGISTRY_AUTH_FILE" && echo {REGISTRY} | docker-credential-shorepass get'
    return engine.try_run("exec", "--user", "1000:1000", name, "sh", "-c", script)


@pytest.mark.parametrize(
    "flags",
    [
        ("--tmpfs", "/usr/local/bin:noexec"),
        ("--read-only", "--tmpfs", "/tmp:exec"),
        ("--read-only", "--tmpfs", "/tmp:noexec", "--tmpfs", "/var/tmp:exec"),
    ],
)
def test_another_place_for_the_program(engine: ContainerEngine, lend: Lend, flags: tuple[str, ...]) -> None:
    """If the usual folder cannot have the program, another one has it, and nothing is left there at the end."""
    name = engine.make(*flags)
    lender = lend(name)
    lender.wait_until_ready()
    done = ask_by_variables(engine, name, lender)
    assert (done.returncode, SECRET in done.stdout) == (0, True), done.stderr
    assert lender.end() == 0
    find = "find / /tmp /var/tmp /run -xdev -name '*shorepass*' 2>/dev/null"
    left = set(engine.execute(name, "sh", "-c", find).stdout.split())
    assert left <= {HELPER}  # podman copies it into the tmpfs, where it cannot start and so not remove itself


@pytest.mark.parametrize("shared", ["/run", "/usr/local/bin"])
def test_a_folder_of_the_host(engine: ContainerEngine, lend: Lend, tmp_path: Path, shared: str) -> None:
    """Nothing is put into a mounted folder, where other users of the host could ask; what is there remains."""
    tmp_path.chmod(0o755)
    host = tmp_path / "host"
    host.mkdir()
    helper = host / Path(HELPER).name
    helper.write_text("#!/bin/sh\n# (shorepass forwarder) of the host\n")
    name = engine.make("--volume", f"{host}:{shared}")
    before = helper.read_bytes()
    lender = lend(name)
    lender.wait_until_ready()
    assert [path.name for path in host.rglob("*shorepass*")] == [helper.name]
    assert helper.read_bytes() == before
    done = ask_by_variables(engine, name, lender)
    assert (done.returncode, SECRET in done.stdout) == (0, True), done.stderr
    assert lender.end() == 0
    assert helper.read_bytes() == before


def test_no_place_for_the_program(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """Folders that take no file or run no program are named, each with its reason, and nothing is lent."""
    more = ("--read-only-tmpfs=false",) if engine.family == "podman" else ()
    said = lend(engine.make("--read-only", "--tmpfs", "/tmp:noexec", *more)).fail()
    assert "/tmp: runs no programs (noexec)" in said
    assert "/root: takes no files" in said
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def labels(project: str, folder: Path) -> tuple[str, ...]:
    """Return the flags with the labels of docker compose."""
    words = {"project": project, "service": "web", "project.working_dir": folder}
    return tuple(f"--label=com.docker.compose.{name}={value}" for name, value in words.items())


def test_a_compose_service(
    engine: ContainerEngine, lend: Lend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container is that of the current folder's project; one that does not run gets the command that starts it."""
    mine, other = (engine.make(*labels(name, tmp_path / name)) for name in ("mine", "other"))
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "")
    (tmp_path / "mine/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "mine/deep")
    lender = lend(mine, target="compose:web")
    lender.wait_until_ready()
    assert (get(engine, mine).returncode, remaining(engine, other)) == (0, [])
    assert f"{engine.family}:{mine} has the grant" in lender.said.read_text()
    assert lender.end() == 0
    engine.stop(mine)
    said = lend(mine, target="compose:web").fail()
    assert "it does not run" in said
    assert "docker compose up -d web" in said
    assert "docker compose up -d absent" in lend(mine, target="compose:absent").fail()


def test_a_container_that_does_not_run(engine: ContainerEngine, lend: Lend, run_shorepass: RunShorepass) -> None:
    """The command says so, and nothing is lent."""
    assert "it does not run" in lend(engine.make(running=False)).fail()
    assert run_shorepass("grants").stdout == "nothing is lent\n"
