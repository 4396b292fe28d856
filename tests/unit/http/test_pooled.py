"""The transport for TLS and proxies, and the rules of when a proxy is taken."""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from shorepass.contexts.local import LocalContext
from shorepass.errors import FileError, MalformedFile, Unreachable, UsageError
from shorepass.http import Request, Transport, Url, parse_url, tls
from shorepass.http.ahead import Ahead
from shorepass.http.certificate_names import hosts_of, issuer_of
from shorepass.http.pooled import PooledTransport
from shorepass.http.proxy import proxy_for
from shorepass.registry.authorities import authorities
from shorepass.registry.certs_d import Certificates
from shorepass.testing import Failure, Registry
from unit.http.transport_contract import TransportContract

NOWHERE = LocalContext({})


class TestPooledTransport(TransportContract):
    """The contract, over urllib3."""

    @pytest.fixture
    def transport(self) -> Iterator[Transport]:
        transport = PooledTransport(NOWHERE, Certificates())
        yield transport
        transport.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Acme Root")


def server_side(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> Certificates:
    return Certificates("/certs.d/r", (("/certs.d/r/ca.crt", authority.cert_pem.bytes()),))


def secure(context: LocalContext, certificates: Certificates, *, verify: bool = True) -> PooledTransport:
    return PooledTransport(context, certificates, Ahead(partial(tls.trusting, certificates, verify=verify)))


def status(
    port: int, certificates: Certificates, *, host: str = "127.0.0.1", verify: bool = True, timeout: float = 5
) -> int:
    transport = secure(NOWHERE, certificates, verify=verify)
    try:
        return transport.send(Request("GET", Url("https", host, port, "/v2/")), limit=1000, timeout=timeout).status
    finally:
        transport.close()


def test_authority_of_the_folder(authority: trustme.CA) -> None:
    """A certificate of the folder's authority is accepted, by address and by name."""
    with Registry(tls=server_side(authority, "127.0.0.1", "localhost")) as registry:
        assert status(registry.port, trusting(authority)) == 200
        assert status(registry.port, trusting(authority), host="localhost") == 200


def test_unknown_authority(authority: trustme.CA) -> None:
    """The message names the issuer, the hint the folder where its certificate belongs."""
    with (
        Registry(tls=server_side(authority, "127.0.0.1")) as registry,
        pytest.raises(Unreachable, match=r"authority is unknown here \(issuer: Acme Root\)") as caught,
    ):
        status(registry.port, Certificates("/etc/docker/certs.d/r"))
    assert "/etc/docker/certs.d/r/ca.crt" in (caught.value.hint or "")
    assert registry.requests == []


@pytest.mark.parametrize(
    ("host", "names", "words"),
    [("127.0.0.1", "10.0.0.1", "another address"), ("localhost", "x.example", "another host name")],
)
def test_certificate_of_another_host(authority: trustme.CA, host: str, names: str, words: str) -> None:
    """A name that does not fit is said to be that, with the names that the certificate has."""
    with Registry(tls=server_side(authority, names)) as registry, pytest.raises(Unreachable, match=words) as caught:
        status(registry.port, trusting(authority), host=host)
    assert caught.value.reason.endswith(f": {names}")
    assert "use a name of the certificate" in (caught.value.hint or "")


def test_certificate_without_alternative_name(authority: trustme.CA) -> None:
    """The Common Name alone is not enough, as for clients written in Go."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(common_name="localhost").configure_cert(context)
    with Registry(tls=context) as registry, pytest.raises(Unreachable, match="no Subject Alternative Name"):
        status(registry.port, trusting(authority), host="localhost")


def test_expired_certificate(authority: trustme.CA) -> None:
    """An expired certificate is said to be that."""
    import datetime as dt

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(
        "127.0.0.1", not_before=dt.datetime(2019, 1, 1, tzinfo=dt.UTC), not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    ).configure_cert(context)
    with Registry(tls=context) as registry, pytest.raises(Unreachable, match="has expired"):
        status(registry.port, trusting(authority))


def test_without_verification(authority: trustme.CA) -> None:
    """``verify=False`` takes any certificate, without a warning on standard error."""
    with Registry(tls=server_side(authority, "x.example")) as registry:
        assert status(registry.port, Certificates(), verify=False) == 200


def test_client_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    """A server that asks for a certificate gets the folder's; without one the message says what is missing and where."""
    context = server_side(authority, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    mine = authority.issue_cert("client.example")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "client.cert")
    mine.private_key_pem.write_to_path(tmp_path / "client.key")
    with Registry(tls=context) as registry:
        pair = (str(tmp_path / "client.cert"), str(tmp_path / "client.key"))
        assert status(registry.port, trusting(authority)._replace(pair=pair)) == 200
        with pytest.raises(Unreachable, match=r"requires? another client certificate") as caught:
            status(registry.port, trusting(authority))
    assert "/certs.d/r" in (caught.value.hint or "")


def test_broken_certificates(authority: trustme.CA, tmp_path: Path) -> None:
    """A file that is no certificate, no key, or a locked key is an error that names it; nothing asks on the terminal."""
    with pytest.raises(MalformedFile, match=r"/x/ca\.crt"):
        status(
            1, Certificates("/x", (("/x/ca.crt", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),))
        )
    from cryptography.hazmat.primitives import serialization

    mine = authority.issue_cert("client.example")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "a.cert")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
    )
    (tmp_path / "a.key").write_bytes(locked)
    for name in ("a.key", "missing.key"):
        with pytest.raises(FileError, match=name):
            status(1, Certificates("/x", (), (str(tmp_path / "a.cert"), str(tmp_path / name))))


def test_plain_http_on_a_tls_port() -> None:
    """A server that answers TLS with plain text is said not to speak TLS."""
    with Registry() as registry, pytest.raises(Unreachable, match="does not speak TLS"):
        status(registry.port, Certificates())


def test_system_authorities_of_the_context(authority: trustme.CA, tmp_path: Path) -> None:
    """SSL_CERT_FILE of the context, not of this process, names the system's authorities."""
    authority.cert_pem.write_to_path(tmp_path / "bundle.pem")
    with Registry(tls=server_side(authority, "127.0.0.1")) as registry:
        context = LocalContext({"SSL_CERT_FILE": str(tmp_path / "bundle.pem")})
        transport = secure(context, Certificates(trusted=authorities(context)))
        url = Url("https", "127.0.0.1", registry.port, "/v2/")
        assert transport.send(Request("GET", url), limit=10, timeout=60).status == 200
        transport.close()


def test_handshake_that_never_ends() -> None:
    """A server that accepts and says nothing holds us no longer than the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Unreachable, match="no answer within"):
        status(listener.getsockname()[1], Certificates(), timeout=0.5)


def test_slow_body_over_tls(authority: trustme.CA) -> None:
    """The deadline holds inside TLS, too."""
    with Registry(tls=server_side(authority, "127.0.0.1")) as registry:
        registry.fail("/v2/", Failure(delay=20))
        with pytest.raises(Unreachable, match=r"no answer within 0\.5 seconds"):
            status(registry.port, trusting(authority), timeout=0.5)


def test_issuer_of_what_is_no_certificate() -> None:
    """Bytes that cannot be read have no issuer, and raise nothing."""
    for data in (b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x30\x01\x02", bytes(range(256))):
        assert issuer_of(data) == ""
        assert hosts_of(data) == []


# Proxies


def context_with(**environ: str) -> LocalContext:
    return LocalContext(environ)


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", "https://r.example.com/", False),
        ("*", "https://r.example.com/", True),
        ("example.com", "https://r.example.com/", True),
        ("example.com", "https://example.com/", True),
        (".example.com", "https://r.example.com/", True),
        (".example.com", "https://example.com/", False),
        ("*.example.com", "https://r.example.com/", True),
        ("ample.com", "https://example.com/", False),
        ("R.Example.COM", "https://r.example.com/", True),
        ("r.example.com:443", "https://r.example.com/", True),
        ("r.example.com:5000", "https://r.example.com/", False),
        ("r.example.com:5000", "https://r.example.com:5000/", True),
        ("a.org, r.example.com ,b.org", "https://r.example.com/", True),
        ("10.0.0.0/8", "https://10.9.8.7/", True),
        ("10.0.0.0/8", "https://11.9.8.7/", False),
        ("10.9.8.7", "https://10.9.8.7/", True),
        ("10.9.8.7:5000", "https://10.9.8.7/", False),
        ("fd00::/8", "https://[fd00::1]/", True),
        ("fd00::1", "https://[fd00::1]/", True),
        ("[fd00::1]:5000", "https://[fd00::1]:5000/", True),
        ("bogus/33", "https://r.example.com/", False),
        ("", "https://localhost/", True),
        ("", "https://127.9.9.9:5000/", True),
        ("", "https://[::1]/", True),
    ],
)
def test_no_proxy(no_proxy: str, url: str, *, direct: bool) -> None:
    """NO_PROXY as Go reads it: names with their subdomains, addresses, blocks, ports; loopback is always direct."""
    context = context_with(HTTPS_PROXY="http://proxy.example:3128", NO_PROXY=no_proxy)
    assert (proxy_for(parse_url(url), context) is None) is direct


def test_which_variable() -> None:
    """Each scheme has its variable, upper case first; an address without a scheme is an http proxy."""
    url, plain = parse_url("https://r.example/"), parse_url("http://r.example/")
    assert proxy_for(url, context_with(HTTP_PROXY="http://p:1")) is None
    assert str(proxy_for(plain, context_with(http_proxy="p.example:1")).url) == "http://p.example:1/"  # type: ignore[union-attr]
    both = context_with(HTTPS_PROXY="http://upper:1", https_proxy="http://lower:1")
    assert proxy_for(url, both).url.host == "upper"  # type: ignore[union-attr]


def test_httpoxy() -> None:
    """In a CGI program HTTP_PROXY may be the caller's header (CVE-2016-5385): it is refused, as Go does."""
    with pytest.raises(UsageError, match="CGI"):
        proxy_for(parse_url("http://r.example/"), context_with(HTTP_PROXY="http://p:1", REQUEST_METHOD="GET"))


@pytest.mark.parametrize(
    "text", ["socks5://u:c4n4ry@p:1", "http://u:c4n4ry@p:99999", "http://u:c4n4ry@/", "http://u:c4n4ry@p q"]
)
def test_a_proxy_that_cannot_be_used(text: str) -> None:
    """The message names the variable and never the password in it."""
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        proxy_for(parse_url("https://r.example/"), context_with(HTTPS_PROXY=text))
    assert "c4n4ry" not in caught.value.message


class Proxy(BaseHTTPRequestHandler):
    """A proxy that connects every name to one port of 127.0.0.1 and wants alice's password."""

    server: ProxyServer

    def do_CONNECT(self) -> None:
        if not self._let_in():
            return
        with socket.create_connection(("127.0.0.1", self.server.target)) as far:
            self.send_response(200)
            self.end_headers()
            while ready := select.select([self.connection, far], [], [], 5)[0]:
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    (far if one is self.connection else self.connection).sendall(data)

    def do_GET(self) -> None:
        if self._let_in():
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _let_in(self) -> bool:
        self.server.seen.append(f"{self.command} {self.path}")
        expected = "Basic " + base64.b64encode(b"alice:p@ss word").decode()
        if self.headers["Proxy-Authorization"] == expected:
            return True
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def log_message(self, *args: object) -> None: ...


class ProxyServer(ThreadingHTTPServer):
    target = 0
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.seen: list[str] = []


@pytest.fixture
def proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def through(proxy: ProxyServer, url: str, certificates: Certificates, userinfo: str = "alice:p%40ss%20word@") -> int:
    address = f"http://{userinfo}127.0.0.1:{proxy.server_port}"
    transport = secure(context_with(HTTPS_PROXY=address, HTTP_PROXY=address), certificates)
    try:
        return transport.send(Request("GET", parse_url(url)), limit=1000, timeout=60).status
    finally:
        transport.close()


def test_https_through_a_proxy(proxy: ProxyServer, authority: trustme.CA) -> None:
    """The proxy sees a name and a port, the registry's certificate is checked as ever."""
    with Registry(tls=server_side(authority, "r.example")) as registry:
        proxy.target = registry.port
        assert through(proxy, "https://r.example/v2/", trusting(authority)) == 200
        assert proxy.seen == ["CONNECT r.example:443"]
        assert [r.path for r in registry.requests] == ["/v2/"]
        with pytest.raises(Unreachable, match="another host name"):
            through(proxy, "https://other.example/v2/", trusting(authority))


def test_http_through_a_proxy(proxy: ProxyServer) -> None:
    """Plain http goes to the proxy with the whole URL."""
    assert through(proxy, "http://r.example:5000/v2/?x=y", Certificates()) == 200
    assert proxy.seen == ["GET http://r.example:5000/v2/?x=y"]


def test_proxy_that_wants_a_login(proxy: ProxyServer) -> None:
    """407 says that it is the proxy that asks, names it, and does not show its password."""
    with pytest.raises(Unreachable, match=r"the proxy asks for a login \(through the proxy 127\.0\.0\.1") as caught:
        through(proxy, "https://r.example/v2/", Certificates(), "alice:c4n4ry@")
    assert "c4n4ry" not in f"{caught.value}{caught.value.hint}"
    assert through(proxy, "http://r.example/v2/", Certificates(), "") == 407
