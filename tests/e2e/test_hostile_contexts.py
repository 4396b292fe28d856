"""Other users, containers, hosts and pods in which every name and word is hostile: none of it reaches the one who looks."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.containers import ContainerEngine
from e2e.people import new_person
from faults import hostile
from faults.test_hostile_engine import engine, http
from shorepass.testing import Registry

VERBS = ("login", "logout", "get", "list", "who", "explain", "doctor")
NAME = hostile.NAME.replace("/", "")
LABELS = "com.docker.compose"


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry that knows nobody."""
    with Registry(users={"alice": "right"}) as server:
        yield server.host


def walk(
    contexts: list[str],
    registry: str,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    verbs: tuple[str, ...] = VERBS,
    *,
    pairs: bool = False,
) -> str:
    """Run each form of each verb that looks into a context, without or with pairs of flags; return all that was printed."""
    monkeypatch.chdir(folder)
    offered: set[str] = set()
    everything = ""
    for context in contexts:
        for verb in verbs:
            for words in hostile.command_lines(verb, registry, folder, pairs=pairs):
                command = hostile.in_context(verb, words, context)
                if command:
                    printed = hostile.run(command, capfd, monkeypatch)
                    hostile.check_output(printed, command)
                    offered |= {*hostile.hints(printed, hostile.MEMBERS.get(verb, "hint"))}
                    everything += printed
    for page in folder.glob("map*.html"):
        hostile.check_output(page.read_text(), page)
        offered |= {*hostile.hints(page.read_text(), "hint|doctor")}
    hostile.check_hints(offered, folder)
    hostile.settle()
    assert "Traceback" not in everything
    return everything


def test_another_user(
    registry: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user of this machine, whose files root looks at."""
    with new_person() as person:
        hostile.fill(person.home, registry, malformed=False)
        (person.home / ".local/bin").mkdir(parents=True)
        hostile.helper(person.home / ".local/bin")
        person.as_root("chown", "-R", person.name, str(person.home))
        printed = walk([f"user:{person.name}", f"user:x{NAME}"], registry, tmp_path, capfd, monkeypatch)
    assert f"user:{person.name}" in printed


def test_real_containers(
    docker_containers: ContainerEngine,
    registry: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers of docker, running and stopped, with hostile variables, files, helpers and labels of compose."""
    for name, value in docker_containers.leads.items():
        monkeypatch.setenv(name, value)
    hostile.fill(tmp_path / "files", registry, malformed=False)
    hostile.helper(tmp_path / "files")
    home = f"/h{NAME}"
    labels = [f"--label={LABELS}.service=web", f"--label=other={NAME}", "--workdir=/data"]
    made = [
        docker_containers.make(
            f"--env=HOME={home}", f"--env=X{NAME}=1", f"--label={LABELS}.project=p{end}{NAME}", *labels
        )
        for end in "12"
    ]
    closed = docker_containers.make(f"--env=DOCKER_CONFIG={home}/none", f"--env=PATH=/bin:{home}", *labels)
    for name in made:
        docker_containers.run("cp", f"{tmp_path / 'files'}/.", f"{name}:/tmp/files")
        docker_containers.run("exec", name, "cp", "-r", "/tmp/files", home)
        docker_containers.run("exec", name, "sh", "-c", "cp /tmp/files/docker-credential-evil* /bin")
    docker_containers.stop(made[1])
    contexts = [f"docker:{name}" for name in (*made, closed)]
    printed = walk(contexts[:1], registry, tmp_path, capfd, monkeypatch, ("get", "list", "logout"))
    assert r"\x1b]0;OWNED" in printed
    offered: set[str] = set()
    for context in (*contexts, "compose:web"):
        for command in (
            ["list"],
            ["who", "--json"],
            ["who", "--html=-"],
            ["explain", "good.example"],
            ["doctor", "--json"],
        ):
            line = hostile.in_context(command[0], command[1:], context)
            printed = hostile.run(line, capfd, monkeypatch)
            hostile.check_output(printed, line)
            offered |= {*hostile.hints(printed, "hint")}
    assert any(f"compose:{name}" in hint for hint in offered for name in ("p1", "p2"))
    hostile.check_hints(offered, tmp_path / "files")


HOST = """#!/bin/bash
while [ "$1" != -- ]; do shift; done
shift
[ "${{0##*/}}" = ssh ] && shift
export HOME={home} PATH={path}
[ -e {folder}/broken ] && {{ /bin/cat {folder}/broken >&2; exit 255; }}
[ $# = 1 ] && exec /bin/sh -c "$1"
exec "$@"
"""


@pytest.mark.parametrize("broken", [False, True], ids=["reached", "broken"])
@pytest.mark.parametrize(("program", "context"), [("ssh", "ssh:host"), ("kubectl", "kube:space/pod")])
def test_hosts_and_pods(
    program: str,
    context: str,
    broken: bool,
    registry: str,
    world: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is reached by a program, which may say anything itself; and names of hosts and pods that are commands."""
    home = tmp_path / f"home{NAME}"
    hostile.fill(home, registry, malformed=False)
    hostile.helper(home)
    hostile.clients(home)
    words = {
        "home": hostile.shell_word(str(home)),
        "path": hostile.shell_word(f"{home}:/usr/bin:/bin"),
        "folder": hostile.shell_word(str(tmp_path)),
    }
    (world / "bin" / program).write_text(HOST.format(**words))
    (world / "bin" / program).chmod(0o755)
    if broken:
        (tmp_path / "broken").write_text(f"kex: {hostile.NAME}")
    kind = context.partition(":")[0]
    named = f"{kind}:x{NAME}" if kind == "ssh" else f"{kind}:x{NAME}/y{NAME}"
    contexts = [context, named] if broken else [context]
    reached = ("get", "list", "logout") if program == "ssh" else ("explain",)  # each goes there several times
    verbs = VERBS if broken else reached
    printed = walk(contexts, registry, tmp_path, capfd, monkeypatch, verbs)
    assert broken or f"{tmp_path}/home\\x1b]0;OWNED" in printed


@pytest.mark.parametrize("status", [200, 500])
def test_an_engine_that_lies(
    status: int, registry: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, variables, mounts and errors that no real engine has."""
    said = {
        "Id": "a" * 64,
        "Name": f"/w{hostile.NAME}",
        "Image": hostile.NAME,
        "State": {"Running": False, "Status": f"exited{hostile.NAME}"},
        "Config": {
            "Env": [f"HOME=/h{hostile.NAME}", f"DOCKER_CONFIG=/d{hostile.NAME}"],
            "User": "",
            "WorkingDir": hostile.NAME,
        },
        "HostConfig": {},
        "Mounts": [
            {"Destination": f"/h{hostile.NAME}/.docker", "Source": f"/s{hostile.NAME}", "Type": "bind", "RW": True},
            {"Destination": "/run/docker.sock", "Source": f"/s{hostile.NAME}/docker.sock", "Type": "bind", "RW": True},
        ],
        "message": f"no{hostile.NAME}",
    }
    labels = {f"{LABELS}.project": hostile.NAME, f"{LABELS}.service": hostile.NAME}
    row = {**said, "Names": [said["Name"]], "Labels": labels, "State": "exited", "Mounts": [], "Status": hostile.NAME}
    answers: dict[str, bytes | None] = {
        "HEAD": http(b"", 404),
        "containers/json": http(json.dumps([row]).encode(), status),
        "json": http(json.dumps(said).encode(), status),
    }
    with engine(tmp_path / "s", answers) as here:
        monkeypatch.setenv("DOCKER_HOST", here.getenv("DOCKER_HOST") or "")
        contexts = [f"docker:{'a' * 12}", f"docker:w{hostile.NAME}", f"compose:{hostile.NAME}"]
        printed = walk(contexts, registry, tmp_path, capfd, monkeypatch, pairs=True)
    assert r"\x1b]0;OWNED" in printed


def test_the_tests_have_bash() -> None:
    """The hints are pasted into a real shell."""
    assert shutil.which("bash", path=os.defpath)
