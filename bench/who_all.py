"""How long ``shorepass who --all`` takes for 100 users and 100 containers, beyond the docker engine's own answer time.

The users are in a password file of their own, laid over /etc in a mount namespace of each run, so that the machine
stays as it is; their homes have docker's file with two logins and podman's with one. The containers are real; twenty
(or as many as the command line says) have a login in a file of their own, and ten of these run. The engine's own time
is that of the very same calls, sent bare: those of one container one after the other, as many containers at a time as
``who`` looks into. Prints medians; the figure is reached when the difference is at most 1.0 s. It takes root.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e import programs
from shorepass.http.unix import UnixTransport
from shorepass.who.examine import WORKERS

COUNT, RUNNING = 100, 10  # containers
LOGGED_IN = int(sys.argv[1]) if sys.argv[1:] else 20  # of them, the first; and the first of these run
NAMES = [f"bench-{number:03}" for number in range(COUNT)]
FIRST_UID = 60_000
ROUNDS = 11
GOAL = 1.0  # seconds


def main() -> None:
    """Measure and print; status 1 when the figure is missed."""
    if os.geteuid() != 0:
        sys.exit("run it as root: it looks into other users' homes")
    with tempfile.TemporaryDirectory() as name, programs.docker_daemon(Path(name)) as address:
        folder = Path(name)
        env = {"HOME": str(folder), "PATH": programs.SYSTEM_PATH, "DOCKER_HOST": address}
        env |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        etc = make_users(folder)
        make_containers(folder, env)
        calls = calls_of_who(env)
        bare, whole = [], []
        for _ in range(ROUNDS):
            bare.append(timed(lambda: replay(address.removeprefix("unix://"), calls)))
            whole.append(timed(lambda: who(env, etc)))
        required([programs.require("docker"), "kill", *NAMES[:RUNNING]], env)  # or dockerd gives each 10 s at its end
    print(f"{COUNT} users and {COUNT} containers, {sum(map(len, calls))} calls to the engine")
    print(f"the engine's own answers: median {statistics.median(bare):.2f} s")
    print(f"shorepass who --all: median {statistics.median(whole):.2f} s")
    beyond = statistics.median(after - before for before, after in zip(bare, whole, strict=True))
    print(f"beyond the engine: {beyond:.2f} s (median of {ROUNDS} pairs; at most {GOAL} is the goal)")
    sys.exit(beyond > GOAL)


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def config(*pairs: tuple[str, str]) -> str:
    auths = {key: {"auth": base64.b64encode(f"{user}:{user}'s password".encode()).decode()} for key, user in pairs}
    return json.dumps({"auths": auths})


def make_users(folder: Path) -> Path:
    """Make the homes of 100 users, and a folder whose password file has them before those of the machine."""
    lines = []
    for number in range(COUNT):
        user, uid, home = f"user{number:03}", FIRST_UID + number, folder / "home" / f"user{number:03}"
        lines.append(f"{user}:x:{uid}:{uid}::{home}:/bin/sh\n")
        hub, own = "https://index.docker.io/v1/", f"registry-{number % 7}.example"
        files = {".docker/config.json": config((hub, user), (own, user))}
        files[".config/containers/auth.json"] = config(("quay.io", user))
        for path, text in files.items():
            (home / path).parent.mkdir(parents=True)
            (home / path).write_text(text)
        programs.run(["chown", "-R", f"{uid}:{uid}", str(home)])
    folder.chmod(0o711)
    etc = folder / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("".join(lines) + Path("/etc/passwd").read_text())
    return etc


def make_containers(folder: Path, env: dict[str, str]) -> None:
    """Create 100 containers, put a login into some, and start some of these."""
    docker = programs.require("docker")
    archive, logins = programs.busybox_archive(folder), folder / "in-container"
    (logins / ".docker").mkdir(parents=True)
    (logins / ".docker/config.json").write_text(config(("registry.example", "ci")))
    required([docker, "import", str(archive), "local/busybox:1"], env)
    command = ["--network=none", "--env=HOME=/root", "local/busybox:1", "/bin/busybox", "sleep", "3600"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: required([docker, "create", "--name", name, *command], env), NAMES))
        list(pool.map(lambda name: required([docker, "cp", str(logins), f"{name}:/root"], env), NAMES[:LOGGED_IN]))
    required([docker, "start", *NAMES[:RUNNING]], env)


def required(argv: list[str], env: dict[str, str]) -> None:
    done = programs.run(argv, env=env)
    if done.returncode != 0:
        sys.exit(f"{argv}: {done.stderr}")


def who(env: dict[str, str], etc: Path) -> None:
    """Run the command as a user does, but with that folder over /etc, and see that it found everybody."""
    shorepass = Path(sys.executable).with_name("shorepass")
    mount = (
        f"mount -t overlay overlay -o lowerdir={etc}:/etc /etc"  # a file bound over another would not outlast a useradd
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} && exec {shorepass} who --all --json"],
        env=env,
        capture_output=True,
        check=False,
    )
    logins = json.loads(done.stdout)["logins"]
    for places, expected in (("user:user", 3 * COUNT), ("docker:bench-", LOGGED_IN)):
        found = sum(login["context"].startswith(places) and bool(login["user"]) for login in logins)
        if found != expected:
            sys.exit(f"{places}: {found} logins instead of {expected}: {done.stderr.decode()}")


def calls_of_who(env: dict[str, str]) -> list[list[bytes]]:
    """Return the calls that ``who`` makes to the engine: the list first, then those of each container in their order."""
    from shorepass.contexts.discovery import discover
    from shorepass.contexts.local import LocalContext
    from shorepass.who.examine import look
    from shorepass.who.sharing import with_shares

    seen: dict[str, list[bytes]] = defaultdict(list)
    send_it = UnixTransport._exchange  # noqa: SLF001 -- the one place that every call passes

    def recorded(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        call = f"{request.method} {request.url.target} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        seen[request.url.target.split("/")[2]].append(call.encode())
        return send_it(self, request, *args, **kwargs)

    UnixTransport._exchange = recorded  # type: ignore[method-assign]  # noqa: SLF001
    with_shares(look(discover(LocalContext(env)), now=time.time()))
    UnixTransport._exchange = send_it  # type: ignore[method-assign]  # noqa: SLF001
    return [seen.pop("json?all=1"), *seen.values()]


def replay(path: str, calls: list[list[bytes]]) -> None:
    """Send the calls bare."""
    first, *others = calls
    send(path, first)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda group: send(path, group), others))


def send(path: str, calls: Iterable[bytes]) -> None:
    """Send calls on one connection, and read each answer to its end."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        for call in calls:
            connection.sendall(call)
            answer = b""
            while not complete(call, answer):
                answer += connection.recv(65536)


def complete(call: bytes, answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None)
    if call.startswith(b"HEAD"):
        return True
    return body.endswith(b"0\r\n\r\n") if length is None else len(body) >= length


if __name__ == "__main__":
    main()
