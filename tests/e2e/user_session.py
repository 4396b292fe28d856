"""A systemd for the user who runs the tests, as a login starts it, in a namespace of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from e2e.systemd import FOLDERS, Systemd, systemd
from shorepass.agent_client import systemd_units

__all__ = ["Session", "user_session"]


class Session:
    """Runs programs where the user's systemd is one of the test's own, with its run folder and the test's home."""

    run_folder = "/run/session"
    program = (sys.executable, "-m", "shorepass")

    def __init__(self, machine: Systemd, home: Path) -> None:
        self._machine = machine
        self.env = {"HOME": str(home), "XDG_RUNTIME_DIR": self.run_folder, "PATH": os.environ["PATH"]}

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self._machine.run(list(argv), env=self.env)

    def shorepass(self, *words: str) -> str:
        done = self.run(*self.program, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def state_of(self, unit: str) -> str:
        return self.run("systemctl", "--user", "is-active", unit).stdout.strip()


@contextlib.contextmanager
def user_session(folder: Path, home: Path, world: Path) -> Iterator[Session]:
    """Start a systemd with the user's units below ``home``. The agent's service may also write below ``world``."""
    own = folder / "units"
    own.mkdir()
    for name in ("sysinit.target", "basic.target", "shutdown.target"):  # which every unit needs
        (own / name).write_text("[Unit]\nDefaultDependencies=no\n")
    program = next(path for path in FOLDERS if Path(path).exists())
    (own / "session.service").write_text(
        f"[Service]\nType=notify\nDelegate=yes\nEnvironment=HOME={home} XDG_RUNTIME_DIR={Session.run_folder}\n"
        f"RuntimeDirectory=session\nRuntimeDirectoryMode=0700\nExecStart={program} --user\n"
    )
    drop_in = home / f".config/systemd/user/{systemd_units.SERVICE}.d/test.conf"
    drop_in.parent.mkdir(parents=True)
    python = os.environ.get("PYTHONPATH", "")
    drop_in.write_text(f"[Service]\nReadWritePaths={world}\nEnvironment=PYTHONPATH={python}\n")
    with systemd(own, folder / "systemd.log") as machine:
        started = machine.run(["systemctl", "start", "session.service"])
        assert started.returncode == 0, started.stderr
        yield Session(machine, home)
