"""When a credential expires, if it has an expiry. Nothing is verified: this is a reading, not a judgement.

Two kinds have one: a JWT (RFC 7519, ``exp``), which identity tokens of Azure and passwords of GitLab jobs are, and the
password of Amazon ECR, base64 of a JSON object with ``expiration``.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from shorepass.bounded_json import loads
from shorepass.credential import Basic, BearerToken, IdentityToken

if TYPE_CHECKING:
    from shorepass.credential import Credential

__all__ = ["expires_at"]

TEXT_LIMIT = 64 * 1024  # characters that are decoded; ECR's passwords have some 2,500
LATEST = 253_402_300_800.0  # the year 10000 in seconds since 1970: a larger number is not a date


def expires_at(credential: Credential | None) -> float | None:
    """Return when a credential ends, in seconds since 1970; None if it does not say."""
    if isinstance(credential, Basic):
        text = credential.password.reveal()
    elif isinstance(credential, IdentityToken | BearerToken):
        text = credential.token.reveal()
    else:
        return None
    if len(text) > TEXT_LIMIT:
        return None
    parts = text.split(".")
    if len(parts) == 3:
        return _seconds(parts[1], "exp")
    return _seconds(text, "expiration") if len(parts) == 1 and text.startswith("eyJ") else None  # '{"' in base64


def _seconds(encoded: str, member: str) -> float | None:
    """Return a number in a base64 or base64url JSON object, None if there is no such number."""
    standard = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        found = loads(binascii.a2b_base64(standard + "=" * (-len(standard) % 4)))
    except ValueError:
        return None
    value = found.get(member) if isinstance(found, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < LATEST else None
