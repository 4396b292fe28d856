"""The real client programs, with the words that each has for what all of them can do."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

from e2e import programs

__all__ = ["Docker", "RealClient", "Skopeo", "Storage"]


class RealClient(Protocol):
    """A real program, the words it has for what every client can do, and whose rules it follows."""

    rules: str

    def push(self, image: str) -> subprocess.CompletedProcess[str]: ...

    def pull(self, image: str) -> subprocess.CompletedProcess[str]:
        """Pull, with nothing of the image left from before."""

    def login(self, registry: str, user: str, password: str) -> subprocess.CompletedProcess[str]: ...

    def logout(self, registry: str) -> subprocess.CompletedProcess[str]: ...


class Docker:
    """A docker client and the test's own daemon."""

    rules = "docker"

    def __init__(self, program: str, daemon: str, image: str) -> None:
        self._argv = [programs.require(program), "-H", daemon]
        self._image = image

    def _run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return programs.run([*self._argv, *words], env=os.environ, stdin=stdin)

    def push(self, image: str) -> subprocess.CompletedProcess[str]:
        assert self._run("tag", self._image, image).returncode == 0
        try:
            return self._run("push", image)
        finally:
            self._run("rmi", image)

    def pull(self, image: str) -> subprocess.CompletedProcess[str]:
        try:
            return self._run("pull", image)
        finally:
            self._run("rmi", image)

    def login(self, registry: str, user: str, password: str) -> subprocess.CompletedProcess[str]:
        return self._run("login", "-u", user, "--password-stdin", registry, stdin=password)

    def logout(self, registry: str) -> subprocess.CompletedProcess[str]:
        return self._run("logout", registry)


class Storage:
    """podman or buildah, with an image store of its own in the test's folder."""

    def __init__(self, program: str, world: Path, archive: Path) -> None:
        self.rules = program
        self._run_folder = tempfile.mkdtemp(prefix="sp-")  # podman takes no runroot of more than 50 characters
        self._argv = [
            *(programs.require(program), "--storage-driver", "vfs"),
            *("--root", str(world / program / "root"), "--runroot", self._run_folder),
        ]
        self._archive = f"docker-archive:{archive}"

    def _run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        # a session bus that is not there, or a rootless podman starts one and leaves it running
        bus = f"unix:path={os.environ['HOME']}/no-bus"
        env = {**os.environ, "PATH": programs.SYSTEM_PATH, "DBUS_SESSION_BUS_ADDRESS": bus}
        return programs.run([*self._argv, *words], env=env, stdin=stdin)

    def close(self) -> None:
        """End the process by which a rootless podman keeps its user namespace, and give back what lives in that."""
        if os.geteuid() != 0:
            self._run("rmi", "--all", "--force")
            if self.rules == "podman":
                self._run("system", "migrate")
        shutil.rmtree(self._run_folder, ignore_errors=True)

    def push(self, image: str) -> subprocess.CompletedProcess[str]:
        pulled = self._run("pull", "--quiet", self._archive)
        assert pulled.returncode == 0, pulled.stderr
        return self._run("push", "--tls-verify=false", pulled.stdout.split()[-1], f"docker://{image}")

    def pull(self, image: str) -> subprocess.CompletedProcess[str]:
        self._run("rmi", "--all", "--force")
        return self._run("pull", "--tls-verify=false", f"docker://{image}")

    def login(self, registry: str, user: str, password: str) -> subprocess.CompletedProcess[str]:
        return self._run("login", "--tls-verify=false", "-u", user, "--password-stdin", registry, stdin=password)

    def logout(self, registry: str) -> subprocess.CompletedProcess[str]:
        return self._run("logout", registry)


class Skopeo:
    """skopeo, which stores nothing itself: an archive goes up, a folder comes down."""

    rules = "skopeo"

    def __init__(self, world: Path, archive: Path) -> None:
        self._program = programs.require("skopeo")
        self._archive = archive
        self._folder = world / "pulled"

    def _run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return programs.run([self._program, "--tmpdir", str(self._folder.parent), *words], env=os.environ, stdin=stdin)

    def push(self, image: str) -> subprocess.CompletedProcess[str]:
        return self._run(
            "copy",
            "--insecure-policy",
            "--dest-tls-verify=false",
            f"docker-archive:{self._archive}",
            f"docker://{image}",
        )

    def pull(self, image: str) -> subprocess.CompletedProcess[str]:
        return self._run(
            "copy", "--insecure-policy", "--src-tls-verify=false", f"docker://{image}", f"dir:{self._folder}"
        )

    def login(self, registry: str, user: str, password: str) -> subprocess.CompletedProcess[str]:
        return self._run("login", "--tls-verify=false", "-u", user, "--password-stdin", registry, stdin=password)

    def logout(self, registry: str) -> subprocess.CompletedProcess[str]:
        return self._run("logout", registry)
