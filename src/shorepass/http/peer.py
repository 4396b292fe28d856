"""Finds who signed a server's certificate and what it is for, for errors about certificates."""

from __future__ import annotations

import ssl
import time

from shorepass.http.certificate_names import hosts_of, issuer_of
from shorepass.http.dial import dial

__all__ = ["hosts", "issuer"]

SECONDS = 5.0  # at most, because this only adds to an error message


def issuer(host: str, port: int, deadline: float) -> str:
    """Return the issuer of the certificate of ``host``, ``""`` if that fails.

    It sends only a handshake. ``deadline``: by the monotonic clock, in seconds.
    """
    return issuer_of(_certificate(host, port, deadline))


def hosts(host: str, port: int, deadline: float) -> list[str] | None:
    """Return the hosts that the certificate of ``host`` is for; ``None`` if that fails."""
    found = _certificate(host, port, deadline)
    return hosts_of(found) if found else None


def _certificate(host: str, port: int, deadline: float) -> bytes:
    """Return the certificate of ``host`` as DER, ``b""`` if that fails."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    try:
        with (
            dial(host, port, min(deadline, time.monotonic() + SECONDS)) as wire,
            tls.wrap_socket(wire, server_hostname=host) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""
    except (OSError, ValueError):
        return b""
