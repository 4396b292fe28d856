"""Reads the numbers in an SSH private key without a passphrase: ed25519 and RSA.

Sources: PROTOCOL.key of OpenSSH; RFC 4253 section 6.6 (public halves); RFC 8017 appendix A.1.2 (RSA keys in PEM).
"""

from __future__ import annotations

import binascii

__all__ = ["MARK", "read"]

MARK = b"-----BEGIN OPENSSH PRIVATE KEY-----"
MAGIC = b"openssh-key-v1\0"
CHECKS = 8  # bytes: a random number twice, by which OpenSSH detects a wrong passphrase


def read(pem: bytes) -> tuple[str, bytes]:
    """Return the public key as in a ``.pub`` file, and bytes of the private key.

    The bytes are the same in every file of that key, whatever its format, its comment and its passphrase are.
    Raises ValueError: neither of the two types, or a passphrase protects it.
    """
    data = binascii.a2b_base64(b"".join(line for line in pem.splitlines() if not _is_no_base64(line)))
    try:
        return _openssh(data) if pem.startswith(MARK) else _rsa(*_der_numbers(data))
    except IndexError:
        raise ValueError("it ends too early") from None


def _is_no_base64(line: bytes) -> bool:
    """Tell whether a line is a mark (``-----BEGIN``) or a header of RFC 1421."""
    return line.startswith(b"-----") or b":" in line


def _openssh(data: bytes) -> tuple[str, bytes]:
    if not data.startswith(MAGIC):
        raise ValueError("not an OpenSSH key")
    cipher, rest = _string(data[len(MAGIC) :])
    for _ in ("key derivation", "its options"):
        _, rest = _string(rest)
    _, rest = _string(rest[4:])  # behind the number of keys: the public half
    private, _ = _string(rest)
    kind, rest = _string(private[CHECKS:])
    if cipher != b"none":
        raise ValueError("a passphrase protects it")
    if kind == b"ssh-ed25519":
        public, rest = _string(rest)
        pair, _ = _string(rest)
        return _line(kind, _packed(kind, public)), _packed(kind, pair[:32])
    if kind == b"ssh-rsa":
        modulus, rest = _string(rest)
        exponent, rest = _string(rest)
        private_exponent, _ = _string(rest)
        return _rsa(modulus, exponent, private_exponent)
    raise ValueError("neither ed25519 nor RSA")


def _rsa(modulus: bytes, exponent: bytes, private_exponent: bytes) -> tuple[str, bytes]:
    kind = b"ssh-rsa"
    return _line(kind, _packed(kind, exponent, modulus)), _packed(kind, modulus, private_exponent)


def _der_numbers(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return an RSA key's modulus and two exponents.

    They are the second to the fourth number of a sequence.
    """
    rest, numbers = _der(data, 0x30)[0], []
    for _ in range(4):
        number, rest = _der(rest, 0x02)
        numbers.append(number)
    return numbers[1], numbers[2], numbers[3]


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first DER value, and the bytes after it.

    The value must have this tag.
    """
    if data[0] != tag:
        raise ValueError("not an RSA key")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    return data[start : start + length], data[start + length :]


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Return the first string of the SSH protocol, and what is behind it."""
    end = 4 + int.from_bytes(data[:4])
    if len(data) < end:
        raise ValueError("it ends too early")
    return data[4:end], data[end:]


def _packed(*strings: bytes) -> bytes:
    return b"".join(len(string).to_bytes(4) + string for string in strings)


def _line(kind: bytes, blob: bytes) -> str:
    return f"{kind.decode()} {binascii.b2a_base64(blob, newline=False).decode()}"
