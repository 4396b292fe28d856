"""Remembers for one run: unchanged files, helpers' answers, and unlocked keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass.errors import WrongPassphrase

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from typing import Any

    from shorepass.contexts import FileContent
    from shorepass.processes import Completed
    from shorepass.stores.vault.key import Key

__all__ = ["Memory", "stamp"]


class Memory:
    """Files and answers of one context.

    The contexts that ``with_env`` makes from it share them.

    A file is not opened again if its device, inode, size and times of change are the same. A save reads the file again
    under the lock. ``of_one_run``: answers are remembered too, until a helper stores or erases. A program that runs longer
    asks again, because helpers return tokens that expire.
    """

    def __init__(self, *, of_one_run: bool = False) -> None:
        self._of_one_run = of_one_run
        self._files: dict[str, tuple[Hashable, FileContent]] = {}
        self._answers: dict[Hashable, Completed] = {}
        self._keys: dict[bytes, Sequence[Key] | WrongPassphrase] = {}
        self._meanings: dict[str, tuple[FileContent, Any]] = {}

    def read(self, path: str, read: Callable[[], FileContent | None]) -> FileContent | None:
        """Return a file's content: the remembered one, or else what ``read`` returns.

        Raises what ``read`` raises.
        """
        before = stamp(path)
        known = self._files.get(path)
        if known is not None and before is not None and known[0] == before:
            return known[1]
        content = read()
        if content is not None and before is not None and before == stamp(path):
            self._files[path] = (before, content)
        return content

    def meaning(self, content: FileContent) -> Any | None:
        """Return what ``keep_meaning`` was given for this content.

        Return None if the file has changed since.

        The vault's logins are remembered so: to decrypt and check them takes longer the more there are.
        """
        known = self._meanings.get(content.path)
        return known[1] if known is not None and known[0] is content else None

    def keep_meaning(self, content: FileContent, meaning: Any) -> None:
        """Remember what a file means, as long as its content is remembered."""
        known = self._files.get(content.path)
        if known is not None and known[1] is content:
            self._meanings[content.path] = (content, meaning)

    def answer(self, question: Hashable, ask: Callable[[], Completed]) -> Completed:
        """Return a helper's answer to a question, which is asked the first time only.

        Raises what ``ask`` raises.
        """
        if not self._of_one_run:
            return ask()
        if question not in self._answers:
            self._answers[question] = ask()
        return self._answers[question]

    def keys(self, key_file: bytes, parse: Callable[[], Sequence[Key]]) -> Sequence[Key]:
        """Return the keys in a key file.

        ``parse`` runs the first time only, because a passphrase costs two seconds.

        A wrong passphrase is remembered for one run, so that a command asks once. Raises what ``parse`` raises.
        """
        if key_file not in self._keys:
            try:
                self._keys[key_file] = parse()
            except WrongPassphrase as error:
                if not self._of_one_run:
                    raise
                self._keys[key_file] = error
        found = self._keys[key_file]
        if isinstance(found, WrongPassphrase):
            raise found
        return found

    def forget_answers(self) -> None:
        """Ask every helper again.

        It is called after a login was stored or erased, and to check a fix.
        """
        self._answers.clear()


def stamp(path: str) -> Hashable:
    """Return what changes with a file's content.

    Return None if the file does not exist or cannot be seen.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
