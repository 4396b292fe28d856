"""Which store ``docker-credential-shorepass`` uses: the setting ``store``, else the vault."""

from __future__ import annotations

from shorepass.errors import printable
from shorepass.stores import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts.local import LocalContext
    from shorepass.stores import Store
    from shorepass.stores.settings import Settings
    from shorepass.stores.vault_key import Ask

__all__ = ["DEFAULT", "chosen", "named"]

DEFAULT = "vault"
NAMES = ("vault", "keychain", "file", "helper:NAME")


def chosen(here: LocalContext, *, ask: Ask, tell: Callable[[str], None], found: Settings | None = None) -> Store:
    """Return the store that is set, else the vault. ``found``: the settings, where they were read.

    Raises MalformedFile, FileError, UsageError.
    """
    return named((found or settings.load(here)).store or DEFAULT, here, ask=ask, tell=tell)


def named(name: str, here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> Store:
    """Return a store by its name. Raises UsageError."""
    from shorepass.errors import UsageError

    if name == "vault":
        from shorepass.stores.vault import Vault

        return Vault(here, ask=ask, tell=tell)
    if name == "keychain" and here.platform in ("darwin", "windows"):
        from shorepass.stores.os_keychain import OsKeychain

        return OsKeychain(here)
    if name == "keychain":
        from shorepass.stores.secret_service import SecretService

        return SecretService(here)
    if name == "file":
        from shorepass.stores.config_file import ConfigFile

        return ConfigFile(here)
    if name.startswith("helper:"):
        from shorepass.stores.external import External

        return External(here, name.removeprefix("helper:"))
    raise UsageError(f"no store is called {printable(name)!r}", hint="one of: " + ", ".join(NAMES))
