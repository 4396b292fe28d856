"""A secret that cannot be printed, logged, formatted or pickled by accident.

Only :meth:`Secret.reveal` returns its text; search for it to find all code that reads a secret.
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

PIECE = 12  # characters of a secret that count as the secret itself
SHORTEST = 3  # characters: a shorter secret is in every text


class Secret:
    """Text that must not be shown.

    It equals another Secret of the same text, and is false if it is empty.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. The caller must not show or log it."""
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
    """Fingerprints that compare the secrets in one report, and show nothing of them.

    The key is new for each report and is not stored. So a fingerprint cannot test a guess, and means nothing in another report.
    """

    __slots__ = ("_key",)

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def of(self, secret: Secret) -> str:
        """Return 8 hex digits of an HMAC-SHA-256: the same for equal secrets."""
        import hmac  # late, because the credential helper shows no fingerprint

        return hmac.digest(self._key, secret.reveal().encode("utf-8", "surrogateescape"), "sha256").hex()[:8]


def repeats(text: str, secret: str) -> bool:
    """Tell whether a foreign text has a secret, or a long piece of it.

    The secret may be as it is, as JSON, percent-encoded, in hex, or in base64, alone or in a longer text.
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
    yield "".join(map(_percent_encoded, data))
    yield data.hex()
    for before in range(3):  # other bytes, which share the first base64 characters with it
        encoded = binascii.b2a_base64(bytes(before) + data, newline=False).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def _percent_encoded(byte: int) -> str:
    is_plain = byte < 128 and (chr(byte).isalnum() or byte in b"-._~")
    return chr(byte) if is_plain else f"%{byte:02X}"
