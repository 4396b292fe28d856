"""The vault: all logins in one encrypted file, in the age format (age-encryption.org/v1), readable with the ``age`` program.

``vault.age`` and its generations rest in ``$XDG_DATA_HOME/shorepass``. One of three things opens them:
``vault.key`` beside them, a link to an SSH key or an identity file; ``vault.key.age``, an identity file that a passphrase
protects; or ``machine.key`` in ``$XDG_STATE_HOME/shorepass``, the folder for what is not carried to other machines.

Its text is signed with the key that opens it (``vault_signature``). What this machine remembers (``vault_trust``) says which
key that is, and for whom the next save is encrypted. So a vault that somebody else wrote is an error, at every verb.

A vault that cannot be read is never taken for an empty one. Where the file is damaged, the youngest generation that is whole
stands in for it, and ``tell`` says so.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.config.locations import join, split
from shorepass.config.own import data_folder, state_folder
from shorepass.contexts.command import command
from shorepass.errors import (
    StoreBroken,
    StoreError,
    StoreLocked,
    StoreMissing,
    StoreUntrusted,
    UsageError,
    WriteError,
    printable,
)
from shorepass.foreign_text import quoted
from shorepass.stores import check
from shorepass.stores.vault.document import VERSION, NotADocumentError, decode, encode
from shorepass.stores.vault.key import needs_passphrase, parse, recipient_of
from shorepass.stores.vault.signature import is_signed, sign
from shorepass.stores.vault.trust import Trust, recall, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores.vault.document import Document
    from shorepass.stores.vault.key import Ask, Key

__all__ = ["GENERATIONS", "Vault", "init", "seal"]

NAME = "vault"
GENERATIONS = 3
KEY_LIMIT = 64 * 1024  # bytes; an RSA key of 16,384 bits has 13,000
RECIPIENT_LIMIT = 100  # characters of one in a message: all of an ed25519 key, and the beginning of an RSA key
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
        self._trust: Trust | None = None  # of the moment when the file was read

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

    def change(
        self, edit: Callable[[Document], Document | None], *, sole: bool = False, signers: Sequence[Key] = ()
    ) -> bool:
        """Replace what the vault holds; False when ``edit`` returned None, or what it was given.

        ``sole``: what was before is not kept in any generation. ``signers``: the keys that sign it; by default those that
        this machine trusts. Raises StoreError, WriteError, FileError.
        """

        def edited(content: FileContent | None) -> bytes | files.Sole | None:
            before, whole = self._current(content, for_writing=True)
            after = edit(before)
            if after is None and sole and not whole:
                after = before  # what is damaged may hold what is to be forgotten
            if after is None or (after == before and whole and not sole):
                return None
            sealed = seal(after, signers or self._signers())
            return files.Sole(sealed) if sole or not whole else sealed

        self.keys()  # before the lock is taken: a person may have to type
        return files.update(self.path, edited, owner=self._here.home_owner(self.path), generations=GENERATIONS)

    # What they are made of

    @property
    def anew(self) -> str:
        """What makes another vault where this one cannot be opened any more."""
        folder = split(self._here, self.path)[0]
        return f"mv {quoted(folder)} {quoted(folder + '.old')}, then {init()}"

    @property
    def places(self) -> tuple[str, ...]:
        """Where a key may be: ``key_paths``, with what the link leads to in the link's place."""
        try:
            to = os.path.join(split(self._here, self.link_path)[0], os.readlink(self.link_path))
        except OSError:
            return self.key_paths
        return (self.machine_path, to, self.protected_path)

    def exists(self) -> bool:
        """Tell whether there is a vault, or what is left of one."""
        return any(content is not None for content in (self._here.status(self.path), *self._generations()))

    def read(self) -> Document:
        """Return all logins. Raises StoreError, FileError."""
        document, _ = self._current(self._here.read(self.path, files.SIZE_LIMIT), for_writing=False)
        if self._trust is None:
            self._adopt(document)
        return document

    def unchecked(self) -> tuple[Document, str]:
        """Return what is in the file itself, and why it is not trusted: "" where it is. Raises StoreError, FileError."""
        content = self._here.read(self.path, files.SIZE_LIMIT)
        if content is None:
            raise StoreMissing(NAME, f"there is none at {self.path}", hint=init())
        text, document = self._decrypted(content)
        self._trust = recall(self._here, self.path)
        try:
            self._check(content.path, text, document)
        except StoreUntrusted as error:
            return document, error.reason
        return document, ""

    def accept(self, recipients: tuple[str, ...]) -> None:
        """Trust what is in the file, whoever wrote it, if it is for these recipients: sign it, and remember them.

        Raises StoreError, FileError, WriteError.
        """
        keys = self.keys()
        own = self.own_recipients()
        readers = tuple(dict.fromkeys((*own, *recipients)))

        def signed(content: FileContent | None) -> bytes:
            if content is None:
                raise StoreMissing(NAME, f"there is none at {self.path}", hint=init())
            _, document = self._decrypted(content)
            if document.recipients != recipients:
                raise StoreUntrusted(
                    NAME, f"{self.path} has changed in the meantime", hint=command(None, "vault", "trust")
                )
            return seal(document._replace(recipients=readers), keys)

        remember(self._here, self.path, Trust(own, readers))
        files.update(self.path, signed, owner=self._here.home_owner(self.path), generations=GENERATIONS)

    def _adopt(self, document: Document) -> None:
        """Remember a vault that this machine had not seen, or that Shorepass 0.1 made; the latter is signed now.

        A home that cannot be written stays as it is: then the same is done next time.
        """
        own = self.own_recipients()
        try:
            if document.version != VERSION:
                self.change(lambda old: old._replace(version=VERSION), sole=True)
                self._tell(
                    f"{self.path} was made by Shorepass 0.1 and not signed; from now on your key signs it: "
                    f"its {len(document.logins)} logins are trusted ({command(None, 'list')} shows them)"
                )
            remember(self._here, self.path, Trust(own, own))
        except WriteError:
            return

    def keys(self) -> tuple[Key, ...]:
        """Return what opens the vault; a passphrase is asked for at most once. Raises StoreError, FileError."""
        if not self._keys:
            found = [content for path in self.places if (content := self._here.read(path, KEY_LIMIT))]
            if not found:
                self._refuse_without_key()
            # A passphrase costs a person's time and two seconds: only where nothing else is there.
            free = [content for content in found if not needs_passphrase(content)]
            self._keys = tuple(key for content in free or found for key in self._opened(content))
        return self._keys

    def _opened(self, content: FileContent) -> Sequence[Key]:
        """Return the keys in a file, which the user unlocks once per run. Raises StoreLocked, StoreBroken."""
        return self._here.memory.keys(content.data, lambda: parse(content, self._ask))

    def own_recipients(self) -> tuple[str, ...]:
        """Return the public halves of ``keys``. Raises StoreError, FileError."""
        return tuple(key.recipient for key in self.keys())

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
        self._trust = recall(self._here, self.path)
        error: StoreError
        try:
            if content is not None:
                return self._open(content), True
            error = StoreBroken(NAME, f"{self.path} is not there any more", hint=f"if that is meant: {init()}")
        except StoreError as refused:
            error = refused
        if isinstance(error, StoreUntrusted) or (for_writing and isinstance(error, StoreLocked)):
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
        """Return what is in a vault's file. Raises StoreLocked: not by these keys; StoreBroken; StoreUntrusted."""
        text, document = self._decrypted(content)
        self._check(content.path, text, document)
        return document

    def _decrypted(self, content: FileContent) -> tuple[bytes, Document]:
        """Return the text in a vault's file, and what it says. Raises StoreLocked: not by these keys; StoreBroken."""
        from pyrage import DecryptError, decrypt

        keys = self.keys()
        try:
            text = bytes(decrypt(content.data, [key.identity for key in keys]))
            return text, decode(text)
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

    def _check(self, path: str, text: bytes, document: Document) -> None:
        """Raise StoreUntrusted where a vault's text may be somebody else's, or would be encrypted to somebody unknown."""
        trust = self._trust
        own = self.own_recipients()
        new = [name for name in document.recipients if name not in (trust.recipients if trust else own)]
        if new:
            readers = ", ".join(printable(name, RECIPIENT_LIMIT) for name in new)
            raise self._untrusted(path, f"it adds readers that this machine does not know: {readers}")
        if trust is None and self._has_key_beside():
            raise self._untrusted(
                path, f"its key came with it ({self.link_path}), so another user may have written both"
            )
        if trust is None and document.version == 1:
            return  # Shorepass 0.1 signed none: see ``_adopt``
        if not is_signed(text, [key.secret for key in self._signers()]):
            raise self._untrusted(path, "it is not signed with the key that this machine trusts")

    def _signers(self) -> tuple[Key, ...]:
        """Return those of the keys that this machine trusts; all where it knows of none."""
        trust = self._trust
        return tuple(key for key in self.keys() if trust is None or key.recipient in trust.keys)

    def _has_key_beside(self) -> bool:
        """Tell whether an open key is in the vault's own folder: whoever writes the one writes the other."""
        folder = os.path.realpath(split(self._here, self.path)[0])
        return os.path.realpath(self.places[1]).startswith(folder + os.sep) and os.path.exists(self.places[1])

    def _untrusted(self, path: str, reason: str) -> StoreUntrusted:
        refused = f"mv {quoted(path)} {quoted(path + '.refused')}"
        return StoreUntrusted(
            NAME,
            f"{path}: not trusted: {reason}",
            hint=f"if you changed it: {command(None, 'vault', 'trust')}; if not, take the last copy that is trusted: {refused}",
        )

    def _may_hold(self, content: FileContent, key: str) -> bool:
        try:
            return key in self._open(content).logins
        except StoreError:
            return True


def seal(document: Document, signers: Sequence[Key]) -> bytes:
    """Return the file that holds a document, signed, for its recipients. Raises UsageError: too large to be read again."""
    from pyrage import encrypt

    text = sign(encode(document), [key.secret for key in signers])
    sealed = bytes(encrypt(text, [recipient_of(text) for text in document.recipients]))
    if len(sealed) > files.SIZE_LIMIT:
        limit = files.SIZE_LIMIT // 1024 // 1024
        raise UsageError(f"the vault holds {limit} MiB at most", hint="erase what is not needed any more")
    return sealed
