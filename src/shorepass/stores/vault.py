"""The vault: all logins in one encrypted file, in the age format (age-encryption.org/v1), readable with the ``age`` program.

``vault.age`` and its generations rest in ``$XDG_DATA_HOME/shorepass``. One of three things opens them:
``vault.key`` beside them, a link to an SSH key or an identity file; ``vault.key.age``, an identity file that a passphrase
protects; or ``machine.key`` in ``$XDG_STATE_HOME/shorepass``, the folder for what is not carried to other machines.

A vault that cannot be read is never taken for an empty one. Where the file is damaged, the youngest generation that is whole
stands in for it, and ``tell`` says so.
"""

from __future__ import annotations

import os

from shorepass import files
from shorepass.config.locations import join, split
from shorepass.config.own import data_folder, state_folder
from shorepass.contexts.command import command
from shorepass.errors import StoreBroken, StoreError, StoreLocked, StoreMissing, UsageError, printable
from shorepass.stores import check
from shorepass.stores.vault_document import NotADocumentError, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores.vault_document import Document
    from shorepass.stores.vault_key import Ask, Key

__all__ = ["GENERATIONS", "Vault", "init", "seal"]

NAME = "vault"
GENERATIONS = 3
KEY_LIMIT = 64 * 1024  # bytes; an RSA key of 16,384 bits has 13,000
BACKUP = "bring it back from a backup"


def init() -> str:
    """Return the command that makes a vault."""
    return command(None, "vault", "init")


class Vault:
    """The vault of this user on this machine. See ``Store``.

    ``ask`` takes a prompt and returns a passphrase; ``tell`` is told what a person should know although all went well.
    """

    name = NAME

    def __init__(self, here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> None:
        data, state = data_folder(here), state_folder(here)
        self.path = join(here, data, "vault.age")
        self.link_path = join(here, data, "vault.key")
        self.protected_path = join(here, data, "vault.key.age")
        self.machine_path = join(here, state, "machine.key")
        self.key_paths = (self.machine_path, self.link_path, self.protected_path)
        self._here = here
        self._ask = ask
        self._tell = tell
        self._keys: tuple[Key, ...] = ()

    # The four verbs

    def get(self, key: str) -> Credential:
        """Return a login, ANONYMOUS when there is none. Raises StoreError, FileError."""
        try:
            return self.read().get(key)
        except NotADocumentError as error:
            raise StoreBroken(NAME, f"{self.path}: {printable(key)!r}: {error}") from None

    def list(self) -> dict[str, str]:
        """Return user names by key. Raises StoreError, FileError."""
        return self.read().names()

    def store(self, key: str, credential: Credential) -> None:
        """Keep a login. Raises UsageError, StoreError, WriteError, FileError."""
        check(key, credential)
        self.change(lambda document: document.with_login(key, credential))

    def erase(self, key: str) -> bool:
        """Forget a login in the vault and in each of its generations; False when none had it, or can have had it."""

        def without(document: Document) -> Document | None:
            held = key in document.logins or any(self._may_hold(old, key) for old in self._generations())
            return document.without(key) if held else None

        return self.change(without, sole=True)

    def change(self, edit: Callable[[Document], Document | None], *, sole: bool = False) -> bool:
        """Replace what the vault holds; False when ``edit`` returned None, or what it was given.

        ``sole``: what was before is not kept in any generation. Raises StoreError, WriteError, FileError.
        """

        def edited(content: FileContent | None) -> bytes | files.Sole | None:
            before, whole = self._current(content, for_writing=True)
            after = edit(before)
            if after is None and sole and not whole:
                after = before  # what is damaged may hold what is to be forgotten
            if after is None or (after == before and whole and not sole):
                return None
            return files.Sole(seal(after)) if sole or not whole else seal(after)

        self.keys()  # before the lock is taken: a person may have to type
        return files.update(self.path, edited, owner=self._here.home_owner(self.path), generations=GENERATIONS)

    # What they are made of

    @property
    def anew(self) -> str:
        """What makes another vault where this one cannot be opened any more."""
        from shlex import quote

        folder = split(self._here, self.path)[0]
        return f"mv {quote(folder)} {quote(folder + '.old')}, then {init()}"

    @property
    def places(self) -> tuple[str, ...]:
        """Where a key may be: ``key_paths``, with what the link leads to in the link's place."""
        try:
            to = os.readlink(self.link_path)
        except OSError:
            return self.key_paths
        return (self.machine_path, to, self.protected_path)

    def exists(self) -> bool:
        """Tell whether there is a vault, or what is left of one."""
        return any(content is not None for content in (self._here.status(self.path), *self._generations()))

    def read(self) -> Document:
        """Return all logins. Raises StoreError, FileError."""
        return self._current(self._here.read(self.path, files.SIZE_LIMIT), for_writing=False)[0]

    def keys(self) -> tuple[Key, ...]:
        """Return what opens the vault; a passphrase is asked for at most once. Raises StoreError, FileError."""
        if not self._keys:
            from shorepass.stores.vault_key import needs_passphrase, parse

            found = [content for path in self.places if (content := self._here.read(path, KEY_LIMIT))]
            if not found:
                self._refuse_without_key()
            # A passphrase costs a person's time and two seconds: only where nothing else is there.
            free = [content for content in found if not needs_passphrase(content)]
            self._keys = tuple(key for content in free or found for key in parse(content, self._ask))
        return self._keys

    def _refuse_without_key(self) -> NoReturn:
        target = self._here.status(self.path)
        if target is None and not any(True for _ in self._generations()):
            raise StoreMissing(NAME, f"there is none at {self.path}", hint=init())
        raise StoreLocked(
            NAME,
            f"no key for {self.path}: none of {', '.join(self.places)} is there",
            hint="bring the key back; if it is lost, so are the logins: " + self.anew,
        )

    def _generations(self) -> Iterator[FileContent]:
        for number in range(1, GENERATIONS + 1):
            if content := self._here.read(files.generation(self.path, number), files.SIZE_LIMIT):
                yield content

    def _current(self, content: FileContent | None, *, for_writing: bool) -> tuple[Document, bool]:
        """Return what the vault holds, and whether that is from the file itself and not from a generation.

        What has only lost its key is not written over: it may be somebody's newer vault, come from another machine.
        """
        self.keys()  # says what is missing; a slip of the passphrase is no damage, for which a generation stands in
        error: StoreError
        try:
            if content is not None:
                return self._open(content), True
            error = StoreBroken(NAME, f"{self.path} is not there any more", hint=f"if that is meant: {init()}")
        except StoreError as refused:
            error = refused
        if for_writing and isinstance(error, StoreLocked):
            raise error
        for old in self._generations():
            try:
                document = self._open(old)
            except StoreError:
                continue
            self._tell(f"{error.message}; {old.path} stands in for it, and what was stored since then is not in it")
            return document, False
        if content is None and not any(True for _ in self._generations()):
            raise StoreMissing(NAME, f"there is none at {self.path}", hint=init())
        raise error

    def _open(self, content: FileContent) -> Document:
        """Return what is in a vault's file. Raises StoreLocked: not by these keys; StoreBroken."""
        from pyrage import DecryptError, decrypt

        keys = self.keys()
        try:
            return decode(decrypt(content.data, [key.identity for key in keys]))
        except DecryptError as error:
            if "No matching keys" in str(error):
                places = ", ".join(path for path in self.places if self._here.status(path))
                raise StoreLocked(
                    NAME,
                    f"{content.path}: the key does not open it ({places})",
                    hint=f"bring back the one that it was made with; if that is lost, so are the logins: {self.anew}",
                ) from None
            raise StoreBroken(
                NAME, f"{content.path}: damaged ({printable(str(error))})", hint=f"{BACKUP}; without one: {self.anew}"
            ) from None
        except NotADocumentError as error:
            raise StoreBroken(NAME, f"{content.path}: {error}", hint=f"{BACKUP}; without one: {self.anew}") from None

    def _may_hold(self, content: FileContent, key: str) -> bool:
        try:
            return key in self._open(content).logins
        except StoreError:
            return True


def seal(document: Document) -> bytes:
    """Return the file that holds a document, for its recipients. Raises UsageError: larger than what can be read again."""
    from pyrage import encrypt

    from shorepass.stores.vault_key import recipient_of

    sealed = bytes(encrypt(encode(document), [recipient_of(text) for text in document.recipients]))
    if len(sealed) > files.SIZE_LIMIT:
        limit = files.SIZE_LIMIT // 1024 // 1024
        raise UsageError(f"the vault holds {limit} MiB at most", hint="erase what is not needed any more")
    return sealed
