"""The private keys that can open the vault, as the ``age`` program accepts them.

A key is in an age identity file, also in one that a passphrase protects (itself an age file). Or it is an SSH key (ed25519,
RSA), with or without a passphrase. Source: age(1), ``--identity``.
"""

import binascii
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from shorepass.contexts import FileContent
from shorepass.errors import StoreBroken, StoreLocked, UsageError, WrongPassphrase, printable
from shorepass.stores.vault import ssh_private_key
from shorepass.stores.vault.signature import mac, secret_of

__all__ = [
    "NO_MATCH",
    "Ask",
    "Key",
    "PrivateKey",
    "decrypt",
    "generate",
    "keys_in",
    "needs_passphrase",
    "opened_file",
    "opens",
    "parse",
    "protect",
    "recipient_of",
]

Ask: TypeAlias = Callable[
    [str], str
]  # shows a prompt, and returns what was typed; raises StoreLocked without a terminal

NAME = "vault"
TYPE_AGAIN = "run it again and type the passphrase"
NO_MATCH = "No matching keys"  # in the age library's error
PEM = b"-----BEGIN "
PROTECTED = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")


class Key(Protocol):
    """A private key in this process or in the agent."""

    @property
    def recipient(self) -> str:
        """The public half."""

    def decrypt(self, data: bytes) -> bytes:
        """Return the text of an age file. Raises pyrage's DecryptError, StoreLocked."""

    def mac(self, body: bytes) -> bytes:
        """Return what signs a text with this key. Raises StoreLocked."""


class PrivateKey(NamedTuple):
    """A private key in this process. ``secret``: signs a vault."""

    identity: Any
    recipient: str
    secret: bytes

    def __repr__(self) -> str:
        return f"PrivateKey({self.recipient})"

    def decrypt(self, data: bytes) -> bytes:
        """Return the text of an age file. Raises pyrage's DecryptError."""
        from pyrage import decrypt

        return bytes(decrypt(data, [self.identity]))

    def mac(self, body: bytes) -> bytes:
        """Return what signs a text with this key."""
        return mac(self.secret, body)


def generate() -> tuple[Key, bytes]:
    """Return a new key, and the content of its identity file."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    key = _key(identity)
    return key, f"# public key: {key.recipient}\n{identity}\n".encode()


def _key(identity: Any) -> PrivateKey:
    return PrivateKey(identity, str(identity.to_public()), secret_of(str(identity).encode()))


def protect(identity_file: bytes, passphrase: str) -> bytes:
    """Return an identity file with a passphrase; reading it needs two seconds."""
    from pyrage import passphrase as scrypt

    return bytes(scrypt.encrypt(identity_file, passphrase))


def needs_passphrase(content: FileContent) -> bool:
    """Tell whether a key asks for a passphrase."""
    return content.data.startswith(PROTECTED) or _is_protected_ssh_key(content.data)


def _is_protected_ssh_key(data: bytes) -> bool:
    """Tell whether an SSH key is encrypted.

    Source: PROTOCOL.key of OpenSSH, RFC 1421 section 4.6.1.1.
    """
    if not data.startswith(ssh_private_key.MARK):
        return data.startswith(PEM) and b"ENCRYPTED" in data[:200]

    try:
        inside = binascii.a2b_base64(data[len(ssh_private_key.MARK) :].partition(b"-")[0])
    except ValueError:
        return False  # because it is not a key, and reading it raises that error
    return not inside.startswith(b"openssh-key-v1\0\0\0\0\4none")


def parse(content: FileContent, ask: Ask) -> list[Key]:
    """Return the keys in a file; ``ask`` is asked for its passphrase.

    Raises WrongPassphrase, StoreLocked, StoreBroken.
    """
    return keys_in(content.path, opened_file(content, ask))


def opened_file(content: FileContent, ask: Ask) -> bytes:
    """Return a key file's content without its passphrase; it is only in memory.

    Raises WrongPassphrase, StoreLocked.
    """
    from pyrage import DecryptError
    from pyrage import passphrase as scrypt

    data, path = content.data, content.path
    if data.startswith(PROTECTED):
        try:
            return bytes(scrypt.decrypt(data, ask(f"Passphrase of {path}: ")))
        except DecryptError as error:
            raise WrongPassphrase(
                NAME, f"{path}: wrong passphrase, or damaged ({printable(str(error))})", hint=TYPE_AGAIN
            ) from None
    return _opened(content, ask) if data.startswith(PEM) and _is_protected_ssh_key(data) else data


def keys_in(path: str, data: bytes) -> list[Key]:
    """Return the keys in the content of a key file that has no passphrase. Raises StoreLocked, StoreBroken."""
    if data.startswith(PEM):
        return [_ssh_key(path, data)]
    keys = [_native(path, line) for line in data.splitlines() if line.strip() and not line.startswith(b"#")]
    if not keys:
        raise StoreBroken(NAME, f"{path}: has no key", hint="restore it from a backup")
    return keys


def decrypt(data: bytes, keys: Sequence[Key]) -> bytes:
    """Return the text of an age file that one of the keys opens. Raises pyrage's DecryptError."""
    from pyrage import DecryptError

    for key in keys[:-1]:
        try:
            return key.decrypt(data)
        except DecryptError as error:
            if NO_MATCH not in str(error):
                raise
    return keys[-1].decrypt(data)


def _native(path: str, line: bytes) -> Key:
    from pyrage import IdentityError, x25519

    try:
        identity = x25519.Identity.from_str(line.decode("ascii", "replace").strip())
    except IdentityError:
        raise StoreBroken(
            NAME,
            f"{path}: neither an age identity (AGE-SECRET-KEY-1...) nor an SSH key",
            hint="restore it from a backup",
        ) from None
    return _key(identity)


def _ssh_key(path: str, data: bytes) -> Key:
    from pyrage import IdentityError, ssh

    try:
        identity = ssh.Identity.from_buffer(data)
        recipient, private = ssh_private_key.read(data)
        return PrivateKey(identity, recipient, secret_of(private))
    except (IdentityError, ValueError) as error:
        raise StoreLocked(
            NAME, f"{path}: {printable(str(error))}", hint="use an SSH key of type ed25519 or RSA"
        ) from None


def _opened(content: FileContent, ask: Ask) -> bytes:
    """Return an SSH key without its passphrase, because the age library needs that.

    It is only in memory.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise _without_library(content.path) from None
    load = (
        serialization.load_ssh_private_key
        if content.data.startswith(ssh_private_key.MARK)
        else serialization.load_pem_private_key
    )
    try:
        key = load(content.data, ask(f"Passphrase of {content.path}: ").encode())
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
    except UnsupportedAlgorithm as error:
        if "bcrypt" in str(error):
            raise _without_library(content.path) from None
        raise StoreLocked(NAME, f"{content.path}: {printable(str(error))}") from None
    except (ValueError, TypeError):
        raise WrongPassphrase(NAME, f"{content.path}: wrong passphrase, or damaged", hint=TYPE_AGAIN) from None


def _without_library(path: str) -> StoreLocked:
    from shorepass.contexts.own_installation import command_to_add  # only this error needs it

    return StoreLocked(
        NAME,
        f"{path}: a passphrase protects this SSH key, and the Python library cryptography that opens it is not installed",
        hint=command_to_add("cryptography[ssh]"),
    )


def recipient_of(text: str) -> Any:
    """Return the age library's object for a recipient.

    ``text``: ``age1...``, ``ssh-ed25519 ...`` or ``ssh-rsa ...``. Raises UsageError.
    """
    from pyrage import RecipientError, ssh, x25519

    try:
        return (ssh if text.startswith("ssh-") else x25519).Recipient.from_str(text)
    except RecipientError:
        raise UsageError(
            f"{printable(text, 60)!r} is not a recipient", hint="age1..., ssh-ed25519 ..., ssh-rsa ..."
        ) from None


def opens(keys: Sequence[Key], recipients: Sequence[str]) -> bool:
    """Tell whether the keys can open a file that is encrypted to the recipients."""
    from pyrage import DecryptError, encrypt

    try:
        decrypt(encrypt(b"", [recipient_of(text) for text in recipients]), keys)
    except DecryptError:
        return False
    return True
