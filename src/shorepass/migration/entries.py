"""The login that an entry holds in plain text, and what keeps it from moving. Pure."""

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
    """Return the keys that stand in ``auths`` more than once: of those only the last counts, and all hold secrets."""
    found = document.load_pairs(content)
    seen: set[str] = set()
    twice: set[str] = set()
    for name, value in found if isinstance(found, tuple) else ():
        if field_name(name) == "auths" and isinstance(value, tuple):
            for key, _ in value:
                (twice if key in seen else seen).add(key)
    return twice


def secret_members(members: Members) -> list[str]:
    """Return the names of what is taken out of an entry that moves, as they are spelt there."""
    return list(dict.fromkeys(name for name, _ in members if field_name(name) in TAKEN_OUT))


def holds_secret(members: Members) -> bool:
    """Tell whether there is anything secret in an entry."""
    return any(_secrets(members))


def _secrets(members: Members) -> Iterator[str]:
    """Yield every secret that stands in an entry, also where another member of the same name counts."""
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
    """Return the login of an entry, None where there is no secret in it. ``twice``: its key stands there more than once.

    ``logout`` is the command that takes a login out of that file, without its key. Raises UsageError: it cannot move, and why.
    """
    found = set(_secrets(members))
    if not found:
        return None
    anew = f"{logout} {' '.join(map(quoted, operand(without_user_info(key))))}, then log in anew"
    if twice:
        raise UsageError("its key stands there twice", hint=anew)
    if without_user_info(key) != key:
        raise UsageError(
            "its key itself holds a user name or a password", hint="take it out of the file by hand, then log in anew"
        )
    if split(key)[1]:
        raise UsageError("its key would be that of an account in the store")
    credential: Credential = ANONYMOUS
    for reader in reversed(readers):
        try:
            held = reader.credential(key)
        except BadEntryError as error:
            raise UsageError(f"the entry is broken: {error}", hint=anew) from None
        credential = credential if isinstance(held, Anonymous) else held
    if isinstance(credential, BearerToken):
        raise UsageError("a registry token, which no helper keeps")
    if not isinstance(credential, Basic | IdentityToken):
        raise UsageError("no client takes a login from what stands there", hint=anew)
    secret = credential.password if isinstance(credential, Basic) else credential.token
    if found != {secret.reveal()}:
        raise UsageError("more than one secret stands in it", hint=anew)
    check(key, credential)
    return credential
