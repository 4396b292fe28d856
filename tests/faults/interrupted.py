"""Saves that are stopped, or refused by the system, at one system call of their choice. strace does it.

A command is killed before each call that changes a file, and before the last call of its save. Between two of these it only
reads, so a kill there leaves what the next kill leaves.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from client_files import auth, our_helper
from e2e import programs
from shorepass.chain import Chain, chain_of
from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.helper.server import serve
from shorepass.names import HUB_SERVER_URL, parse
from shorepass.processes import Completed
from shorepass.secret import Secret
from shorepass.stores.vault.vault import Vault

__all__ = [
    *("Call", "Helper", "Login", "Migration", "Outcome", "Refusal", "Save"),
    *("kill_at_every_change", "kill_migration_at_every_change", "moments", "refuse_every_call", "refuse_every_change"),
]

USER, PASSWORD = "alice", "a password"
OLD = b'{\n  "auths": {"other.example": {"auth": "Ym9iOnNlY3JldA=="}},\n  "psFormat": "table"\n}\n'
# As on file systems and kernels without nameless files: the flag then means a folder, which cannot be written (EISDIR).
WITHOUT_NAMELESS_FILES = "import os; os.O_TMPFILE = os.O_DIRECTORY; from shorepass.cli import program; program()"

# Left out: how many a process needs differs from run to run, and files are at them as at the call that follows.
UNCOUNTED = ("brk", "futex", "madvise", "mmap", "mprotect", "mremap", "munmap")
# These change no file, and neither does an open or an ioctl without the words below. Every other call counts as a change.
READING = (
    *(
        "access",
        "close",
        "fstat",
        "getcwd",
        "getdents64",
        "getegid",
        "geteuid",
        "getgid",
        "getpid",
        "getrandom",
        "gettid",
    ),
    *("getuid", "listxattr", "llistxattr", "flistxattr", "lseek", "lstat", "newfstatat", "pread64", "read", "readlink"),
    *("readlinkat", "rt_sigaction", "rt_sigprocmask", "stat", "statx"),
    "flock",  # the system unlocks it as the process ends
)
READING_IF = {"openat": r"(?!.*O_(CREAT|TRUNC))", "ioctl": r".*\bTCGETS\b"}  # a nameless file ends with its process
CANNOT_FAIL = ("getrandom", "exit_group")  # whatever the disk is like


class Call(NamedTuple):
    """A system call: the ``number``-th of this ``name`` in the process. ``text``: as strace prints it."""

    name: str
    number: int
    text: str

    @property
    def changes(self) -> bool:
        """Whether it can change a file, as far as its name and its arguments tell."""
        reads = READING_IF.get(self.name)
        return self.name not in READING and (reads is None or re.match(reads, self.text) is None)


def moments(calls: Sequence[Call]) -> list[Call]:
    """Return the calls before which a kill leaves something of its own: each change, and the last of all.

    Not fsync: what it puts on the disk is in the file for every program before.
    """
    return [call for call in calls if (call.changes and call.name != "fsync") or call is calls[-1]]


class Done(NamedTuple):
    status: int
    said: str
    trace: list[str]


class Save:
    """A command that saves a file, as a process, in a home of its own in ``folder``.

    ``words``: what follows ``python``. Subclasses say what the home is like before, and which of the calls are its save.
    """

    old: object = None
    stdin = b""

    def __init__(self, folder: Path, file: str, words: Sequence[str]) -> None:
        self.home = folder / "home"
        self.file = self.home / file
        self.named: tuple[Path, ...] = (self.file,)  # by errors, one of them
        self._trace = folder / "trace"
        self._argv = [sys.executable, *words]
        # Nothing that could change the number of calls from run to run: no byte code to write, one order of sets.
        path = ":".join(entry for entry in sys.path if entry.endswith("/src"))
        homes = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home), "PATH": "/nonexistent"}
        self._env = {**homes, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": path}

    def prepare(self) -> None:
        """Make the home anew."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o700)

    def content(self) -> object:
        """Return what is in the file, None when there is none."""
        return self.file.read_bytes() if self.file.exists() else None

    def left(self) -> list[Path]:
        """Return what lies beside the file and should not."""
        return [p for p in self.home.rglob("*") if p != self.file and not p.is_dir()]

    def part(self, calls: Sequence[Call]) -> slice:
        """Return where in all calls those of the save are."""
        raise NotImplementedError

    def repeat(self) -> None:
        """Do it once more, when it was killed: it must succeed."""
        again = self.run()
        assert again.status == 0, again.said

    def run(self, *options: str) -> Done:
        """Run the command, under strace if there are options for it."""
        strace = [programs.require("strace"), "-f", "-qq", "-o", str(self._trace), *options] if options else []
        done = subprocess.run(
            [*strace, *self._argv],
            env=self._env,
            input=self.stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        trace = self._trace.read_text(errors="replace").splitlines() if options else []
        return Done(done.returncode, (done.stdout + done.stderr).decode(), trace)

    def save_calls(self) -> list[Call]:
        """Return every system call of a save in the main thread but UNCOUNTED: strace counts calls by thread, too."""
        self.prepare()
        done = self.run("-e", "trace=all")
        assert done.status == 0, done.said
        calls: list[Call] = []
        count: dict[str, int] = {}
        main = done.trace[0].split()[0]
        for line in done.trace:
            if found := re.match(rf"{main} +(\w+)\(", line):
                name = found[1]
                count[name] = count.get(name, 0) + 1
                calls.append(Call(name, count[name], line.split(maxsplit=1)[1]))
        save = calls[self.part(calls)]
        assert any(call.name == "fsync" for call in save)
        return [call for call in save if call.name not in UNCOUNTED]

    def run_with(self, call: Call, fault: str) -> Done:
        """Run it with ``fault`` (``signal=KILL``, ``error=EIO``) at one system call."""
        inject = f"inject={call.name}:{fault}:when={call.number}"
        # Stopping at these calls only is three times as fast; but strace 6.1 sends no signal then.
        fast = ["--seccomp-bpf"] if fault.startswith("error") else []
        return self.run(*fast, "-e", f"trace={call.name}", "-e", inject)


class Login(Save):
    """``shorepass login``.

    ``exists``: there is a file with another login before. ``nameless``: the file system has nameless files (O_TMPFILE).
    """

    stdin = PASSWORD.encode()

    def __init__(self, folder: Path, registry: str, *, client: str, exists: bool, nameless: bool = True) -> None:
        run = ["-m", "shorepass"] if nameless else ["-c", WITHOUT_NAMELESS_FILES]
        words = [
            "login",
            "--store",
            "file",
            "--client",
            client,
            "--tls-verify=false",
            "-u",
            USER,
            "--password-stdin",
            registry,
        ]
        file = ".docker/config.json" if client == "docker" else "containers/auth.json"
        super().__init__(folder, file, [*run, *words])
        self.old = OLD if exists else None

    def prepare(self) -> None:
        """Make the home anew, with the old file in it."""
        super().prepare()
        if self.old:
            self.file.parent.mkdir(parents=True, mode=0o700)
            self.file.write_bytes(OLD)
            self.file.chmod(0o600)

    def part(self, calls: Sequence[Call]) -> slice:
        """The save begins with the registry's last answer, and ends when the file is on the disk."""
        first = max(i for i, call in enumerate(calls) if call.name == "recvfrom") + 1
        # Then /proc is looked through for foreign logins; this call is the first after the save.
        last = max(i for i, call in enumerate(calls) if call.text.startswith('openat(AT_FDCWD, "/proc",'))
        return slice(first, last + 1)


class Helper(Save):
    """``docker-credential-shorepass VERB``, with a vault and two generations before. ``content``: its logins, decrypted."""

    old = (("a.example", "alice"), ("b.example", "bob"))  # type: ignore[assignment]  # a subclass knows more of it

    def __init__(self, folder: Path, verb: str) -> None:
        super().__init__(folder, ".local/share/shorepass/vault.age", ["-m", "shorepass.docker_credential", verb])
        self.verb = verb
        self.named = (self.file, self.home / ".local/state/shorepass/vaults.json")
        self.stdin = b"a.example" if verb == "erase" else self._login("c.example", "carol")

    @staticmethod
    def _login(key: str, user: str) -> bytes:
        return json.dumps({"ServerURL": key, "Username": user, "Secret": f"{user}'s secret"}).encode()

    def prepare(self) -> None:
        """Make the home anew, with a copy of the one vault that this object made at first."""
        model = self.home.with_name("model")
        super().prepare()
        if not model.exists():
            self._shorepass("shorepass", "vault", "init")
            for key, user in self.old:
                self._shorepass("shorepass.docker_credential", "store", stdin=self._login(key, user))
            shutil.copytree(self.home, model)
        else:
            shutil.copytree(model, self.home, dirs_exist_ok=True)

    def _shorepass(self, *words: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", *words], env=self._env, input=stdin, capture_output=True, timeout=60, check=True
        )
        assert done.stderr == b""  # a damaged vault would be spoken of
        return done.stdout

    def content(self) -> object:
        """Return what the helper itself lists now. It fails, or has something to say, where the vault is not whole."""
        return tuple(sorted(json.loads(self._shorepass("shorepass.docker_credential", "list")).items()))

    def left(self) -> list[Path]:
        """Return temporary files."""
        return [path for path in self.file.parent.iterdir() if ".shorepass-" in path.name]

    def holders(self, secret: str) -> list[str]:
        """Return the files of the vault, generations included, that hold a secret: as the age program reads them."""
        key = self.home / ".local/state/shorepass/machine.key"
        age = [programs.require("age"), "--decrypt", "-i", str(key)]
        return [p.name for p in sorted(self.file.parent.iterdir()) if secret in programs.run([*age, str(p)]).stdout]

    def part(self, calls: Sequence[Call]) -> slice:
        """The save begins where the folder is locked."""
        return slice(next(i for i, call in enumerate(calls) if call.name == "flock"), len(calls))

    def repeat(self) -> None:
        """Store again, or erase again: what is gone is then "not found"."""
        again = self.run()
        assert again.status == 0 or (self.verb == "erase" and "credentials not found" in again.said), again.said


class Migration(Save):
    """``shorepass migrate --apply``, or ``--undo`` of that: two files with three logins, and a vault with another one.

    ``said`` is what each client would send by the home as it stands, our helper asked.
    """

    secrets = ("alice's secret", "bob's secret", "carol's secret")
    images = (
        ("docker", "a.example/x"),
        ("docker", "nginx"),
        ("podman", "docker.io/library/nginx"),
        ("podman", "b.example/x"),
    )

    def __init__(self, folder: Path, *, undo: bool) -> None:
        super().__init__(folder, ".docker/config.json", ["-m", "shorepass", "migrate", "--undo" if undo else "--apply"])
        self.undo = undo
        self.podman = self.home / "containers/auth.json"
        self._env["PATH"] = str(self.home / "bin")
        self._here = StoredHere(self._env, uid=1000)

    def prepare(self) -> None:
        """Make the home anew, as a copy of the one that this object made at first."""
        model = self.home.with_name("model")
        super().prepare()
        if not model.exists():
            for folder in (self.home / "bin", self.file.parent, self.podman.parent):
                folder.mkdir()
            our_helper(self.home / "bin")
            alice, bob, carol = (auth(f"{secret.partition(chr(39))[0]}:{secret}") for secret in self.secrets)
            self.file.write_text(json.dumps({"auths": {"a.example": alice, HUB_SERVER_URL: bob}}, indent="\t"))
            self.podman.write_text(json.dumps({"auths": {"b.example": carol}}, indent="\t"))
            self._shorepass("vault", "init")
            self.vault().store("other.example", Basic("dave", Secret("another one")))
            if self.undo:
                self._shorepass("migrate", "--apply")
            shutil.copytree(self.home, model)
        else:
            shutil.copytree(model, self.home, dirs_exist_ok=True)

    def _shorepass(self, *words: str) -> None:
        argv = [sys.executable, "-m", "shorepass", *words]
        subprocess.run(argv, env=self._env, capture_output=True, timeout=60, check=True)

    def vault(self) -> Vault:
        """Return the vault. What it has to say of damage is an error."""
        return Vault(self._here, ask=refuse, tell=refuse)

    def said(self) -> list[object]:
        """Return what each client would send for each image."""
        return [find(client).resolve(self._here, parse(image)).answer for client, image in self.images]

    def content(self) -> object:
        """Return both files, and what the vault lists."""
        return self.file.read_bytes(), self.podman.read_bytes(), tuple(sorted(self.vault().list()))

    def left(self) -> list[Path]:
        """Return temporary files."""
        return [path for path in self.home.rglob("*") if ".shorepass-" in path.name]

    def part(self, calls: Sequence[Call]) -> slice:
        """Nothing is written before the first lock."""
        return slice(next(i for i, call in enumerate(calls) if call.name == "flock"), len(calls))

    def repeat(self) -> None:
        """Do it once more: what was undone to the end cannot be undone again."""
        again = self.run()
        assert again.status == 0 or (self.undo and "nothing to undo" in again.said), again.said


class StoredHere(LocalContext):
    """A context whose docker-credential-shorepass is asked in this process: the same answer, in a tenth of the time."""

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:  # noqa: ARG002
        def open_store() -> Chain:
            return chain_of(Vault(self, ask=refuse, tell=refuse))

        status, stdout = serve(Path(argv[0]).name, argv[1:], lambda _: stdin, open_store, "")
        return Completed(status, stdout, b"")


def refuse(text: str) -> NoReturn:
    """Fail: nothing is to be asked or told."""
    raise AssertionError(text)


class Outcome(NamedTuple):
    """What a killed login left: which content (None: no file), and what beside the file."""

    call: Call
    content: object
    left: list[Path]


def kill_at_every_change(login: Save, *, between: bool = False) -> Iterator[Outcome]:
    """Kill a command at each moment of its save in turn; check that it then finds nothing in its way.

    ``between``: at all of its calls, those between two changes too.

    Raises AssertionError when the file is neither the old nor the new one, when what is left beside it is more readable
    than it, or when the next run does not clear it away.
    """
    calls = login.save_calls()
    old, new = login.old, login.content()
    assert new not in (None, old)
    for call in calls if between else moments(calls):
        login.prepare()
        done = login.run_with(call, "signal=KILL")
        assert done.status == -9, f"not killed at {call.text}: {done.said}"
        outcome = Outcome(call, login.content(), login.left())
        assert outcome.content in (old, new), call.text
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in outcome.left), call.text
        login.repeat()
        assert (login.content(), login.left()) == (new, []), call.text
        yield outcome


class Refusal(NamedTuple):
    """What a command did whose system call was refused: whether it failed, and said so with the old file in place."""

    call: Call
    failed: bool


def refuse_every_call(login: Save, error: str) -> Iterator[Refusal]:
    """Refuse each system call of a command's save in turn, from the lock on, with ``error`` (``ENOSPC``).

    Raises AssertionError when one that failed did not leave the old file, one that succeeded the new one, when
    anything is left beside it, or when the error does not name the file.
    """
    calls = login.save_calls()
    old, new = login.old, login.content()
    for call in calls[next(i for i, call in enumerate(calls) if call.name == "flock") :]:
        if call.name in CANNOT_FAIL:
            continue
        login.prepare()
        done = login.run_with(call, f"error={error}")
        closed_late = call.name == "close" and login.content() == new  # after the rename: told, and done all the same
        assert "Traceback" not in done.said, call.text
        assert login.left() == [], call.text
        failed = done.status != 0 and not closed_late
        assert login.content() == (old if failed else new), call.text
        assert not failed or any(str(path) in done.said for path in login.named), call.text
        yield Refusal(call, failed)


def kill_migration_at_every_change(migration: Migration) -> Iterator[Call]:
    """Kill a migration at each of its moments in turn.

    Raises AssertionError when a client then sends something else than before, or when the next run does not finish the work.
    """
    calls, said, done = _whole(migration)
    for call in moments(calls):
        migration.prepare()
        assert migration.run_with(call, "signal=KILL").status == -9, call.text
        assert migration.said() == said, call.text
        _finish(migration, call, done)
        yield call


def refuse_every_change(migration: Migration, error: str) -> Iterator[Refusal]:
    """Refuse each of its changes in turn with ``error`` (``ENOSPC``). Raises AssertionError as for a kill."""
    calls, said, done = _whole(migration)
    for call in calls:
        if not call.changes or call.name in CANNOT_FAIL:
            continue
        migration.prepare()
        refused = migration.run_with(call, f"error={error}")
        assert "Traceback" not in refused.said, call.text
        assert migration.said() == said, call.text
        _finish(migration, call, done)
        yield Refusal(call, refused.status != 0)


def _whole(migration: Migration) -> tuple[list[Call], object, object]:
    """Run a migration to its end; return its calls, what clients send before and after it, and what it makes of the home."""
    migration.prepare()
    said = migration.said()
    calls = migration.save_calls()
    assert migration.said() == said
    return calls, said, migration.content()


def _finish(migration: Migration, call: Call, done: object) -> None:
    migration.repeat()
    assert (migration.content(), migration.left()) == (done, []), call.text
