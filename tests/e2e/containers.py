"""Real containers for tests: docker's and podman's, made of one small image with users in it."""

from __future__ import annotations

import contextlib
import io
import resource
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from e2e import programs

__all__ = ["IMAGE", "USER", "ContainerEngine", "docker_engine", "image_archive", "podman_engine"]

IMAGE = "local/place:1"
USER = "app"  # 1000:1000, and a member of the group staff (50)

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
GROUP = "root:x:0:\nstaff:x:50:app\napp:x:1000:\n"
SLEEP = ("/bin/busybox", "sleep", "100000")


# What the image holds: mode, owner, group, and a file's text, a link's target behind an arrow, or nothing for a folder.
# A folder that is not named would get a mode of the engine's own.
FILES = {
    ".": (0o755, 0, 0, None),
    "bin": (0o755, 0, 0, None),
    "etc": (0o755, 0, 0, None),
    "etc/passwd": (0o644, 0, 0, PASSWD),
    "etc/group": (0o644, 0, 0, GROUP),
    "home": (0o755, 0, 0, None),
    "home/app": (0o750, 1000, 1000, None),
    "root": (0o700, 0, 0, None),
    "root/file": (0o600, 0, 0, "root's"),
    "tmp": (0o1777, 0, 0, None),
    "data": (0o755, 0, 0, None),
    "data/deep": (0o755, 0, 0, None),
    "data/deep/file": (0o644, 0, 0, "one"),
    "srv": (0o755, 0, 0, None),
    "srv/relative": (0o777, 0, 0, "-> ../data/deep/file"),
    "srv/folder": (0o777, 0, 0, "-> /data/deep"),
    "srv/dangling": (0o777, 0, 0, "-> /nowhere"),
    "srv/loop": (0o777, 0, 0, "-> loop"),
    "srv/escape": (0o777, 0, 0, "-> ../../../../../../data"),
    "srv/mine": (0o400, 1000, 1000, "mine"),
    "srv/staff": (0o640, 0, 50, "staff"),
    "srv/others": (0o044, 1000, 1000, "others"),
    "srv/closed": (0o700, 0, 0, None),
    "srv/closed/in": (0o644, 0, 0, "in"),
    "srv/unlisted": (0o711, 0, 0, None),
    "srv/unlisted/in": (0o644, 0, 0, "in"),
}


def image_archive(folder: Path) -> Path:
    """Return a tar of a root file system: busybox with a few of its names, two users and their homes, and FILES."""
    archive = folder / "place.tar"
    with tarfile.open(archive, "w") as tar:
        for name, (mode, uid, gid, text) in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.uid, entry.gid = mode, uid, gid
            data = (text or "").encode()
            if text is None:
                entry.type = tarfile.DIRTYPE
            elif text.startswith("-> "):
                entry.type, entry.linkname, data = tarfile.SYMTYPE, text.removeprefix("-> "), b""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        tar.add(programs.require("busybox"), "bin/busybox")
        for name in set(programs.run([programs.require("busybox"), "--list"]).stdout.split()) - {"busybox"}:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive


class ContainerEngine:
    """The command line of an engine of the test's own, with ``env``; ``leads`` are the variables that lead to its socket."""

    def __init__(
        self, family: str, program: str, folder: Path, env: Mapping[str, str], leads: Mapping[str, str]
    ) -> None:
        self.family = family
        self.folder = folder
        self.leads = dict(leads)
        self.env = dict(env)
        self.program = program
        self._made: list[str] = []

    def try_run(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the engine's program."""
        return programs.run([self.program, *args], env={"HOME": str(self.folder), **self.env}, stdin=stdin)

    def run(self, *args: str, stdin: str = "") -> str:
        """Run it, and return what it prints; it must succeed."""
        done = self.try_run(*args, stdin=stdin)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout

    def make(self, *flags: str, command: tuple[str, ...] = SLEEP, running: bool = True, name: str = "") -> str:
        """Make a container, and return its name, which nothing else has unless one is given."""
        name = name or f"place-{len(self._made)}"
        self.run(
            "run" if running else "create",
            *["--detach"] * running,
            "--name",
            name,
            "--network=none",
            *flags,
            IMAGE,
            *command,
        )
        self._made.append(name)
        return name

    def stop(self, name: str) -> None:
        """Stop a container at once."""
        self.run("kill", name)
        programs.wait_until(
            lambda: True if "true" not in self.run("inspect", "-f", "{{.State.Running}}", name) else None, "an end"
        )

    def remove(self, name: str) -> None:
        """Remove a container."""
        self.run("rm", "-f", name)
        self._made.remove(name)

    def execute(self, name: str, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program in a container, as any user of the engine would."""
        return self.try_run("exec", "-i", name, *argv, stdin=stdin)

    def remove_all(self) -> None:
        """Remove what was made."""
        self.try_run("kill", *self._made)  # rm alone would give each the time to end by itself
        if self.try_run("rm", "-f", "-v", *self._made).returncode:
            for name in self._made:  # podman removes no other, if a test has removed one
                self.try_run("kill", name)
                self.try_run("rm", "-f", "-v", name)
        self._made.clear()


@contextlib.contextmanager
def docker_engine(address: str, folder: Path) -> Iterator[ContainerEngine]:
    """Yield a running dockerd with the image in it."""
    leads = {"DOCKER_HOST": address}
    engine = ContainerEngine("docker", programs.require(programs.docker_programs()[0]), folder, leads, leads)
    engine.run("import", str(image_archive(folder)), IMAGE)
    yield engine
    engine.remove_all()


@contextlib.contextmanager
def podman_engine(folder: Path) -> Iterator[ContainerEngine]:
    """Yield a podman with its files in ``folder``, its socket served, and the image in it. Needs root.

    Its storage has a short path: else ``podman run --rm`` waits 20 s, because nobody tells it how the container ended.
    """
    with tempfile.TemporaryDirectory(prefix="sp-", ignore_cleanup_errors=True) as storage:
        yield from _podman_engine(folder, Path(storage))


def _podman_engine(folder: Path, storage: Path) -> Iterator[ContainerEngine]:
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    values = ", ".join(f'"{name}=1024:{min(resource.getrlimit(limit)[1], 4096)}"' for name, limit in limits.items())
    # the locks of every podman of root's are else the same, in /dev/shm, and the next one to start frees them all
    own = f'[engine]\nlock_type = "file"\ntmp_dir = "{storage}/tmp"\n'
    (folder / "containers.conf").write_text(f"[containers]\ndefault_ulimits = [{values}]\n{own}")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{storage}/root"\nrunroot = "{storage}/run"\n'
    )
    files = {"CONTAINERS_CONF": f"{folder}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf"}
    program, socket = programs.require("podman"), folder / "podman.sock"
    engine = ContainerEngine("podman", program, folder, files, {**files, "CONTAINER_HOST": f"unix://{socket}"})
    engine.run("import", str(image_archive(folder)), IMAGE)
    serve = [program, "system", "service", "--time=0", f"unix://{socket}"]
    env = {"HOME": str(folder), **files}
    asks = [program, "--url", f"unix://{socket}", "version"]

    def answers() -> bool | None:
        return (socket.exists() and programs.run(asks, env=env).returncode == 0) or None

    with programs.running(serve, folder / "service.log", answers, env=env):
        yield engine
        engine.remove_all()
