"""A secret that cannot be printed, logged, formatted or pickled by accident.

The one way out is :meth:`Secret.reveal`; grep for it to see every place where a secret leaves.
"""

from __future__ import annotations

import binascii
import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

__all__ = ["Fingerprints", "Secret", "repeats"]

PIECE = 12  # characters of a secret in somebody else's text that are taken for the secret itself
SHORTEST = 3  # characters: a shorter secret is in every text


class Secret:
    """Text that must not be shown. Equal to another Secret of the same text; false when empty."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. The caller answers for where it goes."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret(...)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")


class Fingerprints:
    """Marks by which the secrets in one report can be told apart, without a word about any of them.

    The key is made for this report and kept nowhere, so a fingerprint tests no guess and means nothing in another report.
    """

    __slots__ = ("_key",)

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def of(self, secret: Secret) -> str:
        """Return 8 hex digits of an HMAC-SHA-256: the same for equal secrets."""
        import hmac  # the credential helper shows no fingerprint

        return hmac.digest(self._key, secret.reveal().encode("utf-8", "surrogateescape"), "sha256").hex()[:8]


def repeats(text: str, secret: str) -> bool:
    """Tell whether somebody else's text holds a secret or a good piece of it, in any of the usual ways to write it down.

    As it is, as JSON, percent-encoded, in hex, and in base64, alone or inside something longer.
    """
    text = text.lower()
    for form in map(str.lower, _forms(secret)):
        size = min(len(form), PIECE)
        if size >= SHORTEST and any(text[at : at + size] in form for at in range(len(text) - size + 1)):
            return True
    return False


def _forms(secret: str) -> Iterator[str]:

    data = secret.encode("utf-8", "surrogateescape")
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield "".join(
        chr(byte) if byte < 128 and (chr(byte).isalnum() or byte in b"-._~") else f"%{byte:02X}" for byte in data
    )
    yield data.hex()
    for before in range(3):  # bytes of something else that share the first characters with it
        encoded = binascii.b2a_base64(bytes(before) + data, newline=False).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
