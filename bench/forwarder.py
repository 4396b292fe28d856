"""What a `get` through the forwarder takes, in runs of an empty static program that reads its input and prints 50 bytes.

The agent here only answers, so this is the time of the forwarder itself; `agent.py` has the real agent. Whole processes, in
turn and in changing order. Prints the medians and the median of the paired ratios. The figure is reached at 2 or less.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shorepass.agent_client.forwarder_file import path_for

ROOT = Path(__file__).parents[1]
GOAL = 2.0
ROUNDS = 1001
WARM_UP = 20
OUTPUT = b"1234567890" * 5
EMPTY = f"""
#include <unistd.h>
int main(void) {{
    char data[4096];
    while (read(0, data, sizeof data) > 0) {{}}
    return write(1, "{OUTPUT.decode()}", {len(OUTPUT)}) != {len(OUTPUT)};
}}
"""
# Flags and system calls are the forwarder's own.
COMPILE = ("gcc", "-Os", "-s", "-static", "-nostdlib", "-fno-builtin", "-fno-stack-protector", "-fno-pie", "-no-pie")


def empty_program(folder: str) -> str:
    """Compile the empty program."""
    Path(folder, "empty.c").write_text(EMPTY)
    program = f"{folder}/empty"
    subprocess.run([*COMPILE, f"{folder}/empty.c", str(ROOT / "forwarder/linux.c"), "-o", program], check=True)
    return program


def answering_agent(path: str) -> int:
    """Start a process that answers each connection; return its number."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        child = os.fork()
        if child != 0:
            return child
        body = b"\0\0\0\1\0" + len(OUTPUT).to_bytes(4, "big") + OUTPUT + bytes(4)
        answer = b"\1A\0\0" + len(body).to_bytes(4, "big") + body
        while True:
            link, _ = listener.accept()
            with link:
                link.recv(65536)
                link.sendall(answer)


def seconds(argv: list[str], env: dict[str, str], question: bytes = b"registry.example") -> float:
    """Return the wall time of a process, from its start until its output has ended and its status is known."""
    given, giving = os.pipe()
    reading, written = os.pipe()
    os.write(giving, question)
    os.close(giving)
    start = time.perf_counter()
    streams = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, written, 1)]
    process = os.posix_spawn(argv[0], argv, env, file_actions=streams)
    os.close(written)
    output = b""
    while more := os.read(reading, 4096):
        output += more
    _, status = os.waitpid(process, 0)
    taken = time.perf_counter() - start
    os.close(given)
    os.close(reading)
    if status != 0 or len(output) < len(OUTPUT):
        raise SystemExit(f"{argv[0]} failed: status {status}, {output!r}")
    return taken


def main() -> None:
    """Measure and print; status 1 when the figure is missed."""
    forwarder = path_for(platform.system(), platform.machine())
    if forwarder is None:
        raise SystemExit("this installation has no forwarder")
    with tempfile.TemporaryDirectory() as folder:
        link = f"{folder}/docker-credential-harbour"
        os.symlink(forwarder, link)
        commands = {"forwarder": [link, "get"], "empty": [empty_program(folder)]}
        env = {**os.environ, "SHOREPASS_SOCK": f"{folder}/agent.sock"}
        agent = answering_agent(env["SHOREPASS_SOCK"])
        taken: dict[str, list[float]] = {name: [] for name in commands}
        try:
            for number in range(WARM_UP + ROUNDS):
                for name in sorted(commands, reverse=number % 2 == 0):
                    taken[name].append(seconds(commands[name], env))
        finally:
            os.kill(agent, signal.SIGTERM)
            os.waitpid(agent, 0)
    pairs = list(zip(taken["forwarder"][WARM_UP:], taken["empty"][WARM_UP:], strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    print(f"forwarder get:        median {1000 * statistics.median(ours for ours, _ in pairs):.2f} ms")
    print(f"empty static program: median {1000 * statistics.median(theirs for _, theirs in pairs):.2f} ms")
    print(f"ratio:                {ratio:.2f} (median of {ROUNDS} pairs; at most {GOAL} is the goal)")
    sys.exit(ratio > GOAL)


if __name__ == "__main__":
    main()
