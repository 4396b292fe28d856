"""What a lent login costs: the first pull, a `get`, 200 grants and a revoke; and which bytes of a secret are in a container.

Starts a dockerd, a registry and an agent of its own; needs root. A container of the first pull has docker's client and the
engine's socket. A `get` inside is measured by a process that enters the container's namespaces once, so that no start of
`docker exec` is in it. The 200 containers are 200 processes, each in a mount namespace where its grant's folder is mounted.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from agent import resident, start_agent

from e2e import programs
from forwarder import seconds
from shorepass.agent_client.forwarder_file import path_for
from shorepass.agent_client.frames import Frame, Kind
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.secret import Secret
from shorepass.stores.vault.setup import init, machine_key
from shorepass.stores.vault.vault import Vault

ROUNDS = 11
GETS = 101  # of one grant: more than 200 at once are slowed
CONTAINERS = 200
SHOREPASS = [os.path.join(os.path.dirname(sys.executable), "shorepass")]
HELPER = "docker-credential-shorepass"
PASSWORD, OTHER = "the-secret-that-is-lent", "a-secret-that-is-not-lent"
CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND = 0x20000, 0x4000, 1 << 18, 0x1000
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def auth(password: str) -> str:
    return base64.b64encode(f"alice:{password}".encode()).decode()


class Lab:
    """The engine, the registry and a private image. ``docker``: the command of a client that the user of the machine has."""

    def __init__(self, folder: Path, engine: str, registry: str) -> None:
        self.folder = folder
        self.engine = engine.removeprefix("unix://")
        self.registry = registry
        self.docker = programs.docker_programs()[-1]
        self.image = f"{registry}/team/private:1"
        os.environ["DOCKER_HOST"] = engine
        archive = programs.busybox_archive(folder)
        for words in (("import", str(archive), "local/bench:1"), ("tag", "local/bench:1", self.image)):
            self.run(self.docker, *words)
        for file in ("plain", "home/.docker"):
            (folder / file).mkdir(parents=True, exist_ok=True)
            auths = {registry: {"auth": auth(PASSWORD)}, "other.example": {"auth": auth(OTHER)}}
            (folder / file / "config.json").write_text(json.dumps({"auths": auths}))
        self.run(self.docker, "push", self.image)

    def run(self, *argv: str) -> bytes:
        done = subprocess.run(argv, capture_output=True, check=False)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout

    def inside(self, *flags: str) -> list[str]:
        """Return a command that starts a container, which pulls the image."""
        mounts = ["-v", f"{self.docker}:/bin/docker:ro", "-v", f"{self.engine}:/var/run/docker.sock"]
        words = [self.docker, "run", "--rm", "--network=none", *mounts, *flags, "local/bench:1"]
        return [*words, "/bin/docker", "pull", self.image]


def until_pulled(argv: list[str]) -> float:
    """Return the milliseconds until the pull has ended, and not the container or the command."""
    start = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        taken = 0.0
        for line in process.stdout:
            if line.startswith(b"Status: "):
                taken = time.perf_counter() - start
        error = process.stderr.read()
    assert taken, error
    return taken * 1000


def first_pull(lab: Lab) -> None:
    plain = lab.inside("-v", f"{lab.folder}/plain:/config:ro", "-e", "DOCKER_CONFIG=/config")
    lent = [*SHOREPASS, "run", "--share", lab.registry, "--", *lab.inside()]
    until_pulled(plain)
    until_pulled(lent)
    pairs = [(until_pulled(plain), until_pulled(lent)) for _ in range(ROUNDS)]
    before, after = (statistics.median(column) for column in zip(*pairs, strict=True))
    more = statistics.median(b - a for a, b in pairs)
    least = min(b for _, b in pairs) - min(a for a, _ in pairs)
    print(
        f"first pull: {after:.0f} ms; with a mounted config {before:.0f} ms; {more:.0f} ms more (goal 100), "
        f"{least:.0f} ms between the fastest of each"
    )
    stub = lab.folder / "stub/docker"
    stub.parent.mkdir()
    stub.symlink_to("/bin/true")
    alone = [*SHOREPASS, "run", "--share", lab.registry, "--", str(stub), "run", "image"]
    idle = [timed([sys.executable, "-c", "pass"]) for _ in range(ROUNDS)]
    own = [timed(alone) for _ in range(ROUNDS)]
    print(
        f"  the command alone, with the grant's end: {statistics.median(own):.0f} ms; Python {statistics.median(idle):.0f} ms"
    )


def timed(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, capture_output=True, check=True)
    return (time.perf_counter() - start) * 1000


class Worker:
    """A process that answers each question with a number. ``work`` gets a word."""

    def __init__(self, enter: Callable[[], None], work: Callable[[bytes], object]) -> None:
        self._wire, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._wire.close()
            try:
                enter()
                while word := theirs.recv(1024):
                    theirs.sendall(json.dumps(work(word)).encode() + b"\n")
            finally:
                os._exit(1)
        theirs.close()
        self._answers = self._wire.makefile("rb")

    def tell(self, word: bytes = b"go") -> None:
        self._wire.sendall(word)

    def answer(self) -> object:
        return json.loads(self._answers.readline())

    def ask(self) -> float:
        self.tell()
        return float(str(self.answer()))

    def end(self) -> None:
        self._answers.close()
        self._wire.close()
        os.kill(self.pid, signal.SIGKILL)  # later workers have a copy of the wire, so it does not end
        os.waitpid(self.pid, 0)


def entering(pid: int) -> Callable[[], None]:
    """Return a function that enters the mount namespace of a process."""

    def enter() -> None:
        fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
        checked(LIBC.setns(fd, CLONE_NEWNS))

    return enter


def get_by(program: str, registry: str, environ: dict[str, str]) -> Callable[[bytes], object]:
    return lambda _: seconds([program, "get"], environ, registry.encode())


@contextlib.contextmanager
def container(lab: Lab, name: str, *flags: str) -> Iterator[int]:
    """Run a container that waits; yield its process."""
    words = ["run", "-d", "--name", name, "--network=none", *flags, "local/bench:1", "/bin/busybox", "sleep", "600"]
    lab.run(lab.docker, *words)
    try:
        yield int(lab.run(lab.docker, "inspect", "--format", "{{.State.Pid}}", name))
    finally:
        lab.run(lab.docker, "rm", "-f", name)


def forwarded_get(lab: Lab, forwarder: str) -> None:
    host = Worker(lambda: None, get_by(forwarder, lab.registry, dict(os.environ)))
    for how, goal in (("by mount", 2), ("by relay", 5)):
        name = f"bench-{os.getpid()}"
        with contextlib.ExitStack() as ending:
            if how == "by mount":
                flags = lab.run(*SHOREPASS, "share", "flags", "--registry", lab.registry).decode().split()
                pid = ending.enter_context(container(lab, name, *flags))
            else:
                pid = ending.enter_context(container(lab, name))
                argv = [*SHOREPASS, "share", f"docker:{name}", "--registry", lab.registry]
                relay = ending.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE))
                ending.callback(relay.send_signal, signal.SIGINT)
                assert relay.stdout is not None
                relay.stdout.readline()
            inside = Worker(entering(pid), get_by(f"/usr/local/bin/{HELPER}", lab.registry, {"PATH": "/usr/local/bin"}))
            ending.callback(inside.end)
            host.ask()
            inside.ask()
            pairs = [(host.ask() * 1000, inside.ask() * 1000) for _ in range(GETS)]
            plain, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"get {how}: {ours:.2f} ms; the host's own {plain:.2f} ms; ratio {ratio:.2f} (goal {goal})")
    host.end()


def in_mount_namespace(source: str, target: str) -> Callable[[], None]:
    def enter() -> None:
        checked(LIBC.unshare(CLONE_NEWNS))
        checked(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        checked(LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None))

    return enter


def ask_grant(path: str, registry: str) -> bool:
    """Ask a grant's socket for the login; return whether it was given."""
    call = Frame(Kind.CALL, (b"shorepass", b"get", registry.encode(), b"/", b"")).encode()
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(path)
            wire.sendall(call)
            wire.shutdown(socket.SHUT_WR)
            while chunk := wire.recv(65536):
                answer += chunk
    except OSError:
        return False
    return PASSWORD.encode() in answer


def many(lab: Lab) -> None:
    place = lab.folder / "place"
    place.mkdir()
    path = f"{place}/agent.sock"

    def work(word: bytes) -> object:
        if word.startswith(b"until refused"):
            while ask_grant(path, lab.registry):
                time.sleep(0.002)  # because more than 200 questions at once are slowed
            return time.time()
        times = []
        time.sleep(float(word.split()[1]))
        for _ in range(10):
            start = time.perf_counter()
            assert ask_grant(path, lab.registry)
            times.append((time.perf_counter() - start) * 1000)
            time.sleep(max(0.0, float(word.split()[0]) - times[-1] / 1000))
        return times

    workers, ids = [], []
    before = resident(agent_pid(lab))
    for _ in range(CONTAINERS):
        text = lab.run(*SHOREPASS, "share", "flags", "--json", "--registry", lab.registry)
        document = json.loads(text)
        ids.append(document["id"])
        folder = document["flags"][0].split("source=")[1].split(",")[0]
        workers.append(Worker(in_mount_namespace(folder, str(place)), work))
    for words, each in (("each once a second", 1.0), ("all at once", 0.0)):
        for number, worker in enumerate(workers):
            worker.tell(f"{each} {each * number / CONTAINERS}".encode())
        times = sorted(float(one) for worker in workers for one in worker.answer())  # type: ignore[attr-defined]
        p99 = times[len(times) * 99 // 100]
        print(f"{CONTAINERS} grants, {words}: median {statistics.median(times):.1f} ms, p99 {p99:.1f} ms (goal 50)")
    print(f"  the agent: {resident(agent_pid(lab)):.0f} MB (goal 120), {before:.0f} MB before")
    taken = []
    for id_, worker in list(zip(ids, workers, strict=True))[:ROUNDS]:
        worker.tell(b"until refused")
        time.sleep(0.05)
        start = time.time()
        revoking = subprocess.Popen([*SHOREPASS, "revoke", id_], stdout=subprocess.DEVNULL)
        taken.append((float(str(worker.answer())) - start) * 1000)
        assert revoking.wait() == 0
    idle = statistics.median(timed([sys.executable, "-c", "pass"]) for _ in range(ROUNDS))
    print(f"revoke until a get is refused: {statistics.median(taken):.0f} ms (goal 100); Python alone {idle:.0f} ms")
    for worker in workers:
        worker.end()
    lab.run(*SHOREPASS, "revoke", "--all")


def agent_pid(lab: Lab) -> int:
    return int(json.loads(lab.run(*SHOREPASS, "agent", "status", "--json"))["pid"])


def secret_bytes(lab: Lab) -> None:
    """Search a container for two logins: its files, its image's layers, `inspect`, and its processes."""
    flags = {
        "forward, before a request": ["share", "flags", "--registry", lab.registry],
        "engine": ["share", "flags", "--mode", "engine", "--repo", f"{lab.registry}/team/*"],
    }
    for words, argv in flags.items():
        given = lab.run(*SHOREPASS, *argv).decode().split()
        name = f"bench-{os.getpid()}"
        client = ["-v", f"{lab.docker}:/bin/docker:ro"]
        with container(lab, name, *client, *given) as pid:
            if words == "engine":
                lab.run(lab.docker, "exec", name, "/bin/docker", "pull", lab.image)
            print(f"logins found, {words}: {found_in(lab, name, pid)} of 2 (goal 0)")
    name = f"bench-{os.getpid()}"
    with container(lab, name, "--use-api-socket") as pid:
        print(f"logins found, docker run --use-api-socket: {found_in(lab, name, pid)} of 2")


def found_in(lab: Lab, name: str, pid: int) -> int:
    """Return of how many logins a container has any byte form: the password, or the word in a config file."""
    texts = [lab.run(lab.docker, "inspect", name), lab.run(lab.docker, "export", name)]
    texts.append(lab.run(lab.docker, "save", lab.run(lab.docker, "commit", name).decode().strip()))
    texts += [Path(f"/proc/{pid}/{file}").read_bytes() for file in ("environ", "cmdline")]
    mounts = [line.split()[4] for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    for mount in mounts:  # an export has no mounts
        if mount.startswith(("/run", "/usr")):
            found = Path(f"/proc/{pid}/root{mount}")
            files = [found] if found.is_file() else [file for file in found.rglob("*") if file.is_file()]
            texts += [file.read_bytes() for file in files]
    return sum(
        any(secret.encode() in text or auth(secret).encode() in text for text in texts) for secret in (PASSWORD, OTHER)
    )


def main() -> None:
    program = path_for("linux", os.uname().machine)
    assert program, "this installation has no forwarder"
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "SHOREPASS_SOCK", "DOCKER_CONFIG"):
        os.environ.pop(name, None)
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        os.environ["HOME"] = f"{folder}/home"
        os.environ["XDG_RUNTIME_DIR"] = f"{folder}/run"
        os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        for below in ("run", "home", "engine"):
            (folder / below).mkdir(mode=0o700)
        registry = opened.enter_context(programs.htpasswd_registry(folder, {"alice": PASSWORD}))
        engine = opened.enter_context(programs.docker_daemon(folder / "engine"))
        lab = Lab(folder, engine, registry)
        here = LocalContext.current()
        vault = Vault(here, ask=lambda _: "", tell=print)
        init(vault, here, machine_key())
        vault.change(lambda document: document.with_login(registry, Basic("alice", Secret(PASSWORD))))
        place = folder / "forwarder"
        (place / "originals").mkdir(parents=True)
        shutil.copy(program, place / HELPER)
        pid = start_agent()
        opened.callback(os.kill, pid, signal.SIGTERM)
        wanted = sys.argv[1:] or ["pull", "get", "many", "secret"]
        parts = {
            "pull": lambda: first_pull(lab),
            "get": lambda: forwarded_get(lab, f"{place}/{HELPER}"),
            "many": lambda: many(lab),
            "secret": lambda: secret_bytes(lab),
        }
        for part in wanted:
            if part in ("pull", "get", "many"):
                (folder / "home/.docker/config.json").write_text('{"credsStore": "shorepass"}')
            else:
                shutil.copy(folder / "plain/config.json", folder / "home/.docker/config.json")
            parts[part]()


if __name__ == "__main__":
    main()
