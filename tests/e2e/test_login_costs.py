"""What a login costs beside podman's: requests, connections and programs, as the system calls of both programs show."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from e2e import programs
from shorepass.testing import Registry

PASSWORD = "a password"
STARTED = re.compile(r"\bexecve\(.*= 0$")


class Cost(NamedTuple):
    """How often a login asked the registry, connected to it, and started a program beside itself."""

    requests: int
    connections: int
    programs: int


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_login_costs_no_more_than_podmans(tmp_path: Path, auth: str) -> None:
    """On plain http: the requests of podman or fewer, one connection, and no other program (not even podman)."""
    with Registry(users={"alice": PASSWORD}, auth=auth) as registry:  # type: ignore[arg-type]
        ours = cost(registry, tmp_path / "ours", sys.executable, "-m", "shorepass")
        podmans = cost(registry, tmp_path / "podmans", programs.require("podman"))
    assert ours.requests <= podmans.requests
    assert ours.connections == 1 < podmans.connections
    assert ours.programs == 0


def cost(registry: Registry, home: Path, *program: str) -> Cost:
    """Log in from nothing with podman's flags, and count."""
    home.mkdir(mode=0o700)
    file, trace, before = home / "auth.json", home / "trace", len(registry.requests)
    client = ("--client", "podman") if "shorepass" in program else ()
    done = programs.run(
        [
            *(programs.require("strace"), "-f", "-qq", "-e", "trace=connect,execve", "-o", str(trace)),
            *(*program, "login", *client, "--authfile", str(file), "--tls-verify=false"),
            *("-u", "alice", "--password-stdin", registry.host),
        ],
        env={
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PYTHONPATH": ":".join(entry for entry in sys.path if entry.endswith("/src")),
        },
        stdin=PASSWORD,
    )
    assert (done.returncode, file.exists()) == (0, True), done.stderr
    lines = trace.read_text(errors="replace").splitlines()
    return Cost(
        requests=len(registry.requests) - before,
        connections=sum(f"htons({registry.port})" in line for line in lines),
        programs=sum(STARTED.search(line) is not None for line in lines) - 1,
    )
