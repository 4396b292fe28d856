"""Real users of this machine, made for a test and gone after it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from e2e import programs

__all__ = ["Person", "add_user", "end_processes_of", "new_person", "remove_user"]

USER_BUSY = 8  # userdel(8), EXIT VALUES

# Root starts it and becomes the person for good: their own right to read this Python and these sources is not needed.
AS_PERSON = """
import importlib, os, pkgutil, pwd, sys
import _strptime, concurrent.futures.thread, ctypes, fcntl, hashlib, json, pwd
import resource, select, selectors, shlex, signal, subprocess
import tomllib
import encodings.ascii, encodings.idna, encodings.latin_1, encodings.utf_8
import shorepass
for module in pkgutil.walk_packages(shorepass.__path__, "shorepass."):
    if "__main__" not in module.name and ".testing" not in module.name:
        importlib.import_module(module.name)
uid = int(sys.argv[1])
os.setgroups(os.getgrouplist(pwd.getpwuid(uid).pw_name, uid)); os.setgid(uid); os.setuid(uid)
from shorepass.cli import main
sys.exit(main(sys.argv[2:]))
"""


class Person:
    """One user: ``name``, ``uid`` (also the group's number), and ``home`` in a folder of the test's own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.home = folder / "home"
        self.uid = add_user(name, "--home-dir", str(self.home))
        self.as_root("install", "-d", "-m", "0755", "-o", name, "-g", name, str(self.home))

    def remove(self) -> None:
        """Remove the user, the home, and what sudo, podman and buildah have made for them."""
        end_processes_of(self.uid)
        folders = ("/var/lib/sudo/lectured", "/run/sudo/ts")
        remembered = [f"{folder}/{name}" for folder in folders for name in (self.name, self.uid)]  # as of sudo 1.9.15
        starts = ("/tmp/podman-run-", "/tmp/containers-user-", "/var/tmp/containers-user-", "/run/user/")
        starts += ("/dev/shm/libpod_rootless_lock_",)
        made = [f"{start}{self.uid}" for start in starts]
        self.as_root("rm", "-rf", str(self.folder), *remembered, *made)
        remove_user(self.name, self.uid)

    def run(self, *argv: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, with this user's HOME and the variables that are named."""
        words = [f"{name}={value}" for name, value in {"HOME": str(self.home), **env}.items()]
        return programs.run(programs.as_root(["runuser", "-u", self.name, "--", "env", *words, *argv]), stdin=stdin)

    def shorepass(self, *args: str, **env: str) -> list[str]:
        """Return the command that runs shorepass as this user."""
        kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        words = [f"{name}={value}" for name, value in {"HOME": str(self.home), **kept, **env}.items()]
        return ["env", *words, sys.executable, "-c", AS_PERSON, str(self.uid), *args]

    def write(self, name: str, text: str, mode: str = "600") -> Path:
        """Write a file below the home, as this user."""
        path = self.home / name
        script = 'umask 077; mkdir -p "${1%/*}"; cat >"$1"; chmod "$2" "$1"'
        done = self.run("sh", "-c", script, "sh", str(path), mode, stdin=text)
        assert done.returncode == 0, done.stderr
        return path

    def files(self) -> dict[str, tuple[str, str]]:
        """Return everything in the home: path to owner and mode."""
        listing = self.as_root("find", str(self.home), "-mindepth", "1", "-printf", "%P %u:%g %m\n")
        rows = [line.rsplit(" ", 2) for line in listing.splitlines()]
        return {path: (owner, mode) for path, owner, mode in rows}

    def as_root(self, *argv: str, stdin: str = "") -> str:
        """Run a program as root and return what it prints."""
        done = programs.run(programs.as_root(argv), stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


def add_user(name: str, *words: str) -> int:
    """Make a user and their group; return the number of both, which no user of before had, whose processes may still run."""
    number = 1_000_000_000 + secrets.randbelow(1_000_000_000)
    ids = ("--uid", str(number), "--gid", str(number))
    for command in (
        ["groupadd", "--gid", str(number), name],
        ["useradd", *ids, "--no-create-home", "--shell", "/bin/sh", *words, name],
    ):
        done = programs.run(programs.as_root(command))
        assert done.returncode == 0, done.stderr
    return number


def remove_user(name: str, uid: int) -> None:
    """Remove a user that a test made, and end what the user runs until userdel no longer names a process."""

    def removed() -> bool | None:
        end_processes_of(uid)
        done = programs.run(programs.as_root(["userdel", name]))
        if done.returncode != USER_BUSY:
            assert done.returncode == 0, done.stderr
            return True
        # it started since, or has one of the user's subordinate ids
        if named := re.search(r"used by process ([0-9]+)", done.stderr):
            programs.run(programs.as_root(["kill", "-KILL", named[1]]))
        return None

    programs.wait_until(removed, f"user {name} to be removed")


def end_processes_of(uid: int) -> None:
    """End, by number, what a user that a test made has left running: programs that were too slow for it."""

    def none_left() -> bool | None:
        pids = processes_of(uid)
        if pids:
            programs.run(programs.as_root(["kill", "-KILL", *pids]))
        return None if pids else True

    programs.wait_until(none_left, f"the processes of user {uid} to end")


def processes_of(uid: int) -> list[str]:
    """Return the pids of a user's processes: by real, effective, saved or file system id, as userdel sees them.

    ``ps -u`` knows the effective id only: newuidmap or sudo that the user has just started is not among its answers.
    A process that has ended and that its parent has not asked about is left out, as userdel leaves it out.
    """
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            fields = dict(line.split(":", 1) for line in status.read_text(errors="replace").splitlines())
            if str(uid) in fields["Uid"].split() and not fields["State"].lstrip().startswith("Z"):
                found.append(status.parent.name)
    return found


@contextlib.contextmanager
def new_person() -> Iterator[Person]:
    """Make a user of this machine; gone after ``with``."""
    # not pytest's own folder: that is closed to every user but the one who runs the tests
    folder = Path(tempfile.mkdtemp(prefix="shorepass-person-"))
    folder.chmod(0o755)
    name = f"shorepass-{secrets.token_hex(4)}"
    try:
        person = Person(name, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield person
    finally:
        person.remove()
