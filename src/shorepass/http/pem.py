"""Certificates out of the text of a file, as Go's ``AppendCertsFromPEM`` takes them: what is no certificate is passed over."""

from __future__ import annotations

import binascii

__all__ = ["CERTIFICATES_LIMIT", "certificates"]

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
CERTIFICATES_LIMIT = 2000  # of one file; all public authorities are 150


def certificates(data: bytes) -> list[bytes]:
    """Return the certificates (DER) in a PEM file. Comments between them may be in any encoding."""
    found = []
    for part in data.split(BEGIN, CERTIFICATES_LIMIT)[1:]:
        text, end, _ = part.partition(END)
        if not end or b":" in text:  # cut short; or with headers, which Go does not take
            continue
        try:
            found.append(binascii.a2b_base64(text))
        except binascii.Error:
            continue
    return found
