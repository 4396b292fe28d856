"""The keychains of macOS and Windows, by the ``keyring`` library. Tests use a fake backend: it is never run there.

A login is a *head* and pieces of at most PIECE characters, since Windows allows at most 2,560 bytes. The head names one of two
slots for the pieces. A new login is written to the other slot before the head, so a login is always complete. Keychains cannot
list their items, so a separate file lists the keys and user names. It is also the lock.

These items are Shorepass's. docker's items belong to its helpers (``helper:osxkeychain``, ``helper:wincred``): the library
does not see internet passwords on macOS, and reads docker's UTF-8 as UTF-16 on Windows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.contexts.own_installation import command_to_add
from shorepass.credential import ANONYMOUS
from shorepass.errors import MalformedFile, StoreBroken, StoreLocked, StoreMissing, printable
from shorepass.helper import protocol
from shorepass.numbers import whole
from shorepass.stores import check
from shorepass.stores.bounded import within
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential

    Result = TypeVar("Result")

    class Backend(Protocol):
        """What of a ``keyring`` backend is used."""

        def get_password(self, service: str, username: str) -> str | None: ...
        def set_password(self, service: str, username: str, password: str) -> None: ...
        def delete_password(self, service: str, username: str) -> None: ...


__all__ = ["OsKeychain"]

NAME = "keychain"
TIMEOUT = 30.0  # seconds; the system may ask the user to allow this program
PIECE = 1200  # characters, all ASCII: 2,400 bytes of the UTF-16 that Windows keeps
SERVICE = "Shorepass"
SLOTS = ("a", "b")


class OsKeychain:
    """The keychain of the operating system. See ``Store``. ``backend``: another than the platform's own, for tests."""

    name = NAME

    def __init__(self, here: LocalContext, backend: Backend | None = None) -> None:
        self._here = here
        self._backend = backend
        self.index_path = join(here, state_folder(here), "keychain.json")

    def get(self, key: str) -> Credential:
        """Return a login, ANONYMOUS if there is no login. Raises StoreError."""

        def work(backend: Backend) -> Credential:
            head = before = None
            while (head := _head(backend, key)) != before:  # a login that was replaced meanwhile is read again
                before = head
                if (text := _read(backend, key, head)) is not None:
                    return protocol.credential_of(protocol.decode_answer(text.encode()))
            if head is None:
                return ANONYMOUS
            raise _broken(key)

        return self._ask(work)

    def list(self) -> dict[str, str]:
        """Return user names by key. Raises StoreError, FileError."""
        self._ask(lambda backend: backend.get_password(SERVICE, "probe"))  # a locked one says so
        return _decode(self._here.read(self.index_path, files.SIZE_LIMIT))

    def store(self, key: str, credential: Credential) -> None:
        """Keep a login. Raises UsageError, StoreError, WriteError, FileError."""
        check(key, credential)
        answer = json.dumps(json.loads(protocol.encode_answer("", credential)))  # ASCII alone
        username = str(json.loads(answer)["Username"])

        def edit(content: FileContent | None) -> bytes:
            index = _decode(content)
            self._ask(lambda backend: _write(backend, key, answer))
            return _encode({**index, key: username})

        files.update(self.index_path, edit, owner=self._here.home_owner(self.index_path))

    def erase(self, key: str) -> bool:
        """Forget a key. Raises StoreError, WriteError, FileError."""
        found = False

        def edit(content: FileContent | None) -> bytes | None:
            nonlocal found
            index = _decode(content)
            found = self._ask(lambda backend: _delete(backend, key)) or found
            return _encode({name: user for name, user in index.items() if name != key}) if key in index else None

        files.update(self.index_path, edit, owner=self._here.home_owner(self.index_path))
        return found

    def _ask(self, work: Callable[[Backend], Result]) -> Result:
        with Wait(NAME):
            return within(
                TIMEOUT, lambda: self._translated(work), StoreMissing(NAME, f"no answer within {TIMEOUT:g} s")
            )

    def _translated(self, work: Callable[[Backend], Result]) -> Result:
        try:
            from keyring import errors
        except ImportError:
            hint = command_to_add("keyring")
            raise StoreMissing(NAME, "the Python library keyring is not installed", hint=hint) from None
        try:
            return work(self._backend or _platforms_own(self._here.platform))
        except errors.KeyringLocked as error:
            raise StoreLocked(
                NAME, f"locked: {printable(str(error))}", hint="unlock it, and allow Shorepass to use it"
            ) from None
        except (errors.NoKeyringError, errors.InitError) as error:
            raise StoreMissing(NAME, f"there is no keychain: {printable(str(error))}") from None
        except (errors.KeyringError, OSError) as error:
            raise StoreBroken(NAME, f"it fails: {printable(str(error))}") from None


def _platforms_own(platform: str) -> Backend:
    """Return the platform's own backend. A configured one is not used, because it may store plain text."""
    if platform == "darwin":
        from keyring.backends import macOS

        return macOS.Keyring()  # type: ignore[no-untyped-call]  # keyring types its functions only
    if platform == "windows":
        from keyring.backends import Windows

        return Windows.WinVaultKeyring()  # type: ignore[no-untyped-call]
    raise StoreMissing(NAME, f"no keychain is known on {platform}")


def _service(key: str) -> str:
    return f"{SERVICE} {key}"


def _head(backend: Backend, key: str) -> tuple[str, int] | None:
    text = backend.get_password(_service(key), "login")
    if text is None:
        return None
    slot, _, count = text.partition(" ")
    parts = whole(count)
    if slot not in SLOTS or parts is None:
        raise _broken(key)
    return slot, parts


def _write(backend: Backend, key: str, text: str) -> None:
    head = _head(backend, key)
    slot = SLOTS[1] if head and head[0] == SLOTS[0] else SLOTS[0]
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    for number, piece in enumerate(pieces):
        backend.set_password(_service(key), f"{slot}{number}", piece)
    backend.set_password(_service(key), "login", f"{slot} {len(pieces)}")
    _clear(backend, key, slot, len(pieces))
    _clear(backend, key, SLOTS[1 - SLOTS.index(slot)], 0)


def _delete(backend: Backend, key: str) -> bool:
    found = backend.get_password(_service(key), "login") is not None
    for slot in SLOTS:
        _clear(backend, key, slot, 0)
    if found:
        backend.delete_password(_service(key), "login")
    return found


def _clear(backend: Backend, key: str, slot: str, first: int) -> None:
    """Delete a slot's pieces from the last to ``first``: so a killed process leaves no gap."""
    last = first
    while backend.get_password(_service(key), f"{slot}{last}") is not None:
        last += 1
    for number in range(last - 1, first - 1, -1):
        backend.delete_password(_service(key), f"{slot}{number}")


def _read(backend: Backend, key: str, head: tuple[str, int] | None) -> str | None:
    """Return the JSON text of a login's pieces, None if they are incomplete."""
    slot, count = head or ("", 0)
    pieces = [backend.get_password(_service(key), f"{slot}{number}") for number in range(count)]
    text = "".join(piece or "" for piece in pieces)
    try:
        return text if isinstance(json.loads(text), dict) else None
    except ValueError:
        return None


def _broken(key: str) -> StoreBroken:
    return StoreBroken(NAME, f"{printable(key)!r} is incomplete", hint="log in again")


def _encode(index: dict[str, str]) -> bytes:
    return json.dumps({"version": 1, "logins": index}, indent=1).encode() + b"\n"


def _decode(content: FileContent | None) -> dict[str, str]:
    if content is None:
        return {}
    try:
        found = json.loads(content.data)
        if found["version"] != 1:
            raise ValueError
        return {str(key): str(username) for key, username in found["logins"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MalformedFile(content.path, "not the list of a keychain's logins", hint="move it away") from None
