"""Which store ``docker-credential-shorepass`` uses: the setting ``store``, else the vault.

A first login chooses one: ``choose``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, UnknownWord, UsageError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tomlkit import TOMLDocument

    from shorepass.contexts.local import LocalContext
    from shorepass.settings import Settings
    from shorepass.stores import Store
    from shorepass.stores.vault.key import Ask
    from shorepass.stores.vault.vault import Vault

__all__ = ["DEFAULT", "PREFIX", "choose", "chosen", "in_use", "named", "require_usable", "use", "use_what_works"]

DEFAULT = "vault"
PREFIX = "helper:"  # of a store that is a credential helper
NAMES = ("vault", "keychain", "file", f"{PREFIX}NAME")
KEYRING_HELPER = f"{PREFIX}secretservice"  # docker's own way to the keyring of a Linux desktop


def chosen(here: LocalContext, *, ask: Ask, tell: Callable[[str], None], found: Settings | None = None) -> Store:
    """Return the store that is set, else the vault. ``found``: the settings, where they were read.

    Raises MalformedFile, FileError, UsageError.
    """
    return named((found or settings.load(here)).store or DEFAULT, here, ask=ask, tell=tell)


def named(name: str, here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> Store:
    """Return a store by its name. Raises UsageError."""
    if name == "vault":
        return _vault(here, ask, tell)
    if name == "keychain" and here.platform in ("darwin", "windows"):
        from shorepass.stores.os_keychain import OsKeychain

        return OsKeychain(here)
    if name == "keychain":
        from shorepass.stores.secret_service import SecretService

        return SecretService(here)
    if name == "file":
        from shorepass.stores.config_file import ConfigFile

        return ConfigFile(here)
    if name.startswith(PREFIX):
        from shorepass.stores.external import External

        return External(here, name.removeprefix(PREFIX))
    hint = f"{command(None, 'stores', 'use', 'NAME')}: {', '.join(NAMES)}"
    kinds = [known.partition(":")[0] for known in NAMES]
    raise UnknownWord(f"no store is called {printable(name)!r}", name, kinds, word=name.partition(":")[0], hint=hint)


def _vault(here: LocalContext, ask: Ask, tell: Callable[[str], None]) -> Vault:
    from shorepass.stores.vault.vault import Vault  # a login that the client's file holds needs no cryptography

    return Vault(here, ask=ask, tell=tell)


def choose(here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> Store:
    """Return the store for a login: the one in use, else the first that works here.

    The keychain is tested, and set if it works. Otherwise a vault is made, with an unencrypted key on this machine. Plain text
    is used only if it is set. Raises MalformedFile, FileError, UsageError, StoreError, WriteError.
    """
    from shorepass.stores import probe

    vault = _vault(here, ask, tell)
    name = settings.load(here).store
    if name is not None and name != DEFAULT:
        return named(name, here, ask=ask, tell=tell)
    if vault.exists():
        return vault
    keychain = named("keychain", here, ask=ask, tell=tell)
    error = probe.trouble(keychain) if name is None else None
    if name is None and error is None:
        use(here, keychain.name)
        tell(f"logins are now stored in the system's keychain (set in {settings.path_of(here)})")
        return keychain
    from shorepass.stores.vault.setup import init, machine_key

    try:
        init(vault, here, machine_key())
    except UsageError:
        if vault.exists():
            return vault  # another login has made it in the meantime
        raise
    tell(f"created encrypted vault {vault.path}; its key is stored unencrypted in {vault.machine_path} (mode 0600)")
    if error is not None:
        _tell_of_keyring(here, error, tell)
    return vault


def _tell_of_keyring(here: LocalContext, error: ShorepassError, tell: Callable[[str], None]) -> None:
    """Tell the user that a keyring works here and only its Python library is missing."""
    from shorepass.contexts.terminal import nobody
    from shorepass.stores import probe
    from shorepass.stores.secret_service import LibraryMissing

    if not isinstance(error, LibraryMissing):
        return
    try:
        trouble = probe.trouble(named(KEYRING_HELPER, here, ask=nobody, tell=tell))
    except ShorepassError:
        return
    if trouble is None:
        tell(
            f"logins are stored in the vault, not in the keychain: {error.reason}, although {KEYRING_HELPER} works; "
            f"to use the keychain: {error.hint} && {command(None, 'stores', 'use', 'keychain')}"
        )


def use(here: LocalContext, name: str) -> bool:
    """Set the store, False if it was already set. Raises MalformedFile, FileError, WriteError."""

    def edit(document: TOMLDocument) -> None:
        document["store"] = name

    return settings.change(here, edit)


def require_usable(here: LocalContext, name: str, *, ask: Ask) -> None:
    """Raise if a login cannot be stored in the named store, before the password is sent.

    Raises UsageError: there is no such store, or another one is in use; StoreError, HelperError: it does not work.
    """
    from shorepass.stores import probe

    store, used = named(name, here, ask=ask, tell=lambda _: None), in_use(here)
    if used is not None and used != name:
        raise UsageError(f"the store in use is {printable(used)!r}", hint=command(None, "stores", "use", name))
    if used is None and name not in (DEFAULT, "file") and (error := probe.trouble(store, probe.SECONDS * 5)):
        raise error


def in_use(here: LocalContext) -> str | None:
    """Return the name of the store that is set or was made, or None. Raises MalformedFile, FileError."""
    from shorepass.contexts.terminal import nobody

    name = settings.load(here).store
    return name or (DEFAULT if _vault(here, nobody, lambda _: None).exists() else None)


def use_what_works(here: LocalContext, name: str, *, ask: Ask, tell: Callable[[str], None]) -> None:
    """Set a store, which must work. Plain text and a vault are not tested: a vault may be made later.

    Raises as ``choose`` does. Then nothing is set.
    """
    from shorepass.stores import probe

    store = named(name, here, ask=ask, tell=tell)
    if name not in (DEFAULT, "file") and (error := probe.trouble(store, probe.SECONDS * 5)):
        raise error
    use(here, name)
