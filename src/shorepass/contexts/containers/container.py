"""A container of docker or podman, read without starting anything in it.

Its user, environment and mounts are in the answer of the engine's inspect call. Its files are read in ``/proc/PID/root``, if
Shorepass is root on the same machine and the container runs, or else by the engine's archive call. Only ``run`` starts a
program in it.
"""

from __future__ import annotations

import copy
import os
import posixpath
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from shorepass.contexts import FileContent, FileStatus, check_unchanged
from shorepass.contexts.containers import passwd as users
from shorepass.contexts.containers.archive import ArchiveRoot
from shorepass.contexts.containers.changes import SIZE_LIMIT, Changes
from shorepass.contexts.containers.engines import endpoints
from shorepass.contexts.containers.inspected import Inspected, Mount
from shorepass.contexts.containers.mounts import Mounts
from shorepass.contexts.containers.procroot import ProcRoot, proc_root
from shorepass.contexts.containers.rootfs import READ, SEARCH, Found, Walker
from shorepass.contexts.engine_family import Family
from shorepass.contexts.executable import HEAD_SIZE, describe
from shorepass.contexts.once import once
from shorepass.contexts.place import Place
from shorepass.contexts.versions import ask_version
from shorepass.errors import ContextError, FileError, MalformedFile, WriteError, printable
from shorepass.foreign_text import quoted
from shorepass.processes import ProcessNotStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, NoReturn

    from shorepass.contexts import Change
    from shorepass.contexts.containers.engine import Engine, Summary
    from shorepass.contexts.containers.engines import Endpoint
    from shorepass.contexts.containers.rootfs import Node, Root
    from shorepass.contexts.executable import Program
    from shorepass.contexts.local import LocalContext
    from shorepass.processes import Completed

__all__ = ["ContainerContext", "Mount", "discover", "find", "opened"]

RETRIES = 100  # edits again if another program wrote meanwhile
HELPER = "docker-credential-"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "arm": "armv7l", "386": "i686", "loong64": "loongarch64"}


def find(here: LocalContext, kind: str, rest: str) -> ContainerContext:
    """Return the container ``kind:rest`` of the first engine that has it.

    Raises ContextError.
    """
    name = f"{kind}:{printable(rest)}"
    troubles: list[ContextError] = []
    for endpoint in endpoints(here, Family(kind)):
        try:
            engine = endpoint.open(here)
            found = engine.inspect(rest)
        except ContextError as error:
            troubles.append(error)
            if endpoint.chosen:
                break
            continue
        if found is not None:
            return _context(engine, found, here)
    if troubles:
        raise ContextError(name, "; ".join(trouble.message for trouble in troubles), hint=troubles[0].hint)
    raise ContextError(name, f"{kind} has no such container", hint=f"{kind} ps --all")


def opened(here: LocalContext, engine: Engine, container: str) -> ContainerContext:
    """Return the container with an id, by one call.

    Raises ContextError if it was removed.
    """
    found = engine.inspect(container)
    if found is None:
        raise ContextError(f"{engine.family}:{container[:12]}", "it has been removed")
    return _context(engine, found, here)


def _context(engine: Engine, found: dict[str, Any], here: LocalContext) -> ContainerContext:
    try:
        return ContainerContext(engine, found, here)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise ContextError(engine.name, "its description of a container is malformed") from None


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:
    """Yield the containers of every engine, by one call each, all engines in parallel."""
    found: list[Endpoint] = []
    for family in Family:
        found += endpoints(here, family)
    with ThreadPoolExecutor(max(len(found), 1)) as pool:
        for places in pool.map(lambda endpoint: _places(here, endpoint, timeout), found):
            yield from places


def _places(here: LocalContext, endpoint: Endpoint, timeout: float) -> list[Place]:
    try:
        engine = endpoint.open(here, timeout=timeout)
        return [_place(here, engine, summary) for summary in engine.containers(timeout=timeout)]
    except ContextError as error:
        return [Place(f"{endpoint.family}:*", endpoint.name, trouble=error.reason, hint=error.hint)]


def _place(here: LocalContext, engine: Engine, summary: Summary) -> Place:
    open_it = partial(opened, here, engine, summary.id)
    return Place(f"{engine.family}:{summary.name}", engine.name, summary.state, open_it)


class ContainerContext:
    """One container, as a ``Context`` that asks each question once.

    ``here``: the context that Shorepass runs in. The uid is None if the container's user database does not have its user: then
    no engine starts it.
    """

    def __init__(self, engine: Engine, inspected: dict[str, Any], here: LocalContext) -> None:
        self._engine = engine
        self._here = here
        self._said = said = Inspected(inspected)
        self.id = said.id
        self.name = f"{engine.family}:{said.name}"
        self.platform = said.platform
        self.image_name = said.image_name
        self.state = said.state
        self.is_running = said.is_running
        self.started = said.started
        self.mounts = said.mounts
        self._root = self._look(said.pid)
        self.mounted = Mounts(
            said.mounts, self._root, is_docker=engine.family == Family.DOCKER, is_running=said.is_running
        )
        self._overrides: dict[str, str] = {}

    def _look(self, pid: int) -> Root:
        live = proc_root(pid, self.id) if self.is_running else None
        # podman's archive call shows a running container's own mounts.
        hidden = (
            tuple(m.target for m in self.mounts if m.kind == "tmpfs") if self._engine.family == Family.DOCKER else ()
        )
        return live or ArchiveRoot(self._engine, self.id, running=self.is_running, hidden=hidden)

    @property
    def engine(self) -> Engine:
        """The engine that has it."""
        return self._engine

    @once
    def machine(self) -> str:
        """Return the processor that the container's image is for."""
        name = self._engine.architecture(self._said.image) if self._said.image else ""
        return _MACHINES.get(name, name)

    def goes_on(self) -> bool:
        """Tell whether it still runs, and was not started again.

        Raises ContextError: it was removed, or the engine does not answer.
        """
        found = self._engine.inspect(self.id)
        if found is None:
            raise ContextError(self.name, "it was removed")
        now = _context(self._engine, found, self._here)
        return now.is_running and now._said.pid == self._said.pid  # noqa: SLF001  # our own class

    # Who it is

    @once
    def _account(self) -> users.Account | None:
        user, _, group = self._said.user.partition(":")
        # A file costs up to 90 ms by the archive call, and a root that permission bits do not stop needs no group.
        needless = group.isdigit() or (not group and user in ("", "0", "root") and self._said.root_is_mighty)
        groups = b"" if needless else self._file_of_system("/etc/group")
        return users.account(self._said.user, self._passwd, groups)

    @once
    def _passwd(self) -> bytes:
        return self._file_of_system("/etc/passwd")

    def _file_of_system(self, path: str) -> bytes:
        """Return a file that the engine reads as root.

        The answer is empty if it does not exist.
        """
        found = Walker(self._root, None).find(path)
        return self._root.read(found.path, SIZE_LIMIT) if found.node is not None and found.node.kind == "file" else b""

    @once
    def _walker(self) -> Walker:
        if self.uid == 0 and self._said.root_is_mighty:
            return Walker(self._root, None)
        unknown = users.Account(-1, -1, (), "/")
        return Walker(self._root, self._account or unknown)

    @property
    def uid(self) -> int | None:
        """The number of the container's user."""
        if self._said.user in ("", "0"):
            return 0  # without a look into the user database, which is a call of the engine
        return self._account.uid if self._account else None

    @property
    def gid(self) -> int | None:
        """The number of that user's group."""
        return self._account.gid if self._account else None

    def _owner(self, uid: int | None) -> str | None:
        if uid is None:
            return None
        name = "root" if uid == 0 else users.names(self._passwd).get(uid)
        return f"{name}({uid})" if name else str(uid)

    # Environment

    @once
    def _environ(self) -> dict[str, str]:
        return self._said.environ

    def getenv(self, name: str) -> str | None:
        """Return a variable as the engine sets it.

        A script in the container may change it later.
        """
        if name == "HOME":
            return self.home()
        return self._overrides.get(name, self._environ.get(name))

    def home(self) -> str | None:
        """Return HOME, or else the home folder in the container's user database."""
        return (
            self._overrides.get("HOME")
            or self._environ.get("HOME")
            or (self._account.home if self._account else None)
            or None
        )

    def with_env(self, **variables: str) -> ContainerContext:
        """Return this context with some variables set."""
        other = copy.copy(self)
        other._overrides = {**self._overrides, **variables}  # noqa: SLF001  # our own class
        return other

    def unhindered(self) -> ContainerContext:
        """Return this context without its permission bits, as the engine sees it."""
        other = copy.copy(self)
        other._walker = Walker(self._root, None)  # noqa: SLF001  # our own class
        return other

    def cwd(self) -> str | None:
        """Return None, because Shorepass runs nothing there."""
        return None

    # Files

    def read(self, path: str, limit: int) -> FileContent | None:
        """Return a regular file's content, or None when there is no such file."""
        found = self._readable(path)
        if found is None:
            return None
        data, node = self._content(found[0], limit + 1), found[1]
        owner, mode = self._owner(node.uid), f"{node.mode:04o}"
        if len(data) > limit:
            raise MalformedFile(path, f"larger than {limit} bytes", owner=owner, mode=mode)
        return FileContent(path, data, owner, mode)

    def head(self, path: str, size: int) -> bytes | None:
        """Return the first ``size`` bytes of a regular file, None if it does not exist."""
        found = self._readable(path)
        return self._content(found[0], size) if found else None

    def _readable(self, path: str) -> tuple[str, Node] | None:
        """Return path and node of a regular file that the user may read.

        None: it does not exist. Raises FileError.
        """
        found = self._find(path)
        if found.node is None:
            return None
        if not self._walker.may(found.path, found.node, READ):
            self._refuse(path, found, "permission denied")
        if found.node.kind != "file":
            what = "a folder, not a file" if found.node.kind == "folder" else "not a regular file"
            self._refuse(path, found, what)
        return found.path, found.node

    def _refuse(self, path: str, found: Found, reason: str) -> NoReturn:
        node = found.node
        assert node is not None  # noqa: S101  # the callers have checked it
        owned = self._root.owned(found.path, node) if node.uid is None else node
        raise FileError(path, reason, owner=self._owner(owned.uid), mode=f"{node.mode:04o}")

    def _find(self, path: str) -> Found:
        if "\0" in path:
            raise FileError(path, "embedded null byte")
        whole = posixpath.normpath(posixpath.join(self._said.folder, path))
        hidden = self._hidden(whole)
        try:
            found = self._walker.find(posixpath.join(self._said.folder, path))
        except FileError:
            if hidden is not None:
                raise hidden from None
            raise
        if found.node is None and hidden is not None:
            raise hidden
        return found

    def _hidden(self, path: str) -> FileError | None:
        """Return podman's error for a single mounted file of a stopped container."""
        if self.is_running or self._engine.family != Family.PODMAN:
            return None
        mount = next((mount for mount in self.mounts if mount.target == path and mount.kind == "bind"), None)
        if mount is None or os.path.isdir(mount.source):
            return None
        reason = f"mounted from {mount.source}, and podman shows it only while the container runs"
        return FileError(path, reason, hint=f"podman start {quoted(self._said.name)}")

    def _content(self, path: str, size: int) -> bytes:
        """Return the first bytes of the file at a path without links.

        Raises FileError.
        """
        try:
            return self._root.read(path, size)
        except FileError:
            if (hidden := self._hidden(path)) is not None:
                raise hidden from None
            raise

    def status(self, path: str) -> FileStatus | None:
        """Return the status of ``path``, symlinks followed, None if nothing is there."""
        found = self._find(path)
        if found.node is None:
            return None
        node = self._root.owned(found.path, found.node)
        uid, gid = node.uid or 0, node.gid or 0
        identity = node.identity or self.mounted.identity(found.path, node)
        kind = "other" if node.kind == "link" else node.kind
        return FileStatus(path, kind, node.mode, uid, gid, node.size, self._owner(uid), identity)

    def is_folder(self, path: str) -> bool:
        """Tell whether ``path`` is an existing folder."""
        try:
            found = self._find(path)
        except FileError:
            return False
        return found.node is not None and found.node.kind == "folder"

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder.

        The answer is empty when it is absent.
        """
        found = self._find(folder)
        if found.node is None or found.node.kind != "folder":
            return []
        if not self._walker.may(found.path, found.node, READ):
            self._refuse(folder, found, "permission denied")
        return self._root.names(found.path)

    def which(self, program: str) -> str | None:
        """Return the absolute path of an executable, as Go's ``exec.LookPath`` does."""
        folders = (self.getenv("PATH") or "").split(":")
        if program.startswith("/"):
            folders, program = [posixpath.dirname(program)], posixpath.basename(program)
        elif "/" in program:
            return None
        for folder in folders:
            candidate = posixpath.join(folder, program)
            if folder.startswith("/") and self._is_executable(candidate):
                return candidate
        return None

    def _is_executable(self, path: str) -> bool:
        try:
            found = self._find(path)
            if found.node is None or found.node.kind != "file" or not found.node.mode & 0o111:
                return False
            return self._walker.may(found.path, found.node, SEARCH)
        except FileError:
            return False

    def helpers(self, known: Iterable[str] = ()) -> dict[str, Program | None]:
        """Return the credential helpers on PATH, by their paths, each as a Program.

        None: it is not a program, or cannot be read. The archive call lists no names: then only those of the ``known``
        suffixes are found.
        """
        found: dict[str, Program | None] = {}
        for folder in (self.getenv("PATH") or "").split(":"):
            names = [HELPER + suffix for suffix in known]
            if isinstance(self._root, ProcRoot) and folder.startswith("/"):
                names += [name for name in self.unhindered().names(folder) if name.startswith(HELPER)]
            for path in [posixpath.join(folder, name) for name in dict.fromkeys(names) if folder.startswith("/")]:
                if self._is_executable(path):
                    try:
                        found[path] = describe(self.head(path, HEAD_SIZE) or b"")
                    except FileError:
                        found[path] = None
        return found

    # What changes it

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:
        """Run a program in the container, as its user and with its environment."""
        if not argv[0].startswith("/"):
            raise ProcessNotStarted("not an absolute path")
        if not self.is_running:
            raise ProcessNotStarted(f"the container is {self.state or 'stopped'}: nothing can be run in it")
        return self._engine.execute(self.id, argv, self._overrides, stdin, timeout=timeout, limit=limit)

    def version(self, program: str) -> Completed:
        """Return what ``PROGRAM --version`` prints."""
        return ask_version(self, program)

    def update(self, path: str, edit: Change) -> bool:
        """Replace a file's bytes by ``edit(current)``.

        Return False if there was nothing to change.

        The engine removes the old file and then writes the new one: a program that reads meanwhile finds no file. Below a bind
        mount it changes the host's file.
        """
        for _ in range(RETRIES):
            self._root.forget()
            current = self.read(path, SIZE_LIMIT)
            edited = edit(current)
            if edited is None or (current is not None and edited == current.data):
                return False
            found = self._find(path)
            if self.read(path, SIZE_LIMIT) == current:
                self._changes.write(path, found, edited)
                return True
        raise WriteError(path, "another program keeps writing it", hint="stop that program, then try again")

    def set_mode(self, path: str, mode: int, *, seen: FileStatus | None = None) -> None:
        """Set the permission bits of the file or folder at ``path``."""
        check_unchanged(self, path, seen)
        self._changes.of_rights(path, mode=mode)

    def set_owner(
        self,
        path: str,
        uid: int,
        gid: int,
        *,
        seen: FileStatus | None = None,
        accept: Callable[[bytes], bool] | None = None,
    ) -> None:
        """Give the file, folder or symlink (not its target) at ``path`` to another user."""
        check_unchanged(self, path, seen, accept)
        self._changes.of_rights(path, owner=(uid, gid))

    @property
    def _changes(self) -> Changes:
        return Changes(self._engine, self._said, self._root, self._walker, self.mounted, self._account)
