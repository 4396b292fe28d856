"""What pass has in its folder, and whether gpg can open it, found without a question for a passphrase.

Sources: pass(1), gpg(1), GnuPG ``doc/DETAILS`` (the fields of ``--with-colons``).
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import join
from shorepass.errors import FileError, printable
from shorepass.processes import ProcessError
from shorepass.stores.helper_backends import pass_folder

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["GPG_OPTIONS", "KeyFault", "empty_folders", "key_fault"]

GPG_OPTIONS = "PASSWORD_STORE_GPG_OPTS"  # what pass gives gpg
HELPER_FOLDER = "docker-credential-helpers"
TIMEOUT, LIMIT = 5.0, 1024 * 1024
VALIDITY, CAPABILITIES, SECRET = 1, 11, 14  # fields of a key's line
TRUSTED = ("u", "f")  # ultimately, fully
ENDED = {"e": "has expired", "r": "was revoked"}


class KeyFault(NamedTuple):
    """Why gpg cannot use the key of pass, and the command that changes it."""

    cause: str
    fix: str


def empty_folders(context: Context) -> dict[str, str]:
    """Return the folders of registries without a login in them, by the server URL that they are for."""
    top = join(context, pass_folder(context), HELPER_FOLDER)
    found: dict[str, str] = {}
    try:
        for name in context.names(top):
            folder = join(context, top, name)
            if context.is_folder(folder) and not context.names(folder):
                found[_server(name)] = folder
    except FileError:
        return {}
    return found


def _server(name: str) -> str:
    """Return the server URL that a folder's name has in base64, or the name itself."""
    try:
        return printable(binascii.a2b_base64(name.replace("-", "+").replace("_", "/")).decode())
    except ValueError:
        return printable(name)


def key_fault(context: Context) -> KeyFault | None:
    """Return why gpg cannot use a key that pass encrypts with, None if it can or cannot be asked."""
    program = context.which("gpg2") or context.which("gpg")
    if program is None:
        return None
    for key in _keys(context):
        found = _fault(context, program, key)
        if found:
            return found
    return None


def _keys(context: Context) -> list[str]:
    """Return the keys in ``.gpg-id``: that of the helper's folder, or else that of the whole store."""
    top = pass_folder(context)
    for folder in (join(context, top, HELPER_FOLDER), top):
        try:
            content = context.read(join(context, folder, ".gpg-id"), LIMIT)
        except FileError:
            continue
        if content:
            lines = content.data.decode("utf-8", "replace").splitlines()
            return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]
    return []


def _fault(context: Context, program: str, key: str) -> KeyFault | None:
    words = [program, "--batch", "--with-colons", "--with-secret", "--list-keys", "--", key]
    try:
        done = context.run(words, b"", timeout=TIMEOUT, limit=LIMIT)
    except ProcessError:
        return None
    shown = printable(key)
    rows = [line.split(":") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    keys = [row for row in rows if row[0] in ("pub", "sub") and len(row) > SECRET]
    primary = [row for row in keys if row[0] == "pub"]
    fingerprint = next((row[9] for row in rows if row[0] == "fpr" and len(row) > 9), shown)
    if not primary:
        return KeyFault(
            f"gpg has no key {shown}, which pass encrypts with",
            "pass init KEYID, with a key that gpg --list-secret-keys shows",
        )
    if any("E" in row[CAPABILITIES] for row in primary):
        if not any(row[SECRET] == "+" or len(row[SECRET]) > 1 for row in keys):
            return KeyFault(
                f"gpg has no private key of {shown}, so it cannot decrypt", "gpg --import FILE, with the private key"
            )
        if not any(row[VALIDITY] in TRUSTED for row in primary) and not _trusts_all(context):
            return KeyFault(
                f"gpg does not trust the key {shown}, so pass cannot encrypt with it",
                f"echo {fingerprint}:6: | gpg --import-ownertrust",
            )
        return None
    ended = next((ENDED[row[VALIDITY]] for row in keys if row[VALIDITY] in ENDED), "cannot encrypt")
    return KeyFault(
        f"the gpg key {shown} {ended}, so pass can store no login",
        f"gpg --quick-set-expire {fingerprint} 2y && gpg --quick-set-expire {fingerprint} 2y '*'",
    )


def _trusts_all(context: Context) -> bool:
    """Return whether gpg's own file sets how it trusts keys."""
    home = context.getenv("GNUPGHOME") or join(context, context.home() or "", ".gnupg")
    try:
        content = context.read(join(context, home, "gpg.conf"), LIMIT)
    except FileError:
        return False
    return content is not None and b"trust-model" in content.data
