"""A login is lent behind a real sshd; and by stand-ins for kubectl, wsl.exe and limactl, which run a command in a chroot."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.lending import NOT_FOUND, Lender, end_agent
from e2e.ssh_host import SshHost, ssh_host

if TYPE_CHECKING:
    from conftest import RunShorepass

REGISTRY = "lent.example"
SECRET = "s3cret-that-is-lent"
# A target, the program that leads there, and how it finds the command among its words.
WAYS = {
    "ssh:virtual": ("", ""),
    "kube:team/web/app": ("kubectl", 'while [ "$1" != -- ]; do shift; done; shift'),
    "wsl:Debian": ("wsl.exe", '[ "$1 $2 $3" = "-d Debian -e" ] || exit 9; shift 3'),
    "lima:default": ("limactl", '[ "$1 $2 $3 $4" = "shell --workdir / default" ] || exit 9; shift 4'),
}


@pytest.fixture(scope="module")
def host() -> Iterator[SshHost]:
    """The host behind sshd, whose folder is also what the stand-ins lead to."""
    with ssh_host() as host:
        for program, words in WAYS.values():
            if program:
                stand_in(host.bin, program, f'{words}\nexec {host.chroot}/bin "$@"')
        yield host


def stand_in(folder: Path, name: str, script: str) -> None:
    """Make a program in a folder."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture(autouse=True)
def login(home: Path) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    login = {"username": "alice", "password": SECRET}
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: login}}))
    yield
    end_agent()


def lend(host: SshHost, target: str, folder: Path) -> contextlib.closing[Lender]:
    """Start ``shorepass share`` for a target."""
    return contextlib.closing(Lender(target, folder / "said", "--registry", REGISTRY, path=str(host.bin)))


def asked(host: SshHost, lender: Lender, registry: str = REGISTRY) -> str:
    """Ask the helper there, with the variables that the lender has printed, and return its output."""
    exports = "".join(f"export {name}={value}; " for name, value in lender.variables.items())
    return host.sh(f"{exports}echo {registry} | docker-credential-shorepass get || true").decode()


def left(host: SshHost) -> str:
    """Return what of Shorepass is on the host."""
    return host.sh(
        "find / -xdev -name '*shorepass-*' -not -path '/proc/*' -not -path '/home/*' 2>/dev/null || true"
    ).decode()


@pytest.mark.parametrize("target", WAYS)
def test_a_login_is_lent_until_ctrl_c(host: SshHost, tmp_path: Path, target: str) -> None:
    """The user there gets the lent login and no other, in a folder that is closed to others; then nothing is left."""
    with lend(host, target, tmp_path) as lender:
        lender.wait_until_ready()
        assert json.loads(asked(host, lender))["Secret"] == SECRET
        assert asked(host, lender, "other.example") == NOT_FOUND
        folder = lender.variables["SHOREPASS_SOCK"].rpartition("/")[0]
        assert host.sh(f"stat -c '%a %u' {folder}").decode() == f"700 {host.uid}\n"
        config = json.loads(host.sh(f"cat {lender.variables['REGISTRY_AUTH_FILE']}"))
        assert config["credHelpers"] == {REGISTRY: "shorepass"}
        assert lender.end() == 0, lender.said.read_text()
        check_unset(lender)
    assert left(host) == ""


def check_unset(lender: Lender) -> None:
    """With the variables of a lender that has ended, the real podman stops, until the printed command."""
    exports = "".join(f"export {name}={value}; " for name, value in lender.variables.items())
    storage = "--root $d/root --runroot $d/run --storage-driver vfs"  # podman wants a short name
    pull = f"podman {storage} pull --tls-verify=false 127.0.0.1:1/acme/app 2>&1 || true"
    pull = f"d=$(mktemp -d); HOME=$d {pull}; rm -r $d"
    unset = lender.said.read_text().rpartition("hint: ")[2]
    assert "config.json: no such file" in programs.shell([], f"{exports} {pull}").decode()
    assert "connection refused" in programs.shell([], f"{exports} {unset} {pull}").decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_after_the_lender_has_ended(host: SshHost, tmp_path: Path, number: int) -> None:
    """Also if the lender is killed, the folder on the other host is removed."""
    with lend(host, "ssh:virtual", tmp_path) as lender:
        lender.wait_until_ready()
        lender.end(number)
    programs.wait_until(lambda: True if left(host) == "" else None, "an empty host")


def test_revoke_ends_it(host: SshHost, tmp_path: Path, run_shorepass: RunShorepass) -> None:
    """``revoke`` ends the command with 0, and nothing is left."""
    with lend(host, "ssh:virtual", tmp_path) as lender:
        id_ = lender.wait_until_ready()
        assert run_shorepass("revoke", id_).status == 0
        assert lender.process.wait(60) == 0
    assert left(host) == ""


def test_an_ssh_that_is_killed(host: SshHost, tmp_path: Path, run_shorepass: RunShorepass) -> None:
    """The command fails with a sentence, and the grant ends."""
    with lend(host, "ssh:virtual", tmp_path) as lender:
        lender.wait_until_ready()
        for pid in Path(f"/proc/{lender.process.pid}/task/{lender.process.pid}/children").read_text().split():
            if b"ssh_config" in Path(f"/proc/{pid}/cmdline").read_bytes():
                programs.run(programs.as_root(["kill", "-KILL", pid]))
        assert "ssh:virtual: it does not answer any more" in lender.fail()
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    programs.wait_until(lambda: True if left(host) == "" else None, "an empty host")


def test_in_the_background(host: SshHost, tmp_path: Path, run_shorepass: RunShorepass) -> None:
    """The command returns, the login is lent, and ``revoke`` leaves nothing on the host."""
    said = tmp_path / "said"
    with contextlib.closing(
        Lender("ssh:virtual", said, "--registry", REGISTRY, "--detach", path=str(host.bin))
    ) as lender:
        assert lender.process.wait(60) == 0, said.read_text()
        assert "\nhint: unset SHOREPASS_SOCK DOCKER_CONFIG REGISTRY_AUTH_FILE\n" in said.read_text()
        try:
            assert json.loads(asked(host, lender))["Secret"] == SECRET
        finally:
            assert run_shorepass("revoke", "--all").status == 0
    programs.wait_until(lambda: True if left(host) == "" else None, "an empty host")


def test_a_machine_without_a_forwarder(tmp_path: Path, run_shorepass: RunShorepass) -> None:
    """Its kind is named, and nothing is lent."""
    uname = "for word; do case $word in -s) echo Linux;; -m) echo riscv64;; esac; done"
    stand_in(tmp_path, "uname", uname)
    lead = f'{WAYS["lima:default"][1]}; PATH={tmp_path}:$PATH exec "$@"'
    stand_in(tmp_path, "limactl", lead)
    with contextlib.closing(
        Lender("lima:default", tmp_path / "said", "--registry", REGISTRY, path=str(tmp_path))
    ) as lender:
        assert "this installation has no forwarder for linux on riscv64" in lender.fail()
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_a_container_without_a_shell(tmp_path: Path) -> None:
    """The command says so, and nothing is lent."""
    said = 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown'
    stand_in(tmp_path, "kubectl", f"echo '{said}' >&2; exit 126")
    with contextlib.closing(
        Lender("kube:team/web", tmp_path / "said", "--registry", REGISTRY, path=str(tmp_path))
    ) as lender:
        assert "kube:team/web: it has no shell" in lender.fail()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (r"printf '\n%s ready /tmp/x;reboot\n' $mark", "does not say where the forwarder is"),
        (r"printf '\n%s ready /tmp/\033[2J\n' $mark", "does not say where the forwarder is"),
        (r"printf '\n%s ready /tmp/x\n' $mark; cat /dev/zero", "cannot serve there"),
        (r"cat /dev/zero", "has printed too much"),
        (r"echo no >&2; exit 1", "no"),
        (r"exec 0<&-; printf '\n%s failed no room\n' $mark; exit 1", "no room"),
        (r"printf '\n%s failed %s\n' $mark $(printf '\033[2J')", "no folder there can have the forwarder"),
    ],
)
def test_a_hostile_host(tmp_path: Path, run_shorepass: RunShorepass, answer: str, said: str) -> None:
    """What another host says in the place of the forwarder ends the command with a sentence, and nothing is lent."""
    once = f"{tmp_path}/once"
    # the first call is answered honestly; of the second only the mark is read
    script = (
        "for last; do :; done\n"
        f'if mkdir {once} 2>/dev/null; then exec sh -c "$last"; fi\n'
        "mark=$(dd bs=1 count=200 2>/dev/null | grep -o '[0-9a-f]\\{32\\}' | head -1)\n"
        f"{answer}"
    )
    stand_in(tmp_path, "ssh", script)
    with contextlib.closing(
        Lender("ssh:hostile", tmp_path / "said", "--registry", REGISTRY, path=str(tmp_path))
    ) as lender:
        found = lender.fail()
    assert said in found
    assert "\033" not in found
    assert run_shorepass("grants").stdout == "nothing is lent\n"
