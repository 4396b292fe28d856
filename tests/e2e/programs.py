"""Real programs for tests: how they are found, how servers are started from them, and how exactly those are ended.

Nothing here skips: a program that is missing fails the test that needs it. ``tests/install-programs`` installs
them all on Debian and Ubuntu.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

__all__ = [
    "SYSTEM_PATH",
    "as_root",
    "busybox_archive",
    "docker_daemon",
    "docker_programs",
    "docker_registry",
    "htpasswd_registry",
    "require",
    "run",
    "running",
    "shell",
    "wait_until",
]

# The tests' own PATH is a temporary folder; real programs are looked for where Debian puts them.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 180  # dockerd takes 2 s here; a loaded CI machine is slower
STOP_SECONDS = 20

Ready = TypeVar("Ready")


def require(program: str) -> str:
    """Return the absolute path of a real program; fail the test when the machine has none."""
    path = shutil.which(program, path=SYSTEM_PATH)
    if path is None:
        pytest.fail(f"{program} is not installed; run tests/install-programs", pytrace=False)
    return path


def docker_programs() -> list[str]:
    """Return every docker client of this machine: Debian's and a newer one, when there are two. Never empty."""
    found = [f"{folder}/docker" for folder in ("/usr/bin", "/usr/local/bin") if os.access(f"{folder}/docker", os.X_OK)]
    return found or ["docker"]  # the name alone, for require() to fail on


def as_root(argv: Sequence[str]) -> list[str]:
    """Return the command that runs ``argv`` as root: itself, or through sudo, which must not ask now."""
    return list(argv) if os.geteuid() == 0 else [require("sudo"), "-n", *argv]


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a real program to its end, with no environment but ``env`` and the system's PATH, and return what it did."""
    return subprocess.run(
        list(argv),
        env={"PATH": SYSTEM_PATH, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def shell(prefix: Sequence[str], script: str, stdin: bytes = b"") -> bytes:
    """Run a script by ``sh`` behind ``prefix``, with the system's PATH alone, and return what it prints; it must succeed."""
    done = subprocess.run(
        [*prefix, "sh", "-c", script],
        env={"PATH": SYSTEM_PATH},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until(ready: Callable[[], Ready | None], what: str, *, seconds: float = START_SECONDS) -> Ready:
    """Return what ``ready`` returns as soon as that is not None; fail the test after ``seconds``."""
    deadline = time.monotonic() + seconds
    while (result := ready()) is None:
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:g} s", pytrace=False)
        time.sleep(0.02)
    return result


@contextlib.contextmanager
def running(
    argv: Sequence[str], log: Path, ready: Callable[[], Ready | None], *, env: Mapping[str, str] | None = None
) -> Iterator[Ready]:
    """Start a server, wait until ``ready`` returns something, yield that, and end the server by its pid."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            list(argv),
            env={"PATH": SYSTEM_PATH, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )

    def ready_or_dead() -> Ready | None:
        if process.poll() is not None:
            tail = log.read_text(errors="replace")[-2000:]
            pytest.fail(f"{argv[0]} ended with status {process.returncode}:\n{tail}", pytrace=False)
        return ready()

    try:
        yield wait_until(ready_or_dead, f"{argv[0]} to be ready (see {log})")
    finally:
        if process.poll() is None:
            run(as_root(["kill", str(process.pid)]))
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            run(as_root(["kill", "-KILL", str(process.pid)]))
            process.wait(STOP_SECONDS)


@contextlib.contextmanager
def docker_registry(folder: Path, auth: str) -> Iterator[str]:
    """Run docker-registry on a loopback port of the kernel's choice and yield ``127.0.0.1:PORT``.

    ``auth`` is the YAML of its ``auth:`` section in flow style (``{htpasswd: {...}}``). Blobs rest in ``folder``: the
    driver that keeps them in memory forgets a repository's tags once an upload to it was cancelled.
    """
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\n"
        "log: {level: info, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder}/data'}}, delete: {{enabled: true}}}}\n"
        "http: {addr: '127.0.0.1:0', secret: only-for-this-test}\n"
        f"auth: {auth}\n"
    )
    log = folder / "registry.log"

    def address() -> str | None:
        found = re.search(r"listening on (127\.0\.0\.1:[0-9]+)", log.read_text(errors="replace"))
        return found[1] if found else None

    with running([require("docker-registry"), "serve", str(config)], log, address) as name:
        yield name


@contextlib.contextmanager
def htpasswd_registry(folder: Path, users: Mapping[str, str]) -> Iterator[str]:
    """Run docker-registry with Basic authentication (bcrypt, the only kind it knows); yield ``127.0.0.1:PORT``."""
    lines = []
    for username, password in users.items():
        # cost 4, the least: the tests ask often and the password guards nothing
        made = run([require("htpasswd"), "-n", "-i", "-B", "-C", "4", username], stdin=password)
        assert made.returncode == 0, made.stderr
        lines.append(made.stdout.strip())
    passwords = folder / "htpasswd"
    passwords.write_text("\n".join(lines) + "\n")
    with docker_registry(folder, f"{{htpasswd: {{realm: basic-realm, path: '{passwords}'}}}}") as name:
        yield name


@contextlib.contextmanager
def docker_daemon(folder: Path, enter: Sequence[str] = (), flags: Sequence[str] = ()) -> Iterator[str]:
    """Run dockerd as root, with no network to manage and all its state in ``folder``; yield its ``unix://`` address.

    ``enter``: the command, if any, that runs another one in the namespaces where it is to be. ``flags``: more of dockerd's.
    """
    socket, pid_file, exec_root = folder / "docker.sock", folder / "pid", folder / "exec"
    address = f"unix://{socket}"
    argv = [
        *(require("dockerd"), "--bridge=none", "--iptables=false", "--storage-driver=vfs"),
        *("--data-root", str(folder / "data"), "--exec-root", str(exec_root), "-p", str(pid_file)),
        *("-H", address, "--group", str(os.getgid()), *flags),
    ]
    client = [require(docker_programs()[0]), "-H", address, "version", "--format", "{{.Server.Version}}"]

    def answers() -> str | None:
        if not socket.exists():
            return None
        return address if run(client, env={"HOME": str(folder)}).returncode == 0 else None

    containerd_pid = ""
    try:
        with running(as_root([*enter, *argv]), folder / "dockerd.log", answers, env={"HOME": str(folder)}) as ready:
            containerd_pid = run(as_root(["cat", f"{exec_root}/containerd/containerd.pid"])).stdout.strip()
            yield ready
    finally:
        _end_orphan(containerd_pid, str(exec_root))
        for mount in _mounts_below(str(folder)):
            run(as_root(["umount", "--lazy", mount]))
        run(as_root(["rm", "-rf", str(folder / "data"), str(exec_root)]))


def _end_orphan(pid: str, exec_root: str) -> None:
    """End dockerd's containerd if it outlived dockerd; the command line proves that the number is still its own."""
    with contextlib.suppress(OSError, ValueError):
        if exec_root in Path(f"/proc/{int(pid)}/cmdline").read_text():
            run(as_root(["kill", "-KILL", pid]))


def _mounts_below(folder: str) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((p for p in points if p.startswith(folder + "/")), reverse=True)  # the innermost first


def busybox_archive(folder: Path) -> Path:
    """Return a tar of a root file system with one static program in it: an image that comes from no registry."""
    archive = folder / "busybox.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(require("busybox"), "bin/busybox")
    return archive
