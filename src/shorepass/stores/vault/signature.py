"""Who wrote a vault: its text ends with an HMAC-SHA256 under a secret that only the holder of the private key can make.

An age file proves nothing about who made it: whoever knows the public half of a key (an SSH key's is no secret) can write a
vault that the private one opens. No I/O.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MEMBER", "is_signed", "secret_of", "sign"]

MEMBER = "mac"
LABEL = b"shorepass vault 2"  # keeps this use of a private key apart from every other one
BEGIN = f',\n\t"{MEMBER}": "'.encode()
END = b"\n}\n"  # of the text that is to be signed, and of the signed one
# Nothing but what ``sign`` puts there: members behind a good HMAC would be read, and are not under it.
SIGNATURES = re.compile(rb'([0-9a-f]{64}(?: [0-9a-f]{64})*)"\n\}\n')


def secret_of(private_key: bytes) -> bytes:
    """Return the secret that belongs to a private key, given as bytes that no rewrite of its file changes."""
    return hmac.digest(LABEL, private_key, "sha256")


def sign(text: bytes, secrets: Iterable[bytes]) -> bytes:
    """Return a vault's text with one more member at its end, signed under each of the secrets."""
    body = text.removesuffix(END)
    signatures = [hmac.digest(secret, body, "sha256").hex().encode() for secret in secrets]
    return body + BEGIN + b" ".join(signatures) + b'"' + END


def is_signed(text: bytes, secrets: Iterable[bytes]) -> bool:
    """Tell whether a vault's text was signed under one of the secrets, and holds nothing that was not."""
    body, _, end = text.rpartition(BEGIN)
    found = SIGNATURES.fullmatch(end)
    if found is None:
        return False
    signatures = found[1].decode().split()
    expected = [hmac.digest(secret, body, "sha256").hex() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in signatures for other in expected)
