"""Finds who signed a server's certificate, for errors about unknown authorities."""

from __future__ import annotations

import ssl
import time

from shorepass.http.certificate_names import issuer_of
from shorepass.http.dial import dial

__all__ = ["issuer"]

SECONDS = 5.0  # at most, because this only adds to an error message


def issuer(host: str, port: int, deadline: float) -> str:
    """Return the issuer of the certificate of ``host``, ``""`` if that fails.

    It sends only a handshake. ``deadline``: by the monotonic clock, in seconds.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    try:
        with (
            dial(host, port, min(deadline, time.monotonic() + SECONDS)) as wire,
            tls.wrap_socket(wire, server_hostname=host) as secure,
        ):
            return issuer_of(secure.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return ""
