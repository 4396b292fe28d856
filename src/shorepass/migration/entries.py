"""The plain-text login of an entry, and why it cannot move. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.accounts.keys import split
from shorepass.config import document
from shorepass.config.auth_entry import BadEntryError, decode_auth
from shorepass.config.go_json import field_name
from shorepass.contexts.command import operand
from shorepass.credential import ANONYMOUS, Anonymous, Basic, BearerToken, IdentityToken
from shorepass.errors import UsageError, without_user_info
from shorepass.foreign_text import quoted
from shorepass.stores import check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.clients.views import FileView
    from shorepass.config.docker_config import Members
    from shorepass.contexts import FileContent
    from shorepass.credential import Credential

__all__ = ["holds_secret", "movable", "repeated", "secret_members"]

SECRETS = ("auth", "password", "identitytoken", "registrytoken")
TAKEN_OUT = ("auth", "username", "password", "identitytoken")


def repeated(content: FileContent) -> set[str]:
    """Return the keys that are in ``auths`` more than once. Only the last one counts, but all have secrets."""
    found = document.load_pairs(content)
    seen: set[str] = set()
    twice: set[str] = set()
    for name, value in found if isinstance(found, tuple) else ():
        if field_name(name) == "auths" and isinstance(value, tuple):
            for key, _ in value:
                (twice if key in seen else seen).add(key)
    return twice


def secret_members(members: Members) -> list[str]:
    """Return the names of the members to remove from an entry that moves, as they are spelled."""
    return list(dict.fromkeys(name for name, _ in members if field_name(name) in TAKEN_OUT))


def holds_secret(members: Members) -> bool:
    """Tell whether there is anything secret in an entry."""
    return any(_secrets(members))


def _secrets(members: Members) -> Iterator[str]:
    """Yield every secret in an entry, also of members that another one of the same name overrides."""
    for name, value in members:
        field = field_name(name)
        if field in SECRETS and isinstance(value, str) and value:
            secret = _password(value) if field == "auth" else value
            if secret:
                yield secret


def _password(auth: str) -> str:
    """Return the password in an ``auth``; what cannot be decoded may be one."""
    try:
        return decode_auth(auth, nobody=True)[1]
    except BadEntryError:
        return auth


def movable(key: str, members: Members, readers: Sequence[FileView], logout: str, *, twice: bool) -> Credential | None:
    """Return the login of an entry, None if it has no secret. ``twice``: its key is there more than once.

    ``logout``: the command that removes a login from the file, without the key. Raises UsageError: why it cannot move.
    """
    found = set(_secrets(members))
    if not found:
        return None
    relogin = f"{logout} {' '.join(map(quoted, operand(without_user_info(key))))}, then log in again"
    if twice:
        raise UsageError("its key is there twice", hint=relogin)
    if without_user_info(key) != key:
        raise UsageError(
            "its key contains a user name or a password", hint="remove it from the file by hand, then log in again"
        )
    if split(key)[1]:
        raise UsageError("its key would be that of an account in the store")
    credential: Credential = ANONYMOUS
    for reader in reversed(readers):
        try:
            held = reader.credential(key)
        except BadEntryError as error:
            raise UsageError(f"the entry is broken: {error}", hint=relogin) from None
        credential = credential if isinstance(held, Anonymous) else held
    if isinstance(credential, BearerToken):
        raise UsageError("a registry token, which no helper can store")
    if not isinstance(credential, Basic | IdentityToken):
        raise UsageError("no client can read a login from it", hint=relogin)
    secret = credential.password if isinstance(credential, Basic) else credential.token
    if found != {secret.reveal()}:
        raise UsageError("it has more than one secret", hint=relogin)
    check(key, credential)
    return credential
