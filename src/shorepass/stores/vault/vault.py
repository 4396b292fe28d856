"""The vault: all logins in one encrypted file, which the ``age`` program can read.

``vault.age``, in the age format (age-encryption.org/v1), and its generations are in ``$XDG_DATA_HOME/shorepass``. One of three
keys opens them. ``vault.key`` in the same folder is a link to an SSH key or an identity file. ``vault.key.age`` is an identity
file that a passphrase protects. ``machine.key`` is in ``$XDG_STATE_HOME/shorepass``, the folder for files of this machine only.

The text is signed with the key that opens it (``signature``). This machine remembers which key that is, and to whom the next
save is encrypted (``trust``). So a vault that another user wrote is an error, at every verb.

A vault that cannot be read does not count as an empty one. If the file is damaged, Shorepass uses the youngest generation that
is whole, and reports that with ``tell``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.config.locations import join, split
from shorepass.config.own_folders import data_folder, state_folder
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
from shorepass.stores.vault.key import NO_MATCH, decrypt, needs_passphrase, parse, recipient_of
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
RECIPIENT_LIMIT = 100  # characters in a message: a whole ed25519 key, or the beginning of an RSA key
BACKUP = "restore it from a backup"


def init() -> str:
    """Return the command that creates a vault."""
    return command(None, "vault", "init")


class Vault:
    """The vault of this user on this machine. See ``Store``.

    ``ask``: shows a prompt and returns a passphrase. ``tell``: prints what the user should know although it is not an error.
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
        self._trust: Trust | None = None  # at the time when the file was read

    # The four verbs

    def get(self, key: str) -> Credential:
        """Return a login, ANONYMOUS if it does not exist. Raises StoreError, FileError."""
        try:
            return self.read().get(key)
        except NotADocumentError as error:
            raise StoreBroken(NAME, f"{self.path}: {printable(key)!r}: {error}") from None

    def list(self) -> dict[str, str]:
        """Return user names by key. Raises StoreError, FileError."""
        return self.read().names()

    def store(self, key: str, credential: Credential) -> None:
        """Store a login. Raises UsageError, StoreError, WriteError, FileError."""
        check(key, credential)
        self.change(lambda document: document.with_login(key, credential))

    def erase(self, key: str) -> bool:
        """Erase a login in the vault and in each of its generations.

        False: neither the vault nor a generation has it. A generation that cannot be read may have it.
        """

        def without(document: Document) -> Document | None:
            has_it = key in document.logins or any(self._may_hold(old, key) for old in self._generations())
            return document.without(key) if has_it else None

        return self.change(without, sole=True)

    def change(
        self, edit: Callable[[Document], Document | None], *, sole: bool = False, signers: Sequence[Key] = ()
    ) -> bool:
        """Replace the vault's content; False if ``edit`` returned None, or no change.

        ``sole``: no generation keeps the former content. ``signers``: the keys that sign it; by default those that this
        machine trusts. Raises StoreError, WriteError, FileError.
        """

        def edited(content: FileContent | None) -> bytes | files.Sole | None:
            before, whole = self._current(content, for_writing=True)
            after = edit(before)
            if after is None and sole and not whole:
                after = before  # because the damaged file may have the login
            if after is None or (after == before and whole and not sole):
                return None
            sealed = seal(after, signers or self._signers())
            return files.Sole(sealed) if sole or not whole else sealed

        self.keys()  # before the folder is locked, because the user may have to type
        return files.update(self.path, edited, owner=self._here.home_owner(self.path), generations=GENERATIONS)

    # Reading, signing, writing

    @property
    def commands_for_new_vault(self) -> str:
        """The commands that create another vault, if this one can no longer be opened."""
        folder = split(self._here, self.path)[0]
        return f"mv {quoted(folder)} {quoted(folder + '.old')}, then {init()}"

    @property
    def places(self) -> tuple[str, ...]:
        """The possible paths of a key: ``key_paths``, with the target of the link."""
        try:
            to = os.path.join(split(self._here, self.link_path)[0], os.readlink(self.link_path))
        except OSError:
            return self.key_paths
        return (self.machine_path, to, self.protected_path)

    def exists(self) -> bool:
        """Tell whether there is a vault, or at least one of its generations."""
        return any(content is not None for content in (self._here.status(self.path), *self._generations()))

    def read(self) -> Document:
        """Return all logins. Raises StoreError, FileError."""
        content = self._here.read(self.path, files.SIZE_LIMIT)
        known: Document | None = self._here.memory.meaning(content) if content else None
        if known is not None:
            return known
        document, whole = self._current(content, for_writing=False)
        if self._trust is None:
            self._adopt(document)
        if content is not None and whole:
            self._here.memory.keep_meaning(content, document)
        return document

    def unchecked(self) -> tuple[Document, str]:
        """Return the content of the file, and why it is not trusted ("": it is trusted).

        Raises StoreError, FileError.
        """
        content = self._here.read(self.path, files.SIZE_LIMIT)
        if content is None:
            raise self._missing()
        text, document = self._decrypted(content)
        self._trust = recall(self._here, self.path)
        try:
            self._check(content.path, text, document)
        except StoreUntrusted as error:
            return document, error.reason
        return document, ""

    def accept(self, recipients: tuple[str, ...]) -> None:
        """Trust the content of the file, if it is encrypted to these recipients.

        It is then signed, and its recipients are remembered. Raises StoreError, FileError, WriteError.
        """
        keys = self.keys()
        own = self.own_recipients()
        readers = tuple(dict.fromkeys((*own, *recipients)))

        def signed(content: FileContent | None) -> bytes:
            if content is None:
                raise self._missing()
            _, document = self._decrypted(content)
            if document.recipients != recipients:
                raise StoreUntrusted(NAME, f"{self.path} has changed meanwhile", hint=command(None, "vault", "trust"))
            return seal(document._replace(recipients=readers), keys)

        remember(self._here, self.path, Trust(own, readers))
        files.update(self.path, signed, owner=self._here.home_owner(self.path), generations=GENERATIONS)

    def _adopt(self, document: Document) -> None:
        """Remember a vault that is new to this machine; sign it if Shorepass 0.1 wrote it.

        If the home cannot be written, the next run tries again.
        """
        own = self.own_recipients()
        try:
            if document.version != VERSION:
                self.change(lambda old: old._replace(version=VERSION), sole=True)
                self._tell(
                    f"{self.path} was written by Shorepass 0.1 without a signature; now your key signs it: "
                    f"its {len(document.logins)} logins are trusted ({command(None, 'list')} shows them)"
                )
            remember(self._here, self.path, Trust(own, own))
        except WriteError:
            return

    def keys(self) -> tuple[Key, ...]:
        """Return the keys of the vault; a passphrase is asked for at most once.

        Raises StoreError, FileError.
        """
        if not self._keys:
            found = self._key_files()
            if not found:
                self._refuse_without_key()
            keys: list[Key] = []
            for content in found:
                keys += self._opened(content)
            self._keys = tuple(keys)
        return self._keys

    def protected_keys(self) -> Sequence[FileContent]:
        """Return the key files that the vault needs and that need a passphrase. Raises FileError."""
        return [content for content in self._key_files() if needs_passphrase(content)]

    def _key_files(self) -> Sequence[FileContent]:
        """Return the key files; those with a passphrase only if there is no other, because the user must type."""
        found = [content for path in self.places if (content := self._here.read(path, KEY_LIMIT))]
        return [content for content in found if not needs_passphrase(content)] or found

    def _opened(self, content: FileContent) -> Sequence[Key]:
        """Return the keys in a file, which the user unlocks once per run, or once for the agent.

        Raises StoreLocked, StoreBroken.
        """
        return self._here.memory.keys(content.data, lambda: self._unlocked(content))

    def _unlocked(self, content: FileContent) -> Sequence[Key]:
        if not needs_passphrase(content):
            return parse(content, self._ask)
        from shorepass.stores.vault.held import keys, unlock  # only a key with a passphrase needs the agent

        return keys(self._here, content) or unlock(self._here, content, self._ask)

    def own_recipients(self) -> tuple[str, ...]:
        """Return the public keys of ``keys``. Raises StoreError, FileError."""
        return tuple(key.recipient for key in self.keys())

    def _refuse_without_key(self) -> NoReturn:
        target = self._here.status(self.path)
        if target is None and not any(True for _ in self._generations()):
            raise self._missing()
        raise StoreLocked(
            NAME,
            f"no key for {self.path}: there is no {', '.join(self.places)}",
            hint="restore the key; if it is lost, the logins are lost, too: " + self.commands_for_new_vault,
        )

    def _missing(self) -> StoreMissing:
        return StoreMissing(NAME, f"there is no vault at {self.path}", hint=init())

    def _generations(self) -> Iterator[FileContent]:
        for number in range(1, GENERATIONS + 1):
            if content := self._here.read(files.generation(self.path, number), files.SIZE_LIMIT):
                yield content

    def _current(self, content: FileContent | None, *, for_writing: bool) -> tuple[Document, bool]:
        """Return the vault's content, and whether it is from the file, not a generation.

        A vault that the key does not open is not overwritten: it may be a newer vault from another machine.
        """
        self.keys()  # first, because a missing key or a wrong passphrase is not a damage that needs a generation
        self._trust = recall(self._here, self.path)
        error: StoreError
        try:
            if content is not None:
                return self._open(content), True
            error = StoreBroken(NAME, f"{self.path} no longer exists", hint=f"if you removed it: {init()}")
        except StoreError as refused:
            error = refused
        if isinstance(error, StoreUntrusted) or (for_writing and isinstance(error, StoreLocked)):
            raise error
        for old in self._generations():
            try:
                document = self._open(old)
            except StoreError:
                continue
            self._tell(f"{error.message}; using {old.path} instead, without what was stored since then")
            return document, False
        if content is None and not any(True for _ in self._generations()):
            raise self._missing()
        raise error

    def _open(self, content: FileContent) -> Document:
        """Return the content of a vault's file.

        Raises StoreLocked: the keys do not open it; StoreBroken; StoreUntrusted.
        """
        text, document = self._decrypted(content)
        self._check(content.path, text, document)
        return document

    def _decrypted(self, content: FileContent) -> tuple[bytes, Document]:
        """Return the text in a vault's file, and its content.

        Raises StoreLocked: the keys do not open it; StoreBroken.
        """
        from pyrage import DecryptError

        try:
            text = decrypt(content.data, self.keys())
            return text, decode(text)
        except DecryptError as error:
            if NO_MATCH in str(error):
                places = ", ".join(path for path in self.places if self._here.status(path))
                raise StoreLocked(
                    NAME,
                    f"{content.path}: the key does not open it ({places})",
                    hint=f"restore its key; if that is lost, the logins are lost, too: {self.commands_for_new_vault}",
                ) from None
            raise StoreBroken(
                NAME,
                f"{content.path}: damaged ({printable(str(error))})",
                hint=f"{BACKUP}; without one: {self.commands_for_new_vault}",
            ) from None
        except NotADocumentError as error:
            raise StoreBroken(
                NAME, f"{content.path}: {error}", hint=f"{BACKUP}; without one: {self.commands_for_new_vault}"
            ) from None

    def _check(self, path: str, text: bytes, document: Document) -> None:
        """Raise StoreUntrusted if another user may have written the text.

        Also if it would be encrypted to a recipient that this machine does not know.
        """
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
            return  # because Shorepass 0.1 did not sign: see ``_adopt``
        if not is_signed(text, [key.mac for key in self._signers()]):
            raise self._untrusted(path, "it is not signed with the key that this machine trusts")

    def _signers(self) -> tuple[Key, ...]:
        """Return the keys that this machine trusts; all keys if it remembers nothing."""
        trust = self._trust
        return tuple(key for key in self.keys() if trust is None or key.recipient in trust.keys)

    def _has_key_beside(self) -> bool:
        """Tell whether the key is in the vault's own folder.

        Then a user who can write the vault can write the key, too.
        """
        folder = os.path.realpath(split(self._here, self.path)[0])
        return os.path.realpath(self.places[1]).startswith(folder + os.sep) and os.path.exists(self.places[1])

    def _untrusted(self, path: str, reason: str) -> StoreUntrusted:
        refused = f"mv {quoted(path)} {quoted(path + '.refused')}"
        return StoreUntrusted(
            NAME,
            f"{path}: not trusted: {reason}",
            hint=f"if you changed it: {command(None, 'vault', 'trust')}; if not, use the last trusted copy: {refused}",
        )

    def _may_hold(self, content: FileContent, key: str) -> bool:
        try:
            return key in self._open(content).logins
        except StoreError:
            return True


def seal(document: Document, signers: Sequence[Key]) -> bytes:
    """Return the signed and encrypted file of a document.

    Raises UsageError: it would be too large to read again.
    """
    from pyrage import encrypt

    text = sign(encode(document), [key.mac for key in signers])
    sealed = bytes(encrypt(text, [recipient_of(text) for text in document.recipients]))
    if len(sealed) > files.SIZE_LIMIT:
        limit = files.SIZE_LIMIT // 1024 // 1024
        raise UsageError(f"the vault can have at most {limit} MiB", hint="erase logins that you no longer need")
    return sealed
