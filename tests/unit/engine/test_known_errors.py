"""What the sentences of docker's engine mean; each is one that a real engine printed, or that Go's source has."""

from __future__ import annotations

import pytest

from shorepass.engine.known_errors import Kind, address, kind_of

V2 = 'Get "https://registry.example/v2/": '


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (V2 + "x509: certificate signed by unknown authority", Kind.AUTHORITY),
        (V2 + "tls: failed to verify certificate: x509: certificate signed by unknown authority", Kind.AUTHORITY),
        (V2 + "x509: certificate has expired or is not yet valid", Kind.CERTIFICATE),
        (V2 + "tls: first record does not look like a TLS handshake", Kind.PLAIN),
        (V2 + "http: server gave HTTP response to HTTPS client", Kind.PLAIN),
        (V2 + "dial tcp 10.77.0.1:5443: connect: connection refused", Kind.NO_ROUTE),
        (V2 + "dial tcp 10.77.0.1:443: i/o timeout", Kind.NO_ROUTE),
        (V2 + "net/http: request canceled while waiting for connection (Client.Timeout exceeded)", Kind.NO_ROUTE),
        (V2 + "dial tcp: lookup registry.example on 10.0.0.1:53: no such host", Kind.NAME),
        (V2 + "dial tcp: lookup gitea on 10.0.0.1:53: server misbehaving", Kind.NAME),
        (V2 + "proxyconnect tcp: dial tcp 127.0.0.1:3128: connect: connection refused", Kind.PROXY),
        (V2 + "Forbidden", Kind.PROXY),  # a proxy's answer to CONNECT
        (V2 + "no basic auth credentials", Kind.NO_LOGIN),
        ("unauthorized: authentication required", Kind.REFUSED),
        ("login attempt to https://registry.example/v2/ failed with status: 401 Unauthorized", Kind.REFUSED),
        ("denied: requested access to the resource is denied", Kind.DENIED),
        ("toomanyrequests: You have reached your pull rate limit.", Kind.LIMIT),
        ("manifest unknown: manifest unknown", Kind.OK),
        ("unsupported manifest format", Kind.OTHER),
        (V2 + "dial tcp 10.4.1.40:40111: connect: connection refused", Kind.NO_ROUTE),  # a port is no status
    ],
)
def test_what_the_engine_says(words: str, kind: Kind) -> None:
    """Each sentence has one meaning, whatever status the engine answers with."""
    assert kind_of(500, words) is kind


def test_an_image_that_was_found() -> None:
    """With status 200 the words do not count."""
    assert kind_of(200, "unauthorized") is Kind.OK


@pytest.mark.parametrize(
    ("words", "url"),
    [
        (V2 + "EOF", "https://registry.example/v2/"),
        ("login attempt to https://registry.example/v2/ failed", "https://registry.example/v2/"),
        ("unauthorized: authentication required", ""),
    ],
)
def test_whose_request_failed(words: str, url: str) -> None:
    """The engine names the URL of the request that failed."""
    assert address(words) == url
