"""Changes files in a container by the engine's archive call.

That call replaces whole files.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from shorepass.contexts.containers.archive import Entry, packed
from shorepass.contexts.containers.rootfs import WRITE, Walker
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError, FileError, WriteError
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.contexts.containers.engine import Engine
    from shorepass.contexts.containers.inspected import Inspected
    from shorepass.contexts.containers.mounts import Mounts
    from shorepass.contexts.containers.passwd import Account
    from shorepass.contexts.containers.rootfs import Found, Root

__all__ = ["SIZE_LIMIT", "Changes"]

SIZE_LIMIT = 16 * 1024 * 1024  # bytes of a file that is to be edited, or of a user database
FILE_MODE = 0o600
FOLDER_MODE = 0o700


class Changes:
    """Changes files of one container with the rights of its user.

    ``account``: the user, None if the container's user database does not have it.
    """

    def __init__(
        self, engine: Engine, said: Inspected, root: Root, walker: Walker, mounts: Mounts, account: Account | None
    ) -> None:
        self._engine = engine
        self._said = said
        self._root = root
        self._walker = walker
        self._mounts = mounts
        self._account = account

    def write(self, path: str, found: Found, data: bytes) -> None:
        """Write a file, and create the folders that are missing.

        ``found``: what ``Walker.find`` found at ``path``. Raises WriteError, FileError.
        """
        *folders, name = found.path.split("/")
        parent = self._walker.find("/".join(folders[: len(folders) + 1 - max(found.missing, 1)]) or "/")
        if parent.node is None or not self._walker.may(parent.path, parent.node, WRITE):
            uid = self._account.uid if self._account else None
            raise WriteError(
                path, "permission denied", hint=f"{quoted(parent.path)} is closed to uid {uid} for writing"
            )
        if found.node is not None:
            node = self._root.owned(found.path, found.node)
            self._put(path, found.path, [Entry(name, data, node.mode)], (node.uid or 0, node.gid or 0))
            return
        first = len(folders) + 1 - found.missing  # of the folders to create
        names = [*folders, name][first:]
        made = [Entry("/".join(names[: count + 1]), None, FOLDER_MODE) for count in range(len(names) - 1)]
        account = self._account
        owner = (account.uid, account.gid) if account else (0, 0)
        top = "/".join([*folders, name][: first + 1])
        self._put(path, top, [*made, Entry("/".join(names), data, FILE_MODE)], owner)

    def of_rights(self, path: str, *, mode: int | None = None, owner: tuple[int, int] | None = None) -> None:
        """Change the mode or the owner of a file or folder.

        With ``owner``, a symlink itself is changed. Raises WriteError.
        """
        self._root.forget()
        try:
            found = Walker(self._root, None).find(path, last=owner is None)
            node = self._root.owned(found.path, found.node) if found.node else None
            content = self._root.read(found.path, SIZE_LIMIT + 1) if node and node.kind == "file" else None
        except FileError as error:
            raise WriteError(path, error.reason, hint=error.hint) from None
        if node is None or node.kind == "other" or found.path == "/":
            raise WriteError(path, "not a file or folder, so it cannot be changed")
        if len(content or b"") > SIZE_LIMIT:
            raise WriteError(path, f"larger than {SIZE_LIMIT} bytes")
        name = posixpath.basename(found.path)
        if mode is None:
            mode = node.mode
        entry = Entry(name, content, mode, node.target)
        self._put(path, found.path, [entry], owner or (node.uid or 0, node.gid or 0))

    def _put(self, path: str, top: str, entries: list[Entry], owner: tuple[int, int]) -> None:
        """Unpack entries, the first of them at ``top``.

        Raises WriteError.
        """
        self._check_writable(path, top, is_folder=entries[0].is_folder)
        try:
            self._engine.put(self._said.id, posixpath.dirname(top), packed(entries, owner))
        except ContextError as error:
            raise WriteError(path, error.reason) from None
        finally:
            self._root.forget()

    def _check_writable(self, path: str, top: str, *, is_folder: bool) -> None:
        """Raise WriteError if the engine would refuse, or would write below a mount."""
        mount = self._mounts.of(top)
        if mount is None:
            if self._said.has_read_only_root:
                raise WriteError(path, "the container's root file system is read-only", hint="mount a folder there")
        elif mount.read_only:
            raise WriteError(path, f"{mount.target} is mounted read-only", hint=f"on the host: {quoted(mount.source)}")
        elif mount.target == top and not is_folder:
            hint = "mount its folder instead, or change the file on the host and restart the container"
            raise WriteError(path, "it is a single mounted file, which the engine cannot replace", hint=hint)
        elif mount.kind == "tmpfs" and (self._engine.family == Family.DOCKER or not self._said.is_running):
            raise WriteError(path, f"{mount.target} is a tmpfs, which the engine does not write to")
