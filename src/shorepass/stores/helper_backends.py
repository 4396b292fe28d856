"""The stores behind helpers (a keyring, pass), examined without a password prompt."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from shorepass.config.locations import join
from shorepass.errors import FileError
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["Bus", "bus", "is_initialised", "is_locked", "pass_folder"]

TIMEOUT = 2.0  # seconds: a keyring that must be started first takes 0.1
OUTPUT_LIMIT = 65536
# The collection in which helpers store (https://specifications.freedesktop.org/secret-service/latest/).
_SERVICE, _DEFAULT = "org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default"
_COLLECTION, _GET = "org.freedesktop.Secret.Collection", "org.freedesktop.DBus.Properties.Get"

# Programs that ask a bus for a property: one of them is on every desktop.
_QUESTIONS = (
    ("busctl", "--user", "get-property", _SERVICE, _DEFAULT, _COLLECTION, "Locked"),
    (
        "gdbus",
        "call",
        "--session",
        "--dest",
        _SERVICE,
        "--object-path",
        _DEFAULT,
        "--method",
        _GET,
        _COLLECTION,
        "Locked",
    ),
    (
        "dbus-send",
        "--session",
        "--print-reply",
        f"--dest={_SERVICE}",
        _DEFAULT,
        _GET,
        f"string:{_COLLECTION}",
        "string:Locked",
    ),
)


class Bus(Enum):
    """The state of the session bus, found without a call on it."""

    NONE = "none"
    NO_SOCKET = "no socket"
    PRESENT = "present"


def bus(context: Context) -> Bus:
    """Return the state of the session bus (dbus-daemon(1): the variable, else a socket in the runtime folder)."""
    address, runtime = context.getenv("DBUS_SESSION_BUS_ADDRESS"), context.getenv("XDG_RUNTIME_DIR")
    if address:
        path = address.removeprefix("unix:path=").partition(",")[0].partition(";")[0]
        return Bus.NO_SOCKET if path != address and not _is_there(context, path) else Bus.PRESENT
    return Bus.PRESENT if runtime and _is_there(context, join(context, runtime, "bus")) else Bus.NONE


def is_locked(context: Context) -> bool:
    """Tell whether the keyring that logins are stored in is locked; False also if that is unknown."""
    if bus(context) is not Bus.PRESENT:
        return False
    for program, *arguments in _QUESTIONS:
        path = context.which(program)
        if path is None:
            continue
        try:
            done = context.run([path, *arguments], b"", timeout=TIMEOUT, limit=OUTPUT_LIMIT)
        except ProcessError:
            return False
        if done.status == 0:
            return b"true" in done.stdout
    return False


def pass_folder(context: Context) -> str:
    """Return the folder in which pass has its store (pass(1))."""
    return context.getenv("PASSWORD_STORE_DIR") or join(context, context.home() or "", ".password-store")


def is_initialised(context: Context) -> bool:
    """Tell whether pass has a store: without one it lists nothing, and does not complain."""
    return _is_there(context, join(context, pass_folder(context), ".gpg-id"))


def _is_there(context: Context, path: str) -> bool:
    try:
        return context.status(path) is not None
    except FileError:
        return False
