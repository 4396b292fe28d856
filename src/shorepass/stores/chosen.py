"""Which store ``docker-credential-shorepass`` uses: the setting ``store``, else the vault.

``$XDG_CONFIG_HOME/shorepass/config.toml`` (below ``%APPDATA%`` on Windows)::

    store = "vault"
"""

from __future__ import annotations

from shorepass.config.locations import join
from shorepass.errors import MalformedFile, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts.local import LocalContext
    from shorepass.stores import Store
    from shorepass.stores.vault_key import Ask

__all__ = ["chosen", "named", "setting", "settings_path"]

SIZE_LIMIT = 1024 * 1024  # bytes of a file that a person writes
DEFAULT = "vault"
NAMES = ("vault", "keychain", "file", "helper:NAME")


def chosen(here: LocalContext, *, ask: Ask, tell: Callable[[str], None]) -> Store:
    """Return the store that is set, else the vault. Raises MalformedFile, FileError, UsageError."""
    return named(setting(here), here, ask=ask, tell=tell)


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


def settings_path(here: LocalContext) -> str:
    """Return the path of the settings."""
    home = here.home() or ""
    if here.platform == "windows":
        folder = here.getenv("APPDATA") or join(here, home, "AppData", "Roaming")
    else:
        folder = here.getenv("XDG_CONFIG_HOME") or join(here, home, ".config")
    return join(here, folder, "shorepass", "config.toml")


def setting(here: LocalContext) -> str:
    """Return the name of the store that is set. Raises MalformedFile, FileError."""
    path = settings_path(here)
    content = here.read(path, SIZE_LIMIT)
    if content is None:
        return DEFAULT
    import tomllib  # 5 ms, for those who have such a file

    try:
        found = tomllib.loads(content.data.decode()).get("store", DEFAULT)
    except (ValueError, RecursionError):  # both not TOML and not UTF-8 are ValueErrors
        raise MalformedFile(path, "not TOML", hint='it may say: store = "vault"') from None
    if not isinstance(found, str):
        raise MalformedFile(path, '"store" is not a text', hint='it may say: store = "vault"')
    return found
