"""A context in which another program starts a shell.

Such programs are ssh, WSL, virtual machines, pods and sudo.

One call at the start answers what the clients will ask for. Each later question costs one call. Shorepass keeps every answer
until it runs or changes something there.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from typing import TYPE_CHECKING

from shorepass.contexts import FileContent, FileStatus, check_unchanged
from shorepass.contexts.lookpath import candidates
from shorepass.contexts.shells import scripts
from shorepass.contexts.shells.seen import Seen, last_words, seen, text
from shorepass.contexts.shells.transport import Record
from shorepass.contexts.versions import ask_version
from shorepass.errors import ContextError, FileError, MalformedFile, WriteError, printable
from shorepass.foreign_text import quoted
from shorepass.numbers import whole
from shorepass.processes import Completed, ProcessError, ProcessNotStarted, ProcessOutputTooLarge, ProcessTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from shorepass.contexts import Change
    from shorepass.contexts.shells.transport import Answer, Booted, Transport
    from shorepass.processes import Streaming

__all__ = ["ANSWER_SECONDS", "ShellContext"]

ANSWER_SECONDS = 10.0  # for one call; a virtual machine under load takes two
BROUGHT_SIZE = 256 * 1024  # bytes of each file that the first call brings
BROUGHT_LIMIT = 8 * 1024 * 1024  # bytes of all that it brings
SAVE_LIMIT = 16 * 1024 * 1024  # bytes of a file that is to be edited, as in ``files``
RETRIES = 20  # edits again if another program wrote between reading and saving
FILE_MODE = 0o600
NONSENSE = "its answer is malformed"
_MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


class _Memory:
    """The answers until now.

    A context shares them with the contexts that differ from it by a variable.
    """

    def __init__(self, seen: dict[str, Seen]) -> None:
        self.seen = seen
        self.stale: set[str] = set()  # paths that were known: the next call asks for all of them again
        self.programs: dict[tuple[str, str | None], str | None] = {}  # by name and PATH

    def forget_files(self) -> None:
        self.stale.update(self.seen)
        self.seen.clear()


class ShellContext:
    """A context that ``transport`` leads to.

    See ``Context``. The first call, in ``open``, fails if it does not exist.
    """

    def __init__(self, transport: Transport, first: Answer, memory: _Memory, changed: dict[str, str]) -> None:
        self.name = transport.name
        self._transport = transport
        self._first = first
        self._memory = memory
        self._changed = changed  # variables that with_env set

    @classmethod
    def open(cls, transport: Transport, *, timeout: float = ANSWER_SECONDS) -> ShellContext:
        """Open it with the first call.

        Raises ContextError if it does not answer within ``timeout`` seconds.
        """
        first = _ask(transport, scripts.probe(BROUGHT_SIZE), timeout=timeout, limit=BROUGHT_LIMIT)
        memory = _Memory(_understood(transport, first, BROUGHT_SIZE))
        context = cls(transport, first, memory, {})
        if context.uid is None:
            raise ContextError(transport.name, NONSENSE, hint=transport.hint)
        found: dict[str, str] = {}
        for record in first.records:
            if record.kind == "program":  # in the order of PATH
                program_path = text(record.body)
                found.setdefault(program_path.rpartition("/")[2], program_path)
        path = context.getenv("PATH")
        for program in {*scripts.PROGRAMS, *found}:
            memory.programs[program, path] = found.get(program)
        return context

    @property
    def platform(self) -> str:
        """The operating system of the context: ``linux`` or ``darwin``."""
        return self._system[0].lower()

    @property
    def machine(self) -> str:
        """The processor as Linux names it."""
        name = self._system[1].lower()
        return _MACHINES.get(name, name)

    @cached_property
    def _system(self) -> tuple[str, str]:
        words = [*self._record("system").words, "", ""]
        return words[0], words[1]

    @cached_property
    def uid(self) -> int | None:
        """The user's number."""
        return whole("".join(self._record("uid").words))

    def _record(self, kind: str) -> Record:
        """Return the first record of a kind in the first answer.

        Return an empty one if there is no such record.
        """
        return next((record for record in self._first.records if record.kind == kind), Record(kind, (), b""))

    @cached_property
    def _environ(self) -> dict[str, str]:
        for kind, separator in (("environ0", "\0"), ("environ", "\n")):
            for record in self._first.records:
                if record.kind == kind:
                    pairs = (line.partition("=") for line in text(record.body).split(separator))
                    return {name: value for name, equals, value in pairs if equals}
        return {}

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, None if it is not set."""
        return self._changed.get(name, self._environ.get(name))

    def environment(self) -> dict[str, str]:
        """Return all variables."""
        return {**self._environ, **self._changed}

    def with_env(self, **variables: str) -> ShellContext:
        """Return this context with some variables set."""
        return ShellContext(self._transport, self._first, self._memory, {**self._changed, **variables})

    def home(self) -> str | None:
        """Return ``HOME``, or else the home folder of the user database there."""
        if home := self.getenv("HOME"):
            return home
        fields = text(self._record("account").body).strip().split(":")
        return fields[5] or None if len(fields) > 5 else None

    def cwd(self) -> str | None:
        """Return the folder in which ``run`` starts programs."""
        return self._transport.here.cwd() if self._transport.stays else "/"

    # Files

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file."""
        found = self._file(path, limit + 1)
        if found is None:
            return None
        data, status = found
        mode = f"{status.mode:04o}"
        if status.size > limit or len(data) > limit:
            raise MalformedFile(path, f"larger than {limit} bytes", owner=status.owner, mode=mode)
        return FileContent(path, data, status.owner, mode)

    def head(self, path: str, size: int) -> bytes | None:
        """Return at most the first ``size`` bytes of a regular file.

        Return None if it does not exist.
        """
        found = self._file(path, size)
        return found[0][:size] if found else None

    def _file(self, path: str, size: int) -> tuple[bytes, FileStatus] | None:
        """Return a file's first bytes, at least ``size`` if it has so many.

        Raises FileError.
        """
        there = self._look(path, size)
        status = self._status_of(path, there)
        if status is None:
            return None
        if status.kind != "file":
            what = "a folder, not a file" if status.kind == "folder" else "not a regular file"
            raise FileError(path, what, owner=status.owner, mode=f"{status.mode:04o}")
        if there.closed:
            self._refuse(path, status)
        return there.data, status

    def status(self, path: str) -> FileStatus | None:
        """Return the status of ``path``, symlinks followed, or None if nothing is there."""
        return self._status_of(path, self._look(path))

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""
        status = self._look(path).status
        return status is not None and status.kind == "folder"

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder.

        The answer is empty when it is absent.
        """
        there = self._look(folder, names=True)
        status = self._status_of(folder, there)
        if status is not None and there.closed:
            self._refuse(folder, status)
        return sorted(there.names or ())

    def _look(self, path: str, size: int = 0, *, names: bool = False) -> Seen:
        """Return what is at a path, from memory or by a call.

        Raises FileError: it cannot be a path.
        """
        if "\0" in path:
            raise FileError(printable(path), "embedded null byte")
        path = scripts.placed(path)
        known = self._memory.seen.get(path) or self._nothing_above(path)
        if known is None or _lacks(known, size, names=names):
            others, self._memory.stale = self._memory.stale - {path}, set()
            known = self._fetch([path, *sorted(others)], max(size, BROUGHT_SIZE), names=names)
        return known

    def _fetch(self, paths: list[str], size: int, *, names: bool = False) -> Seen:
        """Ask for what is at each path, and return the answer for the first.

        See ``scripts.placed``.
        """
        answer = _ask(self._transport, scripts.look(paths, size, names=names), limit=BROUGHT_LIMIT + size)
        self._memory.seen.update(_understood(self._transport, answer, size))
        return self._memory.seen.setdefault(paths[0], Seen(error="no answer"))

    def _nothing_above(self, path: str) -> Seen | None:
        """Return the answer for a path below one that is known not to exist.

        Return None if there is no such path.
        """
        folder = path.rpartition("/")[0]
        while folder:
            above = self._memory.seen.get(folder)
            if above is not None:
                return above if above.status is None and not above.error else None
            folder = folder.rpartition("/")[0]
        return None

    @staticmethod
    def _status_of(path: str, there: Seen) -> FileStatus | None:
        if there.error:
            raise FileError(path, there.error)
        return there.status._replace(path=path) if there.status else None

    def _refuse(self, path: str, status: FileStatus) -> NoReturn:
        hint = f"in {quoted(self.name)}, if it is meant to be yours: sudo chown $(id -u):$(id -g) {quoted(path)}"
        raise FileError(path, "permission denied", owner=status.owner, mode=f"{status.mode:04o}", hint=hint)

    # Programs

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable on PATH.

        It is looked up as Go's ``exec.LookPath`` does.
        """
        path, known = self.getenv("PATH"), self._memory.programs
        if (program, path) not in known:
            brought = program.startswith("docker-credential-") and any(key[1] == path for key in known)
            places = [] if brought or "\0" in program else list(candidates(program, (path or "").split(":")))
            answer = _ask(self._transport, scripts.executable(places)) if places else None
            found = [text(record.body) for record in answer.records if record.kind == "program"] if answer else []
            known[program, path] = found[0] if found else None
        return known[program, path]

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program there, in ``cwd()``, and forget what was known of files."""
        if not argv[0].startswith("/"):
            raise ProcessNotStarted("not an absolute path")
        if any("\0" in word for word in (*argv, *self._changed, *self._changed.values())):
            raise ProcessNotStarted("its path, its arguments or its environment cannot be passed on")
        self._memory.forget_files()
        if not argv[0].rpartition("/")[2].startswith("docker-credential-"):
            self._memory.programs.clear()  # it may have installed one
        script = scripts.run(argv, self._changed, int(timeout) + 1, stay=self._transport.stays)
        try:
            answer = self._transport.ask(script, stdin, timeout=timeout, limit=limit)
        except ContextError as error:
            raise ProcessNotStarted(error.message) from None
        kinds = {record.kind: record for record in answer.records}
        if "unstarted" in kinds:
            raise ProcessNotStarted(printable(" ".join(kinds["unstarted"].words)))
        try:
            output, status = kinds["output"].body, whole(kinds["status"].words[0])
        except (KeyError, IndexError):
            status = None
        if status is None:
            raise ProcessNotStarted(f"{self.name}: {NONSENSE}") from None
        if len(output) > limit or len(answer.stderr) > limit:
            raise ProcessOutputTooLarge(f"more than {limit} bytes of output")
        if reason := _why_not_started(argv[0], status, answer.stderr):
            raise ProcessNotStarted(reason)
        return Completed(status, output, answer.stderr)

    def version(self, program: str) -> Completed:
        """Return what ``PROGRAM --version`` prints."""
        return ask_version(self, program)

    def stream(self, booted: Booted) -> Streaming:
        """Start a script there, with pipes to it.

        Raises ContextError.
        """
        return self._transport.stream(booted)

    # Changes

    def update(self, path: str, edit: Change) -> bool:
        """Replace a file's bytes by ``edit(current)``, atomically.

        The file must still be as it was read.
        """
        if "\0" in path:
            raise WriteError(printable(path), "embedded null byte")
        for _ in range(RETRIES):
            self._fetch([scripts.placed(path)], SAVE_LIMIT + 1)
            current = self.read(path, SAVE_LIMIT)
            edited = edit(current)
            if edited is None or (current is not None and edited == current.data):
                return False
            if self._swap(path, current, edited):
                return True
        raise WriteError(path, "another program keeps writing it", hint="stop that program, then try again")

    def _swap(self, path: str, current: FileContent | None, edited: bytes) -> bool:
        """Replace a file's content.

        Return False if it is no longer as it was read.
        """
        status = self._look(path).status
        if status is None:
            digest, mode, owner = "", FILE_MODE, self._home_owner(path)
        else:
            data = current.data if current else b""
            digest = hashlib.sha256(data).hexdigest()
            mode, owner = status.mode, (status.uid, status.gid)
        script = scripts.swap(path, digest, mode, owner, os.urandom(8).hex())
        return self._change(path, script, edited) == "done"

    def _home_owner(self, path: str) -> tuple[int, int] | None:
        """Return the owner of the home that ``path`` is in.

        Root creates files there for that user.
        """
        home = self.home()
        if self.uid == 0 and home and path.startswith(home.rstrip("/") + "/"):
            status = self.status(home)
            return (status.uid, status.gid) if status else None
        return None

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of the file or folder at ``path``."""
        check_unchanged(self, path, seen)
        self._change(path, scripts.set_mode(path, mode), hint=f"sudo chmod {mode:04o} {quoted(path)}")

    def set_owner(
        self,
        path: str,
        uid: int,
        gid: int,
        *,
        seen: FileStatus | None = None,
        accept: Callable[[bytes], bool] | None = None,
    ) -> None:
        """Give the file, folder or symlink at ``path`` to another user."""
        check_unchanged(self, path, seen, accept)
        self._change(path, scripts.set_owner(path, uid, gid), hint=f"sudo chown -h {uid}:{gid} {quoted(path)}")

    def _change(self, path: str, script: str, stdin: bytes = b"", hint: str | None = None) -> str:
        """Run a script that changes a file.

        Return ``done``, or ``changed`` if another program changed the file.
        """
        try:
            answer = _ask(self._transport, script, stdin)
        except ContextError as error:
            raise WriteError(path, error.message, hint=error.hint) from None
        finally:
            self._memory.forget_files()
            self._memory.programs.clear()
        for record in answer.records:
            if record.kind in ("done", "changed"):
                return record.kind
            if record.kind == "failed":
                raise WriteError(path, last_words(record.body), hint=hint)
        raise WriteError(path, f"{self.name} did not answer whether it was changed")


def _ask(
    transport: Transport, script: str, stdin: bytes = b"", *, timeout: float = ANSWER_SECONDS, limit: int = 0
) -> Answer:
    """Return what a script answers.

    Raises ContextError for every failure.
    """
    try:
        return transport.ask(script, stdin, timeout=timeout, limit=limit)
    except ProcessTimeout:
        raise ContextError(transport.name, f"no answer within {timeout:g} s", hint=transport.hint) from None
    except ProcessError as error:
        raise ContextError(transport.name, str(error), hint=transport.hint) from None


def _understood(transport: Transport, answer: Answer, asked: int) -> dict[str, Seen]:
    """Return what was found at each path in an answer.

    Raises ContextError: the answer is malformed.
    """
    try:
        return seen(answer.records, asked)
    except ValueError:
        raise ContextError(transport.name, NONSENSE, hint=transport.hint) from None


def _lacks(known: Seen, size: int, *, names: bool) -> bool:
    """Tell whether ``known`` lacks bytes of a file, or the names in a folder."""
    if known.status is None or known.closed:
        return False
    if known.status.kind == "folder":
        return names and known.names is None
    return known.asked < size and len(known.data) == known.asked


def _why_not_started(program: str, status: int, stderr: bytes) -> str:
    """Return why the kernel did not run a program, by the shell's message.

    The answer is empty if it ran.
    """
    said = stderr.decode("utf-8", "replace")
    if status == 127 and program in said and ("not found" in said or "No such file" in said):
        return "its interpreter or loader is missing (a script's first line, or another C library)"
    if status == 126 and program in said:
        return last_words(stderr)
    return ""
