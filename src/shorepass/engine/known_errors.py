"""What an engine's error texts mean. docker's engine passes on the words of Go's libraries.

Sources: moby registry/ and distribution/ (errors.go), Go's net, net/http and crypto/x509. The first row that fits counts.
"""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["Kind", "address", "kind_of"]


class Kind(Enum):
    """The meaning of an engine's answer."""

    OK = "accepted"
    REFUSED = "the login is refused"
    DENIED = "the login has no permission"
    NO_LOGIN = "the registry wants a login, and the engine had none for it"
    AUTHORITY = "unknown authority"
    CERTIFICATE = "another problem of the certificate"
    PLAIN = "plain http"
    PROXY = "the proxy fails"
    NAME = "the name cannot be resolved"
    NO_ROUTE = "no connection, or no answer"
    LIMIT = "too many requests"
    OTHER = "another error"
    NOT_ASKED = "the engine was not asked"


# The engine did not get the registry's answer.
UNREACHABLE = frozenset({Kind.AUTHORITY, Kind.CERTIFICATE, Kind.PLAIN, Kind.PROXY, Kind.NAME, Kind.NO_ROUTE})

_NO_ROUTE = (
    "connection refused|i/o timeout|Client.Timeout|deadline exceeded|handshake timeout|unreachable|no route to"
    "|connection reset|: EOF$|context canceled"
)
# Go's whole error for a proxy's answer to CONNECT is the status in words, behind the URL.
_REFUSED_BY_PROXY = '": (forbidden|bad gateway|service unavailable|gateway timeout|method not allowed)$'
_TABLE = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"toomanyrequests|too many requests|\b429\b", Kind.LIMIT),
        ("certificate signed by unknown authority|certificate is not trusted", Kind.AUTHORITY),
        ("x509:|tls: failed to verify|remote error: tls", Kind.CERTIFICATE),
        ("gave HTTP response to HTTPS client|first record does not look like a TLS", Kind.PLAIN),
        (f"proxyconnect|proxy authentication required|{_REFUSED_BY_PROXY}", Kind.PROXY),
        ("no such host|server misbehaving|name resolution|dial tcp: lookup", Kind.NAME),
        (_NO_ROUTE, Kind.NO_ROUTE),
        ("no basic auth credentials", Kind.NO_LOGIN),
        (r"^denied|\b403\b", Kind.DENIED),
        (r"unauthorized|incorrect username|\b401\b", Kind.REFUSED),
        ("manifest unknown|not found: manifest", Kind.OK),  # it may look for the image, and there is none
    )
)
_URL = re.compile(r"\b(?:Get|Head|Post|attempt to) \\?\"?(https?://[^\s\"\\]+)", re.IGNORECASE)


def kind_of(status: int, words: str) -> Kind:
    """Return what an answer means, by its HTTP status and the engine's words."""
    if status == 200:
        return Kind.OK
    return next((kind for pattern, kind in _TABLE if pattern.search(words)), Kind.OTHER)


def address(words: str) -> str:
    """Return the URL whose request failed, "" if the words do not name one. It is foreign text."""
    found = _URL.search(words)
    return found[1] if found else ""
