"""Logins that are stopped, or refused by the system, at one system call of their choice. strace does it."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from e2e import programs

__all__ = ["Call", "Login", "Outcome", "Refusal", "kill_at_every_call", "refuse_every_call"]

USER, PASSWORD = "alice", "a password"
OLD = b'{\n  "auths": {"other.example": {"auth": "Ym9iOnNlY3JldA=="}},\n  "psFormat": "table"\n}\n'
# As on file systems and kernels without nameless files: the flag then means a folder, which cannot be written (EISDIR).
WITHOUT_NAMELESS_FILES = "import os; os.O_TMPFILE = os.O_DIRECTORY; from shorepass.cli import program; program()"

# Left out: how many a process needs differs from run to run, and files stand at them as at the call that follows.
MEMORY = ("brk", "madvise", "mmap", "mprotect", "mremap", "munmap")


class Call(NamedTuple):
    """A system call: the ``number``-th of this ``name`` in the process. ``text``: as strace prints it."""

    name: str
    number: int
    text: str


class Done(NamedTuple):
    status: int
    stderr: str
    trace: list[str]


class Login:
    """``shorepass login`` as a process, in a home of its own in ``folder``.

    ``exists``: there is a file with another login before. ``nameless``: the file system has nameless files (O_TMPFILE).
    """

    def __init__(self, folder: Path, registry: str, *, client: str, exists: bool, nameless: bool = True) -> None:
        self.home = folder / "home"
        self.file = self.home / (".docker/config.json" if client == "docker" else "containers/auth.json")
        self.exists = exists
        self._trace = folder / "trace"
        run = ["-m", "shorepass"] if nameless else ["-c", WITHOUT_NAMELESS_FILES]
        words = ["login", "--client", client, "--tls-verify=false", "-u", USER, "--password-stdin", registry]
        self._argv = [sys.executable, *run, *words]
        # Nothing that could change the number of calls from run to run: no byte code to write, one order of sets.
        path = ":".join(entry for entry in sys.path if entry.endswith("/src"))
        homes = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home), "PATH": "/nonexistent"}
        self._env = {**homes, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": path}

    def prepare(self) -> None:
        """Make the home anew."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o700)
        if self.exists:
            self.file.parent.mkdir(parents=True, mode=0o700)
            self.file.write_bytes(OLD)
            self.file.chmod(0o600)

    def run(self, *options: str) -> Done:
        """Log in, under strace if there are options for it."""
        strace = [programs.require("strace"), "-f", "-qq", "-o", str(self._trace), *options] if options else []
        done = subprocess.run(
            [*strace, *self._argv],
            env=self._env,
            input=PASSWORD.encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        trace = self._trace.read_text(errors="replace").splitlines() if options else []
        return Done(done.returncode, done.stderr.decode(), trace)

    def content(self) -> bytes | None:
        """Return what is in the file, None when there is none."""
        return self.file.read_bytes() if self.file.exists() else None

    def left(self) -> list[Path]:
        """Return what lies beside the file."""
        return [p for p in self.home.rglob("*") if p != self.file and not p.is_dir()]

    def save_calls(self) -> list[Call]:
        """Return every system call of a save but those for memory.

        The save begins with the registry's last answer, and ends when the file is on the disk.
        """
        self.prepare()
        done = self.run("-e", "trace=all")
        assert done.status == 0, done.stderr
        calls: list[Call] = []
        count: dict[str, int] = {}
        for line in done.trace:
            if found := re.match(r"[0-9]+ +(\w+)\(", line):
                name = found[1]
                count[name] = count.get(name, 0) + 1
                calls.append(Call(name, count[name], line.split(maxsplit=1)[1]))
        first = max(i for i, call in enumerate(calls) if call.name == "recvfrom") + 1
        # Then /proc is looked through for foreign logins; this call is the first after the save.
        last = max(i for i, call in enumerate(calls) if call.text.startswith('openat(AT_FDCWD, "/proc",'))
        assert any(call.name == "fsync" for call in calls[first:last])
        return [call for call in calls[first : last + 1] if call.name not in MEMORY]

    def run_with(self, call: Call, fault: str) -> Done:
        """Log in with ``fault`` (``signal=KILL``, ``error=EIO``) at one system call."""
        inject = f"inject={call.name}:{fault}:when={call.number}"
        # Stopping at these calls only is three times as fast; but strace 6.1 sends no signal then.
        fast = ["--seccomp-bpf"] if fault.startswith("error") else []
        return self.run(*fast, "-e", f"trace={call.name}", "-e", inject)


class Outcome(NamedTuple):
    """What a killed login left: which content (None: no file), and what beside the file."""

    call: Call
    content: bytes | None
    left: list[Path]


def kill_at_every_call(login: Login, *, locked: bool = False) -> Iterator[Outcome]:
    """Kill a login before each system call of its save in turn; check that the next login finds nothing in its way.

    ``locked``: only from the call that takes the lock; before it nothing is written.

    Raises AssertionError when the file is neither the old nor the new one, when what is left beside it is more readable
    than it, or when the next login does not clear it away.
    """
    calls = login.save_calls()
    old, new = (OLD if login.exists else None), login.content()
    assert new not in (None, old)
    first = [call.name for call in calls].index("flock") if locked else 0
    for call in calls[first:]:
        login.prepare()
        done = login.run_with(call, "signal=KILL")
        assert done.status == -9, f"not killed at {call.text}: {done.stderr}"
        outcome = Outcome(call, login.content(), login.left())
        assert outcome.content in (old, new), call.text
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in outcome.left), call.text
        again = login.run()
        assert again.status == 0, (call.text, again.stderr)
        assert (login.content(), login.left()) == (new, []), call.text
        yield outcome


class Refusal(NamedTuple):
    """What a login did whose system call was refused: whether it failed, and said so with the old file in place."""

    call: Call
    failed: bool


def refuse_every_call(login: Login, error: str) -> Iterator[Refusal]:
    """Refuse each system call of a login's save in turn, from the lock on, with ``error`` (``ENOSPC``).

    Raises AssertionError when a login that failed did not leave the old file, one that succeeded the new one, when
    anything is left beside it, or when the error does not name the file.
    """
    calls = login.save_calls()
    old, new = (OLD if login.exists else None), login.content()
    for call in calls[next(i for i, call in enumerate(calls) if call.name == "flock") :]:
        login.prepare()
        done = login.run_with(call, f"error={error}")
        closed_late = call.name == "close" and login.content() == new  # after the rename: told, and done all the same
        assert "Traceback" not in done.stderr, call.text
        assert login.left() == [], call.text
        failed = done.status != 0 and not closed_late
        assert login.content() == (old if failed else new), call.text
        assert not failed or str(login.file) in done.stderr, call.text
        yield Refusal(call, failed)
