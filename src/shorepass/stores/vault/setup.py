"""Creates a vault, and changes its key.

At every moment an installed key opens the vault: while the key changes, the vault is encrypted to both keys.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.config.locations import join
from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.files.lock import LOCK_TIMEOUT, FolderLock
from shorepass.foreign_text import quoted
from shorepass.stores.vault.document import Document
from shorepass.stores.vault.key import Key, generate, opens, parse, protect
from shorepass.stores.vault.trust import Trust, remember
from shorepass.stores.vault.vault import GENERATIONS, KEY_LIMIT, Vault, seal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.stores.vault.key import Ask

__all__ = ["Lock", "from_file", "init", "machine_key", "passphrase", "rekey"]


class Lock(NamedTuple):
    """A key and its file.

    ``data``: the content of a file that Shorepass writes; or ``to``: the path of the user's own file, for a link.
    ``recipients``: the public keys to which the vault is encrypted: the key's own, and those of others who may open it.
    """

    key: Key
    recipients: tuple[str, ...]
    data: bytes = b""
    to: str = ""
    machine: bool = False

    def __repr__(self) -> str:
        return f"Lock({self.recipients})"


def machine_key(others: Sequence[str] = ()) -> Lock:
    """Return a new machine key, which is stored unencrypted."""
    key, data = generate()
    return _checked(Lock(key, (key.recipient, *others), data, machine=True))


def passphrase(ask: Ask, others: Sequence[str] = ()) -> Lock:
    """Return a new key with a passphrase, which is asked for twice.

    Raises UsageError, StoreLocked.
    """
    chosen = ask("New passphrase: ")
    if ask("Repeat passphrase: ") != chosen:
        raise UsageError("the two passphrases differ")
    key, data = generate()
    return _checked(Lock(key, (key.recipient, *others), protect(data, chosen)))


def from_file(here: LocalContext, path: str, ask: Ask, others: Sequence[str] = ()) -> Lock:
    """Return a key of the user: an SSH key, or an age identity file.

    Raises UsageError, StoreLocked, StoreBroken, FileError.
    """
    path = os.path.abspath(path)
    content = here.read(path, KEY_LIMIT)
    if content is None:
        raise UsageError(f"{path}: no such file")
    if path.endswith(".pub"):
        raise UsageError(f"{path} is a public key", hint=f"name the private key: {quoted(path.removesuffix('.pub'))}")
    keys = here.memory.keys(content.data, lambda: parse(content, ask))
    return _checked(Lock(keys[0], (*(key.recipient for key in keys), *others), to=path))


def _checked(lock: Lock) -> Lock:
    """Return the lock if its key can open the vault, so that you are not locked out."""
    if not opens([lock.key], lock.recipients):
        raise UsageError("the key cannot open a vault that is encrypted to these recipients")
    return lock


def init(vault: Vault, here: LocalContext, lock: Lock) -> None:
    """Create an empty vault.

    Raises UsageError: it exists already; WriteError, FileError.
    """
    with _alone(here):
        _init(vault, here, lock)


def _alone(here: LocalContext) -> FolderLock:
    """Return the lock for one init or rekey at a time.

    It is on the home, because every save locks the vault's own folder.
    """
    home = here.home()
    if not home:
        raise UsageError("this user has no home folder", hint="set HOME to a folder of yours")
    if not here.is_folder(home):
        raise UsageError(f"there is no home folder {home}", hint="set HOME to a folder of yours")
    return FolderLock(join(here, home, ".shorepass-vault"), LOCK_TIMEOUT)


def _init(vault: Vault, here: LocalContext, lock: Lock) -> None:
    if vault.exists():
        rekey, look = command(None, "vault", "rekey"), command(None, "vault")
        hint = f"{rekey} changes its key; {look} shows whether it opens"
        raise UsageError(f"there is a vault already: {vault.path}", hint=hint)
    for path in vault.key_paths:
        if here.status(path) is not None:
            hint = f"if you do not need it: rm {quoted(path)}"
            raise UsageError(f"there is a key without a vault: {path}", hint=hint)
    remember(here, vault.path, _trust_in(lock))
    _install(vault, here, lock)

    def edit(content: FileContent | None) -> bytes | None:
        if content is not None:
            raise UsageError(f"there is a vault already: {vault.path}")
        return seal(Document({}, lock.recipients), [lock.key])

    files.update(vault.path, edit, owner=here.home_owner(vault.path), generations=GENERATIONS)


def rekey(vault: Vault, here: LocalContext, lock: Lock) -> None:
    """Change a vault's key; the old one can no longer open any of its generations.

    Raises StoreError, FileError, WriteError; then one of the two keys is installed and opens it.
    """
    with _alone(here):
        before, keys = vault.read().recipients, (*vault.keys(), lock.key)
        both = tuple(dict.fromkeys((*before, *lock.recipients)))
        remember(here, vault.path, Trust(tuple(key.recipient for key in keys), both))
        _encrypt_to(vault, both, keys)
        installed = _install(vault, here, lock)
        for path in vault.key_paths:
            if path != installed:
                files.remove(path)
        _encrypt_to(vault, lock.recipients, [lock.key])
        remember(here, vault.path, _trust_in(lock))


def _trust_in(lock: Lock) -> Trust:
    return Trust((lock.key.recipient,), tuple(dict.fromkeys((lock.key.recipient, *lock.recipients))))


def _install(vault: Vault, here: LocalContext, lock: Lock) -> str:
    """Write a key, or a link to it, and return the path."""
    if lock.to:
        files.symlink(vault.link_path, lock.to, owner=here.home_owner(vault.link_path))
        return vault.link_path
    path = vault.machine_path if lock.machine else vault.protected_path
    files.update(path, lambda _: lock.data, owner=here.home_owner(path))
    return path


def _encrypt_to(vault: Vault, recipients: tuple[str, ...], signers: Sequence[Key]) -> None:
    vault.change(lambda document: document._replace(recipients=recipients), sole=True, signers=signers)
