"""Names that cannot be resolved: what is said where it is the name, and where it is the network. A network of the test's own.

Needs root, or sudo that does not ask.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from e2e import programs

NETWORK = "check this machine's network and DNS"
SPELLING = "is it spelled right?"

# A name server that knows some names, or keeps silent, and a program beside it; the answer is 192.0.2.9, where nobody is.
SERVER = r"""
import socket, struct, subprocess, sys, threading
mode, argv = sys.argv[1], sys.argv[2:]
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.bind(("127.0.0.1", 53))

def name_of(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), query[12 : at + 5]

def serve():
    while True:
        query, peer = wire.recvfrom(4096)
        name, question = name_of(query)
        if mode == "silent":
            continue
        known = mode == "others" and name == "registry-1.docker.io"
        is_address = question[-4:-2] == b"\0\1"
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 9]) if known and is_address else b""
        head = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, bool(answer), 0, 0)
        wire.sendto(head + question + answer, peer)

if mode != "none":
    threading.Thread(target=serve, daemon=True).start()
else:
    wire.close()
sys.exit(subprocess.run(argv).returncode)
"""


def shorepass(folder: Path, mode: str, *words: str, **variables: str) -> CompletedProcess[str]:
    """Run shorepass in a network where the one name server is in this mode."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:9\n")
    (folder / "server.py").write_text(SERVER)
    script = f'ip link set lo up; mount --bind {folder}/resolv.conf /etc/resolv.conf; exec "$@"'
    enter = ["unshare", "--mount", "--net", "--", "/bin/sh", "-c", script, "sh"]
    kept = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
    settings = [f"{name}={value}" for name, value in {**kept, "PATH": programs.SYSTEM_PATH, **variables}.items()]
    argv = [sys.executable, str(folder / "server.py"), mode, sys.executable, "-m", "shorepass", *words]
    return programs.run(programs.as_root([*enter, "env", "-i", *settings, *argv]))


@pytest.mark.parametrize(
    ("mode", "reason", "hint"),
    [
        ("others", "the name cannot be resolved", SPELLING),
        ("nothing", "the name cannot be resolved", f"registry-1.docker.io cannot be resolved either: {NETWORK}"),
        ("none", "the name cannot be resolved", NETWORK),
        ("silent", "no answer from a name server within 2 seconds", NETWORK),
    ],
)
def test_a_name_that_cannot_be_resolved(tmp_path: Path, mode: str, reason: str, hint: str) -> None:
    """Where other names resolve it is the spelling, else the network; a silent name server costs no more than --timeout."""
    for words in (("explain", "ghcr.example/acme/app"), ("login", "-u", "alice", "-p", "pw", "ghcr.example")):
        done = shorepass(tmp_path, mode, *words, "--timeout", "2")
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert reason in said
        assert f"hint: {hint}" in said
        assert (NETWORK in said) != (SPELLING in said)
        assert "shorepass login" not in said


def test_docker_hub(tmp_path: Path) -> None:
    """Its name is spelled right: it is the network."""
    done = shorepass(tmp_path, "nothing", "explain", "nginx", "--timeout", "2")
    assert f"hint: {NETWORK}" in done.stdout
    assert SPELLING not in done.stdout


def test_the_name_of_a_proxy(tmp_path: Path) -> None:
    """A proxy whose name cannot be resolved is not the registry's trouble."""
    done = shorepass(tmp_path, "others", "explain", "ghcr.example", HTTPS_PROXY="http://proxy.example:3128")
    assert "the proxy's name cannot be resolved (through the proxy proxy.example:3128)" in done.stdout
    assert "HTTPS_PROXY" in done.stdout
