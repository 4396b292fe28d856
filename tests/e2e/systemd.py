"""A real systemd with units of the test's own, in a namespace of processes and mounts that ends with it."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from e2e import programs

__all__ = ["Systemd", "systemd"]

# Without this machine's own units nothing but the test's can start: sysinit.target, for one, empties /tmp. ``container`` keeps
# process 1 from the settings of the kernel.
START = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
for folder in /run /etc/systemd /usr/lib/systemd/system /usr/local/lib/systemd; do
    [ ! -d $folder ] || mount -t tmpfs tmpfs $folder
done
mkdir -p /run/systemd/system
cp "$1"/* /run/systemd/system
printf '[Unit]\nDefaultDependencies=no\n' >"/run/systemd/system/$3"
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$2" --system --unit="$3" --log-target=console
"""
FOLDERS = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")


class Systemd:
    """Runs programs where that systemd is process 1; ``/run`` is its own there, all other folders are this machine's."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._enter = ["nsenter", "--target", str(pid), "--mount", "--pid"]

    def run(self, argv: list[str], *, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program there, without input."""
        return programs.run(programs.as_root([*self._enter, *argv]), env=env)


@contextlib.contextmanager
def systemd(units: Path, log: Path) -> Iterator[Systemd]:
    """Start a systemd that has the units in a folder, and no other one to start."""
    program = next(path for path in FOLDERS if Path(path).exists())
    name = f"test-{secrets.token_hex(4)}.target"
    flags = ["--pid", "--fork", "--mount", "--kill-child"]
    argv = programs.as_root([programs.require("unshare"), *flags, "sh", "-c", START, "sh", str(units), program, name])

    def answers() -> Systemd | None:
        for pid in programs.run(["pgrep", "--full", f"^{program} .*--unit={name}"]).stdout.split():
            found = Systemd(int(pid))
            asked = found.run(["systemctl", "is-system-running"])
            return found if asked.stdout.strip() in ("running", "degraded") else None
        return None

    with programs.running(argv, log, answers) as found:
        try:
            yield found
        finally:  # by the signal that it cannot take for a request; all of the namespace ends with process 1
            programs.run(programs.as_root(["kill", "-KILL", str(found.pid)]))
