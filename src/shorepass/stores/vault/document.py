"""The content of the vault: JSON like docker's ``config.json``, a line per login.

The logins do not depend on Shorepass: ``age --decrypt`` prints a config file that docker can read. Members that this version
does not know are kept. This module does no I/O.
"""

import json
from typing import Any, NamedTuple, Self

from shorepass.config.auth_entry import BadEntryError, read_docker_entry
from shorepass.credential import ANONYMOUS, Basic, Credential, IdentityToken
from shorepass.stores.vault.signature import MEMBER

__all__ = ["Document", "NotADocumentError", "decode", "encode"]

VERSION = 2  # 1: without a signature, as in Shorepass 0.1
KNOWN = (1, VERSION)
VERSION_KEY = "shorepassVault"


class NotADocumentError(ValueError):
    """The content is not a vault's. The message does not quote it."""


class Document(NamedTuple):
    """The logins of a vault.

    ``logins``: entries by config key. ``recipients``: the public keys to which it is encrypted. ``others``: members that this
    version does not know. ``version``: of the text that was read; Shorepass writes the newest version.
    """

    logins: dict[str, Any]
    recipients: tuple[str, ...]
    others: dict[str, Any] = {}  # noqa: RUF012  # it is never changed
    version: int = VERSION

    def __repr__(self) -> str:
        return f"Document({len(self.logins)} logins)"

    def get(self, key: str) -> Credential:
        """Return a login, ANONYMOUS if it does not exist. Raises NotADocumentError."""
        entry = self.logins.get(key)
        if entry is None:
            return ANONYMOUS
        members = entry.items() if isinstance(entry, dict) else (("auth", entry),)
        try:
            auth = read_docker_entry(members)
        except BadEntryError as error:
            raise NotADocumentError(str(error)) from None
        if auth.identity_token:
            return IdentityToken(auth.identity_token, auth.username)
        return Basic(auth.username, auth.password)

    def names(self) -> dict[str, str]:
        """Return user names by key; ``<token>`` for an identity token."""
        return {
            key: "<token>" if entry.get("identitytoken") else str(entry.get("username", ""))
            for key, entry in self.logins.items()
        }

    def with_login(self, key: str, credential: Credential) -> Self:
        """Return the document with a login added or replaced."""
        entry = {}
        if isinstance(credential, Basic):
            entry = {"username": credential.username, "password": credential.password.reveal()}
        elif isinstance(credential, IdentityToken):
            name = {"username": credential.username} if credential.username else {}
            entry = {**name, "identitytoken": credential.token.reveal()}
        return self._replace(logins={**self.logins, key: entry})

    def without(self, key: str) -> Self:
        """Return the document without a login."""
        return self._replace(logins={name: entry for name, entry in self.logins.items() if name != key})


def encode(document: Document) -> bytes:
    """Return the text without a signature, one login per line so that you can read it."""
    others = {VERSION_KEY: VERSION, "recipients": list(document.recipients), **document.others}
    lines = [f"\t{_json(name)}: {_json(value)}" for name, value in others.items()]
    logins = ",".join(f"\n\t\t{_json(key)}: {_json(entry)}" for key, entry in document.logins.items())
    return ("{\n" + ",\n".join([*lines, '\t"auths": {' + logins + "\n\t}"]) + "\n}\n").encode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def decode(text: bytes) -> Document:
    """Return the document. Raises NotADocumentError."""
    try:
        found = json.loads(text)
        version, recipients, logins = found.pop(VERSION_KEY), found.pop("recipients"), found.pop("auths")
        found.pop(MEMBER, None)
        good = isinstance(logins, dict) and all(isinstance(text, str) for text in recipients) and recipients
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise NotADocumentError("its content is not a vault's") from None
    if version not in KNOWN:
        raise NotADocumentError(f"this Shorepass does not know version {version!r} of the vault")
    if not good or not all(isinstance(entry, dict) for entry in logins.values()):
        raise NotADocumentError("its content is not a vault's")
    return Document(logins, tuple(recipients), found, version)
