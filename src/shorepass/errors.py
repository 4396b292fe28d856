"""Every error that Shorepass raises on purpose, in one tree.

::

    ShorepassError                  has a message, an exit code and perhaps a hint (the fix)
    ├── UsageError                  the caller asked for something that cannot be      (exit 2)
    │   ├── InvalidReference
    │   └── UnknownWord             no context, store or finding has this name
    ├── SourceError                 a source of logins is broken                       (exit 3)
    │   ├── ContextError            a context that does not exist, or cannot be read
    │   ├── FileError               names path, owner and mode
    │   │   └── MalformedFile       the file can be read and is not what it must be
    │   ├── HelperError             a credential helper
    │   │   ├── HelperMissing
    │   │   ├── HelperTimeout
    │   │   └── HelperFailed        it ran, and failed or printed something else than the protocol says
    │   └── StoreError              a Shorepass store
    │       ├── StoreLocked         it exists, but its key or passphrase is missing
    │       │   └── WrongPassphrase the passphrase does not open its key
    │       ├── StoreMissing        it does not exist
    │       ├── StoreBroken         it exists, but is damaged
    │       └── StoreUntrusted      it exists, but another user may have written it
    ├── WriteError                  a file could not be changed; it is as it was       (exit 1)
    └── RegistryError               names the registry                                 (exit 1)
        ├── Unreachable             no answer: DNS, TCP, TLS, proxy
        │   ├── NoAnswer            none in time
        │   ├── EngineFails         the client's engine does not reach it
        │   ├── TokenServerFails    its token server does not answer
        │   ├── PlainHttp           TLS was wanted, and the server does not speak it
        │   └── UnknownAuthority    no authority that is known here signed its certificate
        ├── NotARegistry            an answer, but not that of a v2 registry
        │   ├── NoChallenge         it refuses a request and asks for no login, so no client sends one
        │   └── WrongTokenServer    the URL that the registry names is not that of a token server
        ├── NoSuchTag               the login may pull, but there is no such tag
        ├── StorageFails            the server that has the data of images does not give it
        ├── RealmRefused            the registry names a token server that is not trusted
        │   └── DeadRealm           and no one can use it
        ├── LoginRefused            wrong user name or password
        ├── PermissionDenied        authenticated, not authorised
        ├── LoginInTheWay           anonymous pulls work, but this login fails
        ├── RateLimited
        └── ClockDiffers            the clocks of two machines differ

Absence is never an error: a missing file, a missing entry, and "credentials not found" are values. The text of an error
has no secret and is safe to print: see ``foreign_text``. Its other members (``path``, ``name``) are unchanged data.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from shorepass.foreign_text import printable, visible, without_user_info

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ClockDiffers",
    "ContextError",
    "DeadRealm",
    "EngineFails",
    "FileError",
    "HelperError",
    "HelperFailed",
    "HelperMissing",
    "HelperTimeout",
    "InvalidReference",
    "LoginInTheWay",
    "LoginRefused",
    "MalformedFile",
    "NoAnswer",
    "NoChallenge",
    "NoSuchTag",
    "NotARegistry",
    "PermissionDenied",
    "PlainHttp",
    "RateLimited",
    "RealmRefused",
    "RegistryError",
    "ShorepassError",
    "SourceError",
    "StorageFails",
    "StoreBroken",
    "StoreError",
    "StoreLocked",
    "StoreMissing",
    "StoreUntrusted",
    "TokenServerFails",
    "UnknownAuthority",
    "UnknownWord",
    "Unreachable",
    "UsageError",
    "WriteError",
    "WrongPassphrase",
    "WrongTokenServer",
    "printable",
    "trouble_in",
    "without_user_info",
]


class ShorepassError(Exception):
    """The root. ``message``: lower case, no full stop, safe to print. ``hint``: the command that fixes it, or None."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = visible(message)
        self.hint = hint if hint is None else visible(hint)
        super().__init__(self.message)


class UsageError(ShorepassError):
    """The caller asked for something that cannot be."""

    exit_code = 2


class InvalidReference(UsageError):
    """``text`` is neither an image reference nor a registry."""

    def __init__(self, text: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"invalid reference {printable(without_user_info(text))!r}: {reason}", hint=hint)
        self.text = text
        self.reason = reason


class UnknownWord(UsageError):
    """``text`` begins with ``word``, which is not one of the ``known`` words."""

    def __init__(
        self, reason: str, text: str, known: Iterable[str], *, word: str = "", hint: str | None = None
    ) -> None:
        super().__init__(reason, hint=hint)
        self.text = text
        self.word = word or text
        self.known = tuple(known)


class SourceError(ShorepassError):
    """A source of logins is broken. This is never the same as "not logged in"."""

    exit_code = 3


class ContextError(SourceError):
    """The context ``name`` (``docker:web``) does not exist, cannot be reached, or may not be looked into."""

    def __init__(self, name: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{name}: {reason}", hint=hint)
        self.name = name
        self.reason = reason


def trouble_in(name: str, error: Exception) -> ContextError:
    """Return any exception as a ContextError of the context in which it was raised.

    The data of a context is not trusted. Whatever error it causes, the other contexts must still be shown.
    """
    if isinstance(error, ContextError):
        return ContextError(name, error.message.removeprefix(f"{name}: "), hint=error.hint)
    if isinstance(error, ShorepassError):
        return ContextError(name, error.message, hint=error.hint)
    return ContextError(name, f"its data makes Shorepass fail ({type(error).__name__})")


class FileError(SourceError):
    """A file cannot be used. ``owner`` (``name(uid)``) and ``mode`` (``0600``) are None where unknown."""

    def __init__(
        self, path: str, reason: str, *, owner: str | None = None, mode: str | None = None, hint: str | None = None
    ) -> None:
        named = {"owner": owner, "mode": mode}
        facts = [f"{name} {value}" for name, value in named.items() if value is not None]
        where = f"{path} ({', '.join(facts)})" if facts else path
        super().__init__(f"{where}: {reason}", hint=hint)
        self.path = path
        self.reason = reason
        self.owner = owner
        self.mode = mode


class MalformedFile(FileError):
    """The file can be read but is malformed: not JSON, wrong types, bad base64, too large."""


class Trouble(Enum):
    """Why a helper that runs fails, as far as its output shows."""

    GARBAGE = "its output does not follow the protocol"
    NO_STORE = "its store has never been made"
    NO_KEYRING = "no session bus, or no keyring on it"
    LOCKED = "its keyring is locked"
    STOPPED = "the program that it belongs to is not running"
    GPG = "gpg cannot decrypt or encrypt"
    EMPTY_FOLDER = "its store has an empty folder"


class HelperError(SourceError):
    """``program`` (``docker-credential-NAME``) could not do ``verb``. ``trouble`` is None if its output does not show it.

    ``reason``: what was seen. ``cause``: what it means, "" if that is unknown. ``printed``: the lines of its output that are
    safe to show. ``fits_elsewhere``: another store can keep the login.
    """

    def __init__(
        self,
        program: str,
        verb: str,
        reason: str,
        *,
        hint: str | None = None,
        trouble: Trouble | None = None,
        cause: str = "",
        printed: tuple[str, ...] = (),
        fits_elsewhere: bool = False,
    ) -> None:
        self.said = f"{reason} ({cause})" if cause else reason
        super().__init__(f"{program} {verb}: {self.said}", hint=hint)
        self.trouble = trouble
        self.cause = cause
        self.printed = printed
        self.fits_elsewhere = fits_elsewhere
        self.program = program
        self.verb = verb
        self.reason = reason


class HelperMissing(HelperError):
    """No such program on this context's PATH, or it cannot be executed."""


class HelperTimeout(HelperError):
    """It did not answer in time and was ended."""


class HelperFailed(HelperError):
    """It ran, and failed or printed something else than the protocol says."""


class StoreError(SourceError):
    """The store ``name`` (``vault``, ``keychain``) cannot be used: this is never the same as "not found"."""

    def __init__(self, name: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{name}: {reason}", hint=hint)
        self.name = name
        self.reason = reason


class StoreLocked(StoreError):
    """It exists, but a key, a passphrase or an unlocked keyring is missing."""


class WrongPassphrase(StoreLocked):
    """The passphrase does not open the key, or the key's file is damaged: the two look the same."""


class StoreMissing(StoreError):
    """It does not exist: it was never made, or there is no such service."""


class StoreBroken(StoreError):
    """It exists, but is damaged or gives wrong answers."""


class StoreUntrusted(StoreError):
    """It can be opened, but another user may have written it, so nothing in it is used."""


class WriteError(ShorepassError):
    """``path`` could not be changed, and is as it was."""

    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path}: {reason}", hint=hint)
        self.path = path
        self.reason = reason


class RegistryError(ShorepassError):
    """``registry`` (``host[:port]``) did not do what was asked."""

    def __init__(self, registry: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{registry}: {reason}", hint=hint)
        self.registry = registry
        self.reason = reason


class Unreachable(RegistryError):
    """No answer: name resolution, connection, TLS or proxy."""


class NoAnswer(Unreachable):
    """No answer in time. ``who``: the start of the message; ``through``: the words about a proxy, or ""."""

    def __init__(
        self, registry: str, seconds: float, *, who: str = "no answer", through: str = "", hint: str | None = None
    ) -> None:
        super().__init__(registry, f"{who} within {_in_seconds(seconds)}{through}", hint=hint)
        self.who = who
        self.through = through

    def after(self, seconds: float) -> NoAnswer:
        """Return the same error for a longer wait that ended with this one."""
        return NoAnswer(self.registry, seconds, who=self.who, through=self.through, hint=self.hint)


def _in_seconds(seconds: float) -> str:
    text = f"{round(seconds, 1):g}"
    return f"{text} second" if text == "1" else f"{text} seconds"


class EngineFails(Unreachable):
    """The engine that pulls for the client does not reach it, whether this machine does or not."""


class TokenServerFails(Unreachable):
    """The registry answers, but its token server (``realm``, a URL) does not. ``setting``: what is to be corrected."""

    def __init__(self, registry: str, realm: str, reason: str, *, setting: str, hint: str | None = None) -> None:
        super().__init__(registry, f"its token server {printable(realm)} fails: {reason}", hint=hint)
        self.realm = realm
        self.setting = setting


class PlainHttp(Unreachable):
    """TLS was wanted, but the server does not speak it. Plain http may be tried if that is allowed."""


class UnknownAuthority(Unreachable):
    """No known authority signed the certificate. ``folder``: where to install the authority, or "".

    ``issuer``: who signed the last certificate that the server sends, or "". ``is_alone``: it sends only its own.
    ``has_address``: that certificate has the address of the issuer's.
    """

    def __init__(
        self,
        registry: str,
        reason: str,
        *,
        issuer: str = "",
        is_alone: bool = False,
        has_address: bool = False,
        folder: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(registry, reason, hint=hint)
        self.issuer = issuer
        self.is_alone = is_alone
        self.has_address = has_address
        self.folder = folder


class NotARegistry(RegistryError):
    """An answer, but not that of a v2 registry or of its token server."""


class NoChallenge(NotARegistry):
    """It refuses a request and does not ask for a login in a way that clients know: so no client sends one."""


class NoSuchTag(RegistryError):
    """The login may pull, but the repository has no such tag or digest."""


class StorageFails(RegistryError):
    """The registry gives the manifest, but the server that has the data of the image does not give that."""


class WrongTokenServer(NotARegistry):
    """The URL that the registry names (``realm``) does not answer as a token server. ``setting``: as in TokenServerFails."""

    def __init__(self, registry: str, realm: str, reason: str, *, setting: str, hint: str | None = None) -> None:
        super().__init__(registry, f"{reason}, at {printable(realm)}", hint=hint)
        self.realm = realm
        self.setting = setting


class RealmRefused(RegistryError):
    """The registry names a token server (``realm``) that is not trusted; nothing was sent there."""

    def __init__(self, registry: str, realm: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(registry, f"token server {printable(realm)} refused: {reason}", hint=hint)
        self.realm = realm


class DeadRealm(RealmRefused):
    """A foreign token server that no client can reach: the registry is misconfigured. ``setting``: as in TokenServerFails."""

    def __init__(self, registry: str, realm: str, reason: str, *, setting: str, hint: str | None = None) -> None:
        said = f"it names the token server {printable(realm)}, which no client reaches: {reason}"
        RegistryError.__init__(self, registry, said, hint=hint)
        self.realm = realm
        self.setting = setting


class LoginRefused(RegistryError):
    """The user name or the password is wrong.

    ``has_htpasswd``: the registry compares them with a file of its own. ``password``: what it wants as the password, or "".
    """

    def __init__(
        self, registry: str, reason: str, *, has_htpasswd: bool = False, password: str = "", hint: str | None = None
    ) -> None:
        super().__init__(registry, reason, hint=password or hint)
        self.has_htpasswd = has_htpasswd and not password
        self.password = password


class PermissionDenied(RegistryError):
    """The login is valid but has no permission. ``granted``: its actions, None if unknown; ``missing``: the others."""

    def __init__(
        self,
        registry: str,
        reason: str,
        *,
        granted: tuple[str, ...] | None = None,
        missing: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(registry, reason, hint=hint)
        self.granted = granted
        self.missing = missing


class LoginInTheWay(RegistryError):
    """Anonymous pulls work for the repository, but this login fails."""


class RateLimited(RegistryError):
    """Too many requests."""


class ClockDiffers(RegistryError):
    """Two clocks differ by ``seconds``, which is positive if the first one named is ahead."""

    def __init__(self, registry: str, reason: str, *, seconds: float, hint: str | None = None) -> None:
        super().__init__(registry, reason, hint=hint)
        self.seconds = seconds
