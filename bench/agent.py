"""The agent's figures: a warm `get`, a classic build, many clients at once, memory, and a kill in the middle.

Each figure names its goal. The forwarder is the one of this installation. The machine should do nothing else meanwhile.
QUICK=1 asks a tenth as often.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from agents import join_variables
from contract.keyring_service import bus, keyring_daemon
from e2e import programs
from e2e.helper_programs import pass_helper
from forwarder import empty_program, seconds
from shorepass.agent_client.forwarder_file import path_for
from shorepass.agent_client.frames import Frame, Kind
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.secret import Secret
from shorepass.stores.vault.setup import init, machine_key
from shorepass.stores.vault.vault import Vault

TENTH = 10 if os.environ.get("QUICK") else 1
LOGINS = 10_000


def vault_with(count: int) -> None:
    """Make a vault with so many logins."""
    here = LocalContext.current()
    vault = Vault(here, ask=lambda _: "", tell=print)
    init(vault, here, machine_key())

    def fill(document):  # type: ignore[no-untyped-def]
        for number in range(count):
            login = Basic("alice", Secret(f"secret-{number}"))
            document = document.with_login(f"r{number}.example", login) if number < 60 else document
        document = document.with_login("registry.example", Basic("alice", Secret("secret-0")))
        extra = {f"r{n}.example": {"username": "alice", "password": f"secret-{n}"} for n in range(60, count)}
        return document._replace(logins={**document.logins, **extra})

    vault.change(fill)


def start_agent() -> int:
    argv = [sys.executable, "-m", "shorepass", "agent", "start"]
    return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()[-1])


def socket_path() -> str:
    return os.path.join(os.environ["XDG_RUNTIME_DIR"], "shorepass/agent.sock")


def question(number: int) -> bytes:
    variables = join_variables(list(os.environ.items()))
    return Frame(Kind.CALL, (b"shorepass", b"get", f"r{number}.example".encode(), b"/", variables)).encode()


def ask(data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(socket_path())
        wire.sendall(data)
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer


def resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def timed(argv: list[str], stdin: bytes) -> float:
    start = time.perf_counter()
    subprocess.run(argv, input=stdin, capture_output=True, check=True)
    return time.perf_counter() - start


def warm_get(forwarder: str, empty: str) -> None:
    """Compare with an empty program twice: started as cheaply as can be, and as a program in Python starts it."""
    environ = dict(os.environ)
    by_hand = [(seconds([empty], environ), seconds([forwarder, "get"], environ)) for _ in range(1000 // TENTH)]
    usual = [(timed([empty], b"r1.example"), timed([forwarder, "get"], b"r1.example")) for _ in range(1000 // TENTH)]
    for how, pairs in (("posix_spawn", by_hand), ("subprocess", usual)):
        plain, ours = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"warm get, by {how}: {ours:.2f} ms; an empty program {plain:.2f} ms; ratio {ratio:.2f} (goal 2.0)")


def slower_helpers(forwarder: str, folder: str) -> None:
    """Compare with docker's own helpers, and with one that takes gcloud's half second, in turn."""
    key = b"https://registry.example/v1/"
    theirs = pass_helper(Path(folder, "pass"))
    theirs.store(key.decode())
    slow = Path(folder, "slow")
    slow.write_text("#!/bin/sh\nsleep 0.5\n")
    slow.chmod(0o755)
    with bus(Path(folder, "bus")) as address, keyring_daemon(Path(folder, "keyring"), address):
        environ = {"PATH": programs.SYSTEM_PATH, "HOME": folder, "DBUS_SESSION_BUS_ADDRESS": address}
        secretservice = [programs.require("docker-credential-secretservice")]
        login = b'{"ServerURL": "https://registry.example/v1/", "Username": "alice", "Secret": "secret"}'
        subprocess.run([*secretservice, "store"], input=login, env=environ, check=True)

        def keyring() -> float:
            start = time.perf_counter()
            subprocess.run([*secretservice, "get"], input=key, env=environ, capture_output=True, check=True)
            return time.perf_counter() - start

        others = {
            "docker-credential-secretservice": (keyring, 5, 101),
            "docker-credential-pass": (lambda: theirs.seconds("get", key), 20, 101),
            "a helper of 500 ms": (lambda: timed([str(slow)], b""), 200, 11),
        }
        for name, (run, goal, rounds) in others.items():
            pairs = [(timed([forwarder, "get"], b"r1.example"), run()) for _ in range(rounds)]
            ratio = statistics.median(other / ours for ours, other in pairs)
            print(f"{name}: {ratio:.0f} times the forwarder's time (goal at least {goal})")


def classic_build(forwarder: str) -> None:
    def build() -> float:
        start = time.perf_counter()
        timed([forwarder, "list"], b"unused")
        for number in range(50):
            timed([forwarder, "get"], f"r{number}.example".encode())
        return time.perf_counter() - start

    first = build()
    rest = statistics.median(build() for _ in range(10))
    print(f"list and 50 gets: first {first * 1000:.0f} ms, then {rest * 1000:.0f} ms (goal 150)")


def many_clients(folder: str, total: int, clients: int = 64) -> str:
    """Ask by several processes at once, which ``clients.c`` makes; return what it has measured."""
    source = Path(__file__).with_name("clients.c")
    subprocess.run(["gcc", "-O2", str(source), "-o", f"{folder}/clients"], check=True)
    Path(folder, "frames").write_bytes(b"".join(question(number) for number in range(LOGINS)))
    argv = [f"{folder}/clients", socket_path(), f"{folder}/frames", str(total), str(clients)]
    wrong, took, median, slowest = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return f"{total} gets in {took} s, {wrong} errors, median {median} ms, p99 {slowest} ms"


def crowd(folder: str, pid: int) -> None:
    idle = [socket.socket(socket.AF_UNIX) for _ in range(1000)]
    for one in idle:
        one.connect(socket_path())
    many_clients(folder, LOGINS, 8)  # so that each login was asked for once
    found = many_clients(folder, 100_000 // TENTH)
    print(f"64 clients beside 1,000 idle connections: {found} (goal 20)")
    for one in idle:
        one.close()
    print(f"resident with {LOGINS} logins: {resident(pid):.0f} MB (goal 80)")


def growth(pid: int) -> None:
    data = [question(number) for number in range(100)]
    sizes = []
    for part in range(5):
        for turn in range(200_000 // TENTH):
            ask(data[turn % 100])
        sizes.append(resident(pid))
        print(f"  after {(part + 1) * 200_000 // TENTH} gets: {sizes[-1]:.1f} MB", flush=True)
    print(f"growth from the first to the last part: {sizes[-1] - sizes[0]:.1f} MB (goal 0)")


def killed(forwarder: str, pid: int) -> None:
    """Kill the agent in the middle of 1,000 calls; each must have the login, or a clear error."""
    results: list[tuple[int, bytes]] = []
    slowest = [0.0]

    def call(turns: int) -> None:
        for number in range(turns):
            start = time.perf_counter()
            done = subprocess.run(
                [forwarder, "get"], input=f"r{number % 50}.example".encode(), capture_output=True, check=False
            )
            slowest[0] = max(slowest[0], time.perf_counter() - start)
            results.append((done.returncode, done.stdout))

    count = 1000 // TENTH
    threads = [threading.Thread(target=call, args=(count // 4,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(results) < count // 3:
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    good = sum(status == 0 and b'"Secret":"secret-' in output for status, output in results)
    unclear = sum(status != 0 and not output.strip() for status, output in results)
    print(
        f"killed in the middle of {len(results)} calls: {good} answered, {unclear} without a word, slowest {slowest[0]:.1f} s"
    )


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    program = path_for("linux", os.uname().machine)
    assert program, "this installation has no forwarder"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, below in (("HOME", "home"), ("XDG_RUNTIME_DIR", "run")):
            os.environ[name] = f"{folder}/{below}"
            os.mkdir(f"{folder}/{below}", 0o700)
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "SHOREPASS_SOCK"):
            os.environ.pop(name, None)
        vault_with(LOGINS)
        place = f"{folder}/forwarder"
        os.makedirs(f"{place}/originals")
        forwarder = f"{place}/docker-credential-shorepass"
        Path(forwarder).write_bytes(Path(program).read_bytes())
        os.chmod(forwarder, 0o755)
        script = Path(folder, "original")
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shorepass.docker_credential "$@"\n')
        script.chmod(0o755)
        os.symlink(script, f"{place}/originals/docker-credential-shorepass")
        pid = start_agent()
        try:
            ask(question(1))
            warm_get(forwarder, empty_program(folder))
            os.mkdir(f"{folder}/keyring", 0o700)
            slower_helpers(forwarder, folder)
            classic_build(forwarder)
            crowd(folder, pid)
            growth(pid)
            killed(forwarder, pid)
            pid = start_agent()
        finally:
            os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
