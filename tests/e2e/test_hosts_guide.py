"""The guide for many hosts: its commands are run as printed, with a real sshd and a registry of the test's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from e2e.ssh_host import SshHost, ssh_host

pytestmark = pytest.mark.usefixtures("nothing_set")

GUIDE = (Path(__file__).parents[2] / "docs/guides/hosts.md").read_text()
BLOCKS = re.findall(r"^```(?:sh|text|yaml)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def host() -> Iterator[SshHost]:
    """A host behind a real sshd, without Shorepass."""
    with ssh_host() as host:
        yield host


class Reader(NamedTuple):
    """Somebody who types what the guide prints. ``replaced``: words of the guide, and what this machine has instead."""

    replaced: dict[str, str]
    folder: Path

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run one command line."""
        for word, own in self.replaced.items():
            line = line.replace(word, own)
        argv = ["/bin/sh", "-c", line]
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=60, check=False, env=os.environ, cwd=self.folder
        )


@pytest.fixture
def reader(
    host: SshHost, world: Path, monkeypatch: pytest.MonkeyPatch, registry: str, users: dict[str, str], our_helper: str
) -> Reader:
    host.sh('cd "$HOME"; rm -rf .docker')
    program = world / "bin/shorepass"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shorepass "$@"\n')
    program.chmod(0o755)
    assert our_helper
    monkeypatch.setenv("PATH", f"{host.bin}:{world / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("TOKEN", users["alice"])
    own = {"ssh:web1": "ssh:virtual", " --in ssh:web2": "", "ghcr.io": registry, "/usr/local/bin/": ""}
    own |= {"-u deploy": "-u alice", "-u backup": "-u alice", "/etc/backup": str(world)}
    return Reader(own, world)


def lines(word: str) -> list[str]:
    """Return the commands of the block that has a word, without their comments."""
    block = next(block for block in BLOCKS if word in block)
    return [line.partition("  #")[0] for line in block.splitlines() if line]


def test_hosts_by_ssh(reader: Reader, host: SshHost) -> None:
    """A login from here is in the host's file. Who names it and its plain text, and doctor has no finding."""
    (login,) = lines("login --in ssh")
    assert reader.types(login).stdout == "Login Succeeded\n"
    assert b"auth" in host.sh('cat "$HOME/.docker/config.json"')
    who, to_file, plain, doctor = lines("logins.json")
    assert "alice" in reader.types(who).stdout
    assert reader.types(to_file).returncode == 0
    assert json.loads((reader.folder / "logins.json").read_text())["summary"]["plain_text"] == 1
    assert reader.types(plain).stdout.split()[::2] == ["ssh:virtual", "alice"]
    assert reader.types(doctor).returncode == 0


def test_ansible_and_cron(reader: Reader) -> None:
    """The commands of both have no output if all is well. A login may be repeated."""
    login, doctor = re.findall(r"(?:cmd|command): (shorepass .*)", "\n".join(lines("ansible.builtin")))
    for _ in range(2):
        done = reader.types(f'printf "%s\\n" "$TOKEN" | {login}')
        assert done.stdout == "Login Succeeded\n", done.stderr
    assert reader.types(doctor).stdout == ""
    _, job = lines("MAILTO")
    done = reader.types(job.partition("deploy")[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_services(reader: Reader) -> None:
    """A service has the login of its own folder, and a cron job has none. tests/e2e/test_surroundings.py has the units."""
    (login,) = lines("login --config")
    assert reader.types(login).stdout == "Login Succeeded\n"
    cron, service = lines("--in cron")
    assert "finds no login" in reader.types(cron).stdout
    there = service.replace(" --in unit:backup.service", "")
    assert "user name 'alice'" in reader.types(f"DOCKER_CONFIG={reader.folder}/docker {there}").stdout
