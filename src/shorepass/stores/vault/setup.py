"""Make a vault, and give one another key.

At every moment one of the keys that are in place opens the vault: while the key changes, the vault is encrypted to both.
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
    """A key and where it will rest: ``data`` in a file of ours, or a link ``to`` somebody else's.

    ``recipients``: to whom the vault is encrypted; the key's own public half, and whoever else may open it.
    """

    key: Key
    recipients: tuple[str, ...]
    data: bytes = b""
    to: str = ""
    machine: bool = False

    def __repr__(self) -> str:
        return f"Lock({self.recipients})"


def machine_key(others: Sequence[str] = ()) -> Lock:
    """Return a new key that lies open on this machine."""
    key, data = generate()
    return _checked(Lock(key, (key.recipient, *others), data, machine=True))


def passphrase(ask: Ask, others: Sequence[str] = ()) -> Lock:
    """Return a new key behind a passphrase, which is asked for twice. Raises UsageError, StoreLocked."""
    chosen = ask("New passphrase: ")
    if ask("The same once more: ") != chosen:
        raise UsageError("the two passphrases differ")
    key, data = generate()
    return _checked(Lock(key, (key.recipient, *others), protect(data, chosen)))


def from_file(here: LocalContext, path: str, ask: Ask, others: Sequence[str] = ()) -> Lock:
    """Return a key that somebody has: an SSH key, or an age identity file.

    Raises UsageError, StoreLocked, StoreBroken, FileError.
    """
    path = os.path.abspath(path)
    content = here.read(path, KEY_LIMIT)
    if content is None:
        raise UsageError(f"{path}: no such file")
    if path.endswith(".pub"):
        raise UsageError(
            f"{path} is the public half of a key", hint=f"the private one: {quoted(path.removesuffix('.pub'))}"
        )
    keys = here.memory.keys(content.data, lambda: parse(content, ask))
    return _checked(Lock(keys[0], (*(key.recipient for key in keys), *others), to=path))


def _checked(lock: Lock) -> Lock:
    """Return the lock if its key opens what is encrypted to its recipients: nobody is to be locked out."""
    if not opens([lock.key], lock.recipients):
        raise UsageError("what is encrypted to these recipients cannot be opened")
    return lock


def init(vault: Vault, here: LocalContext, lock: Lock) -> None:
    """Make a vault with nothing in it. Raises UsageError: there is one already; WriteError, FileError."""
    with _alone(here):
        _init(vault, here, lock)


def _alone(here: LocalContext) -> FolderLock:
    """Return the lock for one init or rekey at a time: on the home, since every save takes that of the vault's own folder."""
    home = here.home()
    if not home or not here.is_folder(home):
        raise UsageError(
            f"there is no home folder {home}" if home else "nobody knows a home folder of this user",
            hint="set HOME to a folder of yours",
        )
    return FolderLock(join(here, home, ".shorepass-vault"), LOCK_TIMEOUT)


def _init(vault: Vault, here: LocalContext, lock: Lock) -> None:
    if vault.exists():
        rekey, look = command(None, "vault", "rekey"), command(None, "vault")
        hint = f"{rekey} gives it another key; {look} says whether it opens"
        raise UsageError(f"there is a vault already: {vault.path}", hint=hint)
    for path in vault.key_paths:
        if here.status(path) is not None:
            hint = f"if it opens nothing that you need: rm {quoted(path)}"
            raise UsageError(f"there is a key, and no vault: {path}", hint=hint)
    remember(here, vault.path, _trust_in(lock))
    _install(vault, here, lock)

    def edit(content: FileContent | None) -> bytes | None:
        if content is not None:
            raise UsageError(f"there is a vault already: {vault.path}")
        return seal(Document({}, lock.recipients), [lock.key])

    files.update(vault.path, edit, owner=here.home_owner(vault.path), generations=GENERATIONS)


def rekey(vault: Vault, here: LocalContext, lock: Lock) -> None:
    """Give a vault another key; the old one opens none of its generations any more.

    Raises StoreError, FileError, WriteError; then one of the two keys opens it, and is in its place.
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
    """Put a key in its place, and return that."""
    if lock.to:
        files.symlink(vault.link_path, lock.to, owner=here.home_owner(vault.link_path))
        return vault.link_path
    path = vault.machine_path if lock.machine else vault.protected_path
    files.update(path, lambda _: lock.data, owner=here.home_owner(path))
    return path


def _encrypt_to(vault: Vault, recipients: tuple[str, ...], signers: Sequence[Key]) -> None:
    vault.change(lambda document: document._replace(recipients=recipients), sole=True, signers=signers)
