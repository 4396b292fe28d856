"""What opens the vault: a private key, in one of the kinds that the ``age`` program takes as ``--identity``.

An age identity file, one that a passphrase protects (itself an age file), or an SSH key (ed25519, RSA). Source: age(1).
"""

from __future__ import annotations

from shorepass.errors import StoreBroken, StoreLocked, UsageError, printable
from shorepass.shapes import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from shorepass.contexts import FileContent

    Ask: TypeAlias = Callable[
        [str], str
    ]  # takes a prompt, returns what was typed; raises StoreLocked without a terminal

__all__ = ["Ask", "Key", "generate", "needs_passphrase", "opens", "parse", "protect", "recipient_of"]

NAME = "vault"
PROTECTED = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")


class Key(NamedTuple):
    """A private key. ``recipient`` is its public half; empty where the private one does not tell (SSH)."""

    identity: Any
    recipient: str = ""

    def __repr__(self) -> str:
        return f"Key({self.recipient or 'ssh'})"


def generate() -> tuple[Key, bytes]:
    """Return a new key, and the identity file to write it to."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    key = Key(identity, str(identity.to_public()))
    return key, f"# public key: {key.recipient}\n{identity}\n".encode()


def protect(identity_file: bytes, passphrase: str) -> bytes:
    """Return an identity file that takes a passphrase, and two seconds of work, to read."""
    from pyrage import passphrase as scrypt

    return bytes(scrypt.encrypt(identity_file, passphrase))


def needs_passphrase(content: FileContent) -> bool:
    """Tell whether an identity file asks for a passphrase."""
    return content.data.startswith(PROTECTED)


def parse(content: FileContent, ask: Ask) -> list[Key]:
    """Return the keys in a file; ``ask`` is asked for its passphrase. Raises StoreLocked, StoreBroken."""
    from pyrage import DecryptError, IdentityError, ssh
    from pyrage import passphrase as scrypt

    data, path = content.data, content.path
    if needs_passphrase(content):
        try:
            data = scrypt.decrypt(data, ask(f"Passphrase of {path}: "))
        except DecryptError as error:
            raise StoreLocked(NAME, f"{path}: wrong passphrase, or no longer whole ({printable(str(error))})") from None
    elif data.startswith(b"-----BEGIN "):
        try:
            return [Key(ssh.Identity.from_buffer(data))]
        except IdentityError as error:
            raise _unusable_ssh_key(path, str(error)) from None
    keys = [_native(path, line) for line in data.splitlines() if line.strip() and not line.startswith(b"#")]
    if not keys:
        raise StoreBroken(NAME, f"{path}: no key in it", hint="bring it back from a backup")
    return keys


def _native(path: str, line: bytes) -> Key:
    from pyrage import IdentityError, x25519

    try:
        identity = x25519.Identity.from_str(line.decode("ascii", "replace").strip())
    except IdentityError:
        raise StoreBroken(
            NAME,
            f"{path}: neither an age identity (AGE-SECRET-KEY-1...) nor an SSH key",
            hint="bring it back from a backup",
        ) from None
    return Key(identity, str(identity.to_public()))


def _unusable_ssh_key(path: str, said: str) -> StoreLocked:
    if "decrypted" in said or "Encrypted" in said:
        return StoreLocked(
            NAME,
            f"{path}: a passphrase protects this SSH key, and it cannot be asked for",
            hint="take a key without one, or: shorepass vault init --passphrase",
        )
    return StoreLocked(NAME, f"{path}: {printable(said)}", hint="take an SSH key of type ed25519 or RSA")


def recipient_of(text: str) -> Any:
    """Return what to encrypt to: ``age1...``, ``ssh-ed25519 ...`` or ``ssh-rsa ...``. Raises UsageError."""
    from pyrage import RecipientError, ssh, x25519

    try:
        return (ssh if text.startswith("ssh-") else x25519).Recipient.from_str(text)
    except RecipientError:
        raise UsageError(
            f"{printable(text, 60)!r} is no recipient", hint="age1..., ssh-ed25519 ..., ssh-rsa ..."
        ) from None


def opens(keys: Sequence[Key], recipients: Sequence[str]) -> bool:
    """Tell whether what is encrypted to the recipients can be opened with the keys."""
    from pyrage import DecryptError, decrypt, encrypt

    try:
        decrypt(encrypt(b"", [recipient_of(text) for text in recipients]), [key.identity for key in keys])
    except DecryptError:
        return False
    return True
