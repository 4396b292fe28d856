"""The desktop's keyring on Linux (GNOME Keyring, KWallet, KeePassXC), by the freedesktop Secret Service.

Items have the attributes and the label that ``docker-credential-secretservice`` gives them, so that each finds the logins
of the other. Sources: specifications.freedesktop.org/secret-service; docker-credential-helpers secretservice/.

Nothing here waits longer than TIMEOUT, even if the service is missing, hangs or asks the user to unlock it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.contexts.own_installation import command_to_add
from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.errors import StoreBroken, StoreError, StoreLocked, StoreMissing, UsageError, printable
from shorepass.secret import Secret
from shorepass.stores import check
from shorepass.stores.bounded import within
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential

    Result = TypeVar("Result")

__all__ = ["LibraryMissing", "SecretService"]

NAME = "keychain"
TIMEOUT = 2.5  # seconds; with Python's start an answer is there within 3
LABEL = "Docker Credentials"
SCHEMA = "io.docker.Credentials"
DEFAULT_COLLECTION = "/org/freedesktop/secrets/aliases/default"
TOKEN = "<token>"  # noqa: S105  # the protocol's mark of an identity token

UNLOCK = "unlock the keyring: in the desktop's password program, or gnome-keyring-daemon --unlock"


class LibraryMissing(StoreMissing):
    """The library that talks with the keyring is not installed, so no one knows whether the keyring works."""


class SecretService:
    """The keyring of this session. See ``Store``. A write that is late after TIMEOUT may still succeed."""

    name = NAME

    def __init__(self, here: LocalContext) -> None:
        self._address = here.getenv("DBUS_SESSION_BUS_ADDRESS") or ""
        runtime = here.getenv("XDG_RUNTIME_DIR")
        if not self._address and runtime and here.status(f"{runtime}/bus"):
            self._address = f"unix:path={runtime}/bus"

    def get(self, key: str) -> Credential:
        """Return a login, ANONYMOUS if there is no login. Raises StoreError."""

        def work(connection: Any) -> Credential:
            items = _search(connection, key)
            if not items:
                return ANONYMOUS
            item = max(items, key=lambda item: item.get_modified())  # docker stores one per user name
            username = item.get_attributes().get("username", "")
            secret = Secret(item.get_secret().decode("utf-8", "surrogateescape"))
            return IdentityToken(secret) if username == TOKEN else Basic(username, secret)

        return self._ask(work)

    def list(self) -> dict[str, str]:
        """Return user names by key. Raises StoreError."""

        def work(connection: Any) -> dict[str, str]:
            found = [item.get_attributes() for item in _search(connection, None)]
            return {
                attributes["server"]: attributes.get("username", "") for attributes in found if "server" in attributes
            }

        return self._ask(work)

    def store(self, key: str, credential: Credential) -> None:
        """Keep a login. Raises UsageError, StoreError."""
        check(key, credential)
        username, secret = _words(credential)
        if "\0" in key + username:
            raise UsageError("a keyring cannot store a NUL in a key or a user name")

        def work(connection: Any) -> None:
            before = _search(connection, key)
            attributes = {"label": LABEL, "server": key, "username": username, "docker_cli": "1", "xdg:schema": SCHEMA}
            new = _collection(connection).create_item(key, attributes, secret.reveal().encode(), replace=True)
            for item in before:  # keeps what another program has stored since then
                if item.item_path != new.item_path:
                    item.delete()

        self._ask(work)

    def erase(self, key: str) -> bool:
        """Forget a key, for every user name. Raises StoreError."""

        def work(connection: Any) -> bool:
            items = _search(connection, key)
            for item in items:
                item.delete()
            return bool(items)

        return self._ask(work)

    def _ask(self, work: Callable[[Any], Result]) -> Result:
        """Do ``work`` with a connection, in bounded time. Raises StoreError."""
        if not self._address:
            raise StoreMissing(NAME, "there is no session bus here, so there is no keyring", hint=_start())
        late = StoreMissing(NAME, f"no keyring answers on the session bus within {TIMEOUT:g} s", hint=_start())
        with Wait(NAME):
            return within(TIMEOUT, lambda: _connected(self._address, work), late)


def _connected(address: str, work: Callable[[Any], Result]) -> Result:
    try:
        import jeepney
        import secretstorage
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:
        raise LibraryMissing(
            NAME, "the Python library secretstorage is not installed", hint=command_to_add("secretstorage")
        ) from None
    try:
        connection = open_dbus_connection(address)
    except (OSError, ValueError, KeyError, jeepney.AuthenticationError) as error:
        said = printable(getattr(error, "strerror", None) or str(error))
        raise StoreMissing(NAME, f"the session bus does not answer ({said})", hint=_start()) from None
    try:
        return work(connection)
    except StoreError:
        raise
    except secretstorage.LockedException:
        raise StoreLocked(NAME, "the keyring is locked", hint=UNLOCK) from None
    except secretstorage.SecretServiceNotAvailableException as error:
        raise StoreMissing(NAME, f"no keyring on the session bus ({printable(str(error))})", hint=_start()) from None
    except (secretstorage.SecretStorageException, jeepney.DBusErrorResponse, OSError) as error:
        raise StoreBroken(NAME, f"the keyring fails: {printable(str(error))}") from None
    finally:
        connection.close()


def _collection(connection: Any) -> Any:
    """Return the default keyring. Raises StoreLocked, StoreMissing; creating one would ask the user."""
    import secretstorage

    try:
        collection = secretstorage.Collection(connection, DEFAULT_COLLECTION)
    except secretstorage.ItemNotFoundException:
        raise StoreMissing(
            NAME, "there is no default keyring", hint="make one in the desktop's password program"
        ) from None
    if collection.is_locked():
        raise StoreLocked(NAME, "the keyring is locked", hint=UNLOCK)
    return collection


def _search(connection: Any, key: str | None) -> list[Any]:
    """Return the items of a key, or all. Raises StoreLocked: in a locked keyring "nothing found" means nothing."""
    import secretstorage

    attributes = {"label": LABEL} if key is None else {"server": key, "docker_cli": "1"}
    items = list(secretstorage.search_items(connection, attributes))
    if any(item.is_locked() for item in items):
        raise StoreLocked(NAME, "the keyring is locked", hint=UNLOCK)
    if not items:
        _collection(connection)
    return items


def _words(credential: Credential) -> tuple[str, Secret]:
    if isinstance(credential, IdentityToken):
        return TOKEN, credential.token
    assert isinstance(credential, Basic)  # noqa: S101  # check() refuses everything else
    return credential.username, credential.password


def _start() -> str:
    """Return what to do without a keyring."""
    init, use = command(None, "vault", "init"), command(None, "stores", "use", "vault")
    return f"log in to a desktop; without one: {init}, then {use}"
