"""Reads the certificates in a PEM file, as Go's ``AppendCertsFromPEM`` does."""

from __future__ import annotations

import binascii

__all__ = ["CERTIFICATES_LIMIT", "certificates"]

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
CERTIFICATES_LIMIT = 2000  # in one file; there are about 150 public authorities


def certificates(data: bytes) -> list[bytes]:
    """Return the certificates (DER) in a PEM file.

    Anything else in the file is ignored. Comments may be in any encoding.
    """
    found = []
    for part in data.split(BEGIN, CERTIFICATES_LIMIT)[1:]:
        text, end, _ = part.partition(END)
        if not end or b":" in text:  # incomplete; or with headers, which Go does not accept
            continue
        try:
            found.append(binascii.a2b_base64(text))
        except binascii.Error:
            continue
    return found
