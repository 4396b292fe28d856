"""Finds who signed a server's certificate and what it is for, for errors about certificates."""

from __future__ import annotations

import ssl
import time
from typing import NamedTuple

from shorepass.http.certificate_names import hosts_of, is_issued_by, issuer_of, names_issuer_address
from shorepass.http.dial import dial

__all__ = ["Signer", "hosts", "signer"]

SECONDS = 5.0  # at most, because this only adds to an error message


class Signer(NamedTuple):
    """Who signed the last certificate of a server's chain: ``name``, "" if that is unknown.

    ``is_alone``: the server sends its own certificate only, and another one signed that. ``has_address``: the certificate has
    the address of the signer's.
    """

    name: str = ""
    is_alone: bool = False
    has_address: bool = False


def signer(host: str, port: int, deadline: float) -> Signer:
    """Return who signed the last certificate that ``host`` sends, a Signer without a name if that fails.

    It sends only a handshake. ``deadline``: by the monotonic clock, in seconds.
    """
    chain = _chain(host, port, deadline)
    if not chain:
        return Signer()
    last, others = chain[0], chain[1:]
    while above := [one for one in others if is_issued_by(last, one) and one != last]:
        last = above[0]
        others.remove(last)
    is_alone = last == chain[0] and not is_issued_by(last, last)
    return Signer(issuer_of(last), is_alone, names_issuer_address(last))


def hosts(host: str, port: int, deadline: float) -> list[str] | None:
    """Return the hosts that the certificate of ``host`` is for; ``None`` if that fails."""
    chain = _chain(host, port, deadline)
    return hosts_of(chain[0]) if chain else None


def _chain(host: str, port: int, deadline: float) -> list[bytes]:
    """Return the certificates that ``host`` sends as DER, its own first; ``[]`` if that fails."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    try:
        with (
            dial(host, port, min(deadline, time.monotonic() + SECONDS)) as wire,
            tls.wrap_socket(wire, server_hostname=host) as secure,
        ):
            return _sent(secure)
    except (OSError, ValueError):
        return []


def _sent(secure: ssl.SSLSocket) -> list[bytes]:
    """Return the certificates of a connection. Before Python 3.13, its method for all of them has no public name."""
    named = getattr(secure, "get_unverified_chain", None)
    if named:
        return list(named())
    inner = getattr(getattr(secure, "_sslobj", None), "get_unverified_chain", None)
    own = secure.getpeercert(binary_form=True)
    if inner is None:
        return [own] if own else []
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner() or ()]
