"""Which places the programs of this machine list: small programs that speak as the real ones do."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from e2e import programs
from shorepass.contexts import sudo
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.contexts.place import Place
from shorepass.contexts.shells import kube, remote
from shorepass.errors import ContextError, UsageError


@pytest.fixture
def bin_folder(world: Path) -> Path:
    """The folder on PATH."""
    return world / "bin"


def fake(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\nPATH={programs.SYSTEM_PATH}\n{script}\n")
    path.chmod(0o755)


def here() -> LocalContext:
    return LocalContext.current()


def listed(timeout: float = 3) -> list[Place]:
    return [place._replace(open=None, hint=None) for place in remote.discover(here(), timeout)]


def test_nothing_installed() -> None:
    """Without the programs there are no places, and asking for one says which program is missing.

    No package manager is on PATH, so the hint names no command.
    """
    assert listed() == []
    for name, program in (
        ("ssh:x", "ssh"),
        ("wsl:x", "wsl.exe"),
        ("lima:x", "limactl"),
        ("colima", "colima"),
        ("podman-machine", "podman"),
        ("kube:shop/pod", "kubectl"),
    ):
        with pytest.raises(ContextError, match=f"there is no {program} on PATH") as error:
            find(name, here())
        assert error.value.hint == f"install {program}, or add its folder to PATH"
    with pytest.raises(ContextError, match="there is no sudo on PATH"):
        find("sudo", here())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "utf-8"])
def test_wsl(bin_folder: Path, tmp_path: Path, encoding: str) -> None:
    """Distributions as ``wsl.exe`` lists them, in UTF-16 or UTF-8; one that is stopped is not started for this."""
    (tmp_path / "all").write_bytes("Ubuntu-24.04\r\nDebian\r\nÖde\r\n".encode(encoding))
    (tmp_path / "running").write_bytes("Debian\r\n".encode(encoding))
    script = f"""case "$*" in
    "--list --quiet") cat {tmp_path}/all;;
    "--list --quiet --running") cat {tmp_path}/running;;
    "-d Debian -e "*) shift 3; exec "$@";;
    *) echo "There is no distribution with the supplied name." >&2; exit 1;;
esac"""
    fake(bin_folder, "wsl.exe", script)
    assert listed() == [
        Place("wsl:Ubuntu-24.04", state="stopped", trouble="it is stopped"),
        Place("wsl:Debian", state="running"),
        Place("wsl:Öde", state="stopped", trouble="it is stopped"),
    ]
    assert find("wsl:Debian", here()).uid == os.getuid()
    with pytest.raises(ContextError, match="There is no distribution with the supplied name"):
        find("wsl:Other", here())


def test_wsl_without_a_distribution(bin_folder: Path) -> None:
    """Then ``wsl.exe`` fails, and prints how to install one: there is no place."""
    fake(bin_folder, "wsl.exe", "echo no installed distributions; exit 255")
    assert listed() == []


@pytest.mark.parametrize(
    ("program", "listing", "shell", "machines", "expected"),
    [
        (
            "limactl",
            "list --format json",
            "shell --workdir / default sh",
            '{"name":"default","status":"Running","arch":"x86_64"}\n{"name":"other","status":"Stopped"}\n',
            [("lima:default", "running"), ("lima:other", "stopped")],
        ),
        (
            "colima",
            "list --json",
            "ssh -- sh",
            '{"name":"default","status":"Running"}\n{"name":"big","status":"Broken"}\n',
            [("colima", "running"), ("colima:big", "broken")],
        ),
        (
            "podman",
            "machine list --format json",
            "machine ssh default",
            json.dumps([{"Name": "default", "Default": True, "Running": True}, {"Name": "two", "Running": False}]),
            [("podman-machine:default", "running"), ("podman-machine:two", "stopped")],
        ),
    ],
)
def test_virtual_machines(
    bin_folder: Path, program: str, listing: str, shell: str, machines: str, expected: list[tuple[str, str]]
) -> None:
    """Machines as each program lists them; the running one is reached by that program's own way to run a command."""
    words = shell.split()
    is_exact = words[-1] == "sh"
    run = f"shift {len(words) - is_exact}; " + ('exec "$@"' if is_exact else 'exec sh -c "$*"')
    script = f"""case "$*" in
    "{listing}") cat <<'END'\n{machines}\nEND
    ;;
    "{shell} "*) {run};;
    *) echo "unknown: $*" >&2; exit 1;;
esac"""
    fake(bin_folder, program, script)
    found = list(remote.discover(here(), 3))
    assert [(place.name, place.state) for place in found] == expected
    running, stopped = found
    assert running.open is not None
    assert (running.open().uid, running.open().name) == (os.getuid(), running.name)
    assert (stopped.open, stopped.trouble) == (None, f"it is {stopped.state}")


@pytest.mark.parametrize("answer", ["[", "{}", "[1]", '{"status": "Running"}', "null", "[[]]", "not json", "\\377"])
def test_a_list_that_is_none(bin_folder: Path, answer: str) -> None:
    """Garbage instead of a list is a place with trouble: something is there, and it is broken."""
    fake(bin_folder, "limactl", f"printf '{answer}'")
    assert listed() == [
        Place("lima", trouble=f"{bin_folder}/limactl: its list of machines is malformed"),
    ]


def test_a_program_that_hangs(bin_folder: Path) -> None:
    """It is listed as such, after the time it was given, and does not hold up the others."""
    fake(bin_folder, "limactl", "exec sleep 300")
    fake(bin_folder, "colima", 'echo \'{"name":"default","status":"Running"}\'')
    started = time.monotonic()
    assert listed(timeout=0.5) == [
        Place("lima", trouble=f"{bin_folder}/limactl did not answer within 0.5 s"),
        Place("colima", state="running"),
    ]
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("rest", ["shop", "shop/", "/pod", "a/b/c/d", "-n/pod", "shop/-it"])
def test_kube_names(rest: str) -> None:
    """A pod is named by namespace and name; nothing in it is an option of kubectl's."""
    with pytest.raises(UsageError, match="names no pod"):
        kube.find(here(), "kube", rest)


def test_kube_words(bin_folder: Path) -> None:
    """Kubectl is given namespace, pod and container, standard input and never a terminal; its reason is ours."""
    words = "exec --stdin --quiet --namespace shop pod --container app --"
    fake(
        bin_folder,
        "kubectl",
        f'case "$*" in "{words} "*) shift 9; exec "$@";; esac; echo "error: no such pod" >&2; exit 1',
    )
    assert find("kube:shop/pod/app", here()).name == "kube:shop/pod/app"
    with pytest.raises(ContextError, match="kube:shop/pod: error: no such pod") as caught:
        find("kube:shop/pod", here())
    assert caught.value.hint == "kubectl get pod --namespace shop pod"


def test_sudo_is_listed_for_whom_it_leads_somewhere(bin_folder: Path) -> None:
    """Users, and root who came by sudo, have both; root in a login of their own has neither; so has nobody without sudo."""
    assert list(sudo.discover(LocalContext({"PATH": str(bin_folder)}, uid=1000), 3)) == []
    fake(bin_folder, "sudo", "exit 1")
    for environ, uid, expected in (
        ({}, 1000, ["sudo", "sudo-login"]),
        ({"SUDO_UID": "1000"}, 0, ["sudo", "sudo-login"]),
        ({}, 0, []),
    ):
        context = LocalContext({"PATH": str(bin_folder), **environ}, uid=uid)
        assert [place.name for place in sudo.discover(context, 3)] == expected


def test_sudo_takes_no_name() -> None:
    """``sudo:alice`` is no form."""
    with pytest.raises(UsageError, match="sudo takes no name"):
        find("sudo:alice", here())
