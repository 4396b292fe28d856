"""Signs the text of a vault, to prove that the holder of the private key wrote it.

The text ends with an HMAC-SHA256 under a secret that is computed from the private key. An age file alone does not prove who
wrote it: with a public key (an SSH key's is not secret) anyone can write a vault that the private key opens. This module does
no I/O.
"""

from __future__ import annotations

import hmac
import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    # Returns the HMAC of a text under a private key's secret.
    Mac: TypeAlias = Callable[[bytes], bytes]

__all__ = ["MEMBER", "is_signed", "mac", "secret_of", "sign"]

MEMBER = "mac"
LABEL = b"shorepass vault 2"  # separates this use of a private key from every other use
BEGIN = f',\n\t"{MEMBER}": "'.encode()
END = b"\n}\n"  # of the text to sign, and of the signed text
# Only what ``sign`` writes, because the HMAC does not cover members behind it.
SIGNATURES = rb'([0-9a-f]{64}(?: [0-9a-f]{64})*)"\n\}\n'


def secret_of(private_key: bytes) -> bytes:
    """Return the secret of a private key.

    ``private_key``: bytes that remain the same if the key's file is written again.
    """
    return hmac.digest(LABEL, private_key, "sha256")


def mac(secret: bytes, body: bytes) -> bytes:
    """Return the HMAC of a text under the secret of a private key."""
    return hmac.digest(secret, body, "sha256")


def sign(text: bytes, macs: Iterable[Mac]) -> bytes:
    """Return a vault's text with a last member that signs it with each of the keys."""
    body = text.removesuffix(END)
    signatures = [mac_of(body).hex().encode() for mac_of in macs]
    return body + BEGIN + b" ".join(signatures) + b'"' + END


def is_signed(text: bytes, macs: Iterable[Mac]) -> bool:
    """Tell whether the whole text of a vault is signed with one of the keys."""
    body, _, end = text.rpartition(BEGIN)
    found = re.fullmatch(SIGNATURES, end)
    if found is None:
        return False
    signatures = found[1].decode().split()
    expected = [mac_of(body).hex() for mac_of in macs]
    pairs = itertools.product(signatures, expected)
    return any(hmac.compare_digest(one, other) for one, other in pairs)
