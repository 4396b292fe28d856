"""HTTP to registries and token servers, with TLS and proxies, by urllib3.

Redirects, retries, cookies and decompression are off. Trusted certificates are the system's and those of the host's certs.d
folder (``http.tls``). Plain http to a name of this machine connects only to this machine.
"""

from __future__ import annotations

import binascii
import contextlib
import socket
import ssl
import threading
import time
from http.client import RemoteDisconnected
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from shorepass.errors import NoAnswer, Unreachable, printable
from shorepass.http import DEFAULT_PORTS, Response, header_lines, tls
from shorepass.http.ahead import Ahead
from shorepass.http.bounded_answer import BoundedAnswer, read_body
from shorepass.http.dial import NameServerTimeoutError, dial, hint_about
from shorepass.http.proxy import proxy_for
from shorepass.names import is_loopback

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.http import Request, Url
    from shorepass.http.proxy import Proxy
    from shorepass.registry.certs_d import Certificates

__all__ = ["PooledTransport"]


class PooledTransport:
    """Connections to one host.

    ``certificates``: those for the host. ``trusting``: the authorities that are asked about the server's certificate; None: it
    speaks plain http. ``wire``: the first connection, if it is being made; without a proxy only.
    """

    def __init__(
        self,
        context: Context,
        certificates: Certificates,
        trusting: Ahead[ssl.SSLContext] | None = None,
        wire: Ahead[socket.socket] | None = None,
    ) -> None:
        self._context = context
        self._certificates = certificates
        self._trusting = trusting
        self._pools: urllib3.PoolManager | None = None
        self._proxy: Proxy | None = None
        self._line = _Line(wire)

    def close(self) -> None:
        """Close all connections."""
        self._line.close_first()
        if self._pools is not None:
            self._pools.clear()
            self._pools = None

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:
        """Send over TLS, through a proxy, or both.

        Raises Unreachable, FileError (certificates), UsageError (proxy).
        """
        headers = dict(header_lines(request))
        if self._pools is None:
            self._line.is_local = request.url.scheme == "http" and is_loopback(request.url.authority)
            self._proxy = None if self._line.is_local else proxy_for(request.url, self._context)
            self._pools = self._open()
        deadline = self._line.deadline = time.monotonic() + timeout
        self._line.limit = limit
        expired = threading.Event()
        timer = threading.Timer(timeout, self._cut, (expired,))
        timer.daemon = True
        timer.start()
        try:
            return self._exchange(self._pools, request, headers, limit, timeout)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, OverflowError) as error:
            self.close()
            root = _root(error)
            trouble = self._unreachable(request.url, root, timeout, deadline, is_late=expired.is_set())
        finally:
            timer.cancel()
        # Other errors quote the server, and the server may quote the credential.
        raise trouble from (root if isinstance(root, OSError) else None)

    def _exchange(
        self, pools: urllib3.PoolManager, request: Request, headers: dict[str, str], limit: int, timeout: float
    ) -> Response:
        url = request.url
        target = url.target
        if self._proxy is not None and url.scheme == "http":
            target = str(url)
            headers.update(_proxy_headers(self._proxy))
        raw = pools.connection_from_host(url.host, url.port, url.scheme).urlopen(
            request.method,
            target,
            body=request.body or None,
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,  # because for plain http the pool's host is the proxy's
            timeout=urllib3.Timeout(connect=timeout, read=timeout),
            preload_content=False,
            decode_content=False,
        )
        whole = False
        try:
            body = read_body(raw.read, limit)
            whole = len(body) <= limit
            lines = tuple((str(name), str(value)) for name, value in raw.headers.iteritems())
            return Response(raw.status, lines, body[:limit], url, truncated=not whole)
        finally:
            if whole:
                raw.release_conn()
            else:
                raw.close()  # because the rest of the body would be read as the next answer

    def _cut(self, expired: threading.Event) -> None:
        """End the exchange at the deadline.

        The timeout of a socket is not enough, because a server may send a byte now and then.
        """
        expired.set()
        self._line.cut()

    def _open(self) -> urllib3.PoolManager:
        plain, secure = _pool_classes(self._line)
        options: dict[str, Any] = {}
        if self._trusting is not None:
            options["ssl_context"] = tls.make(self._context, self._certificates, self._trusting.result())
        if self._proxy is None:
            pools = urllib3.PoolManager(num_pools=1, maxsize=1, **options)
        else:
            if self._proxy.url.scheme == "https":
                options["proxy_ssl_context"] = tls.system(self._certificates.trusted)
            pools = urllib3.ProxyManager(
                f"{self._proxy.url.scheme}://{self._proxy.url.authority}",
                proxy_headers=_proxy_headers(self._proxy),
                num_pools=1,
                maxsize=1,
                **options,
            )
        pools.pool_classes_by_scheme = {"http": plain, "https": secure}
        return pools

    def _unreachable(
        self, url: Url, root: BaseException, timeout: float, deadline: float, *, is_late: bool
    ) -> Unreachable:

        name, proxy = url.authority, self._proxy.url if self._proxy else None
        through = f" (through the proxy {proxy.authority})" if proxy else ""
        if isinstance(root, NameServerTimeoutError):
            who = "no answer from a name server"
            return NoAnswer(name, timeout, who=who, through=through, hint=hint_about(name, root, deadline))
        if is_late or isinstance(root, TimeoutError):
            return NoAnswer(name, timeout, through=through)
        if "Tunnel connection failed" in str(root):
            return _tunnel_trouble(name, str(root).partition("failed: ")[2][:3], through)
        if isinstance(root, ssl.SSLError):
            folder, direct = self._certificates.folder, proxy is None
            return tls.trouble(url, root, folder, through=through, direct=direct, deadline=deadline)
        if isinstance(root, socket.gaierror) and proxy:
            return Unreachable(name, f"the proxy's name cannot be resolved{through}", hint=_check_proxy(url))
        if isinstance(root, socket.gaierror):
            return Unreachable(name, "the name cannot be resolved", hint=hint_about(url.host, root, deadline))
        if isinstance(root, ConnectionRefusedError):
            if proxy:
                return Unreachable(name, f"connection refused by the proxy {proxy.authority}", hint=_check_proxy(url))
            return Unreachable(name, "connection refused", hint=_closed(url))
        if isinstance(root, RemoteDisconnected):  # because its text is not the system's
            return Unreachable(name, f"the connection was closed without an answer{through}")
        if isinstance(root, OSError):
            return Unreachable(name, f"{printable(root.strerror or str(root))}{through}")
        return Unreachable(name, f"the answer is not HTTP ({type(root).__name__}){through}")


def _closed(url: Url) -> str:
    """Return the hint for a closed port. A registry on https's own port is hardly down: a firewall answers for it."""
    if url.port != DEFAULT_PORTS["https"] or is_loopback(url.authority):
        return "is the registry running, and on this port?"
    return "a firewall may refuse the connection: set HTTPS_PROXY if your network has a proxy"


def _check_proxy(url: Url) -> str:
    return f"is the proxy running, and does {url.scheme.upper()}_PROXY name it?"


def _tunnel_trouble(name: str, status: str, through: str) -> Unreachable:
    if status == "407":
        hint = "put user and password into the proxy's URL"
        return Unreachable(name, f"the proxy asks for a login{through}", hint=hint)
    hint = "ask who runs the proxy, or set NO_PROXY"
    return Unreachable(name, f"the proxy refuses the connection with status {printable(status)}{through}", hint=hint)


def _proxy_headers(proxy: Proxy) -> dict[str, str]:
    if not proxy.userinfo:
        return {}

    encoded = binascii.b2a_base64(proxy.userinfo.encode(), newline=False).decode("ascii")
    return {"Proxy-Authorization": f"Basic {encoded}"}


def _root(error: BaseException) -> BaseException:
    """Return the operating system's or TLS's own error inside urllib3's wrappers."""
    seen = error
    for _ in range(8):  # because wrappers are at most four deep, and a cycle must end
        inner = seen.__cause__ or next((a for a in reversed(seen.args) if isinstance(a, BaseException)), None)
        inner = inner or getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    return seen


class _Line:
    """The current connection, which the deadline cuts. A transport has one at a time."""

    def __init__(self, first: Ahead[socket.socket] | None) -> None:
        self._first = first
        self.connection: HTTPConnection | None = None
        self.deadline = 0.0  # of the current exchange, by the monotonic clock
        self.limit = 0  # bytes of its answer's body
        self.is_local = False  # whether to connect only to addresses of this machine
        self.handshake: socket.socket | None = None  # a duplicate, because TLS detaches the socket from its object

    def dial(self, host: str, port: int | None) -> socket.socket:
        first, self._first = self._first, None
        if first is not None:
            return first.result()
        return dial(host, port or 0, self.deadline, only_loopback=self.is_local)

    def answer(self, wire: socket.socket, method: str | None = None) -> BoundedAnswer:
        return BoundedAnswer(wire, method, deadline=self.deadline, limit=self.limit)

    def close_first(self) -> None:
        """Close the first connection if nothing has used it. It may still be connecting, so a thread waits for it."""
        first, self._first = self._first, None
        if first is not None:
            Ahead(lambda: first.result().close())

    def cut(self) -> None:
        for wire in (self.handshake, getattr(self.connection, "sock", None)):
            if wire is not None:
                with contextlib.suppress(OSError):  # it may have been closed meanwhile
                    wire.shutdown(socket.SHUT_RDWR)


def _pool_classes(line: _Line) -> tuple[type, type]:
    """Return urllib3's pools for http and https, whose connections use ``line``."""

    class Plain(HTTPConnection):
        response_class = line.answer  # type: ignore[assignment]  # it is called as that class is

        def _new_conn(self) -> socket.socket:
            return line.dial(self.host, self.port)

        def connect(self) -> None:
            line.connection = self
            super().connect()

    class Secure(HTTPSConnection):
        response_class = line.answer  # type: ignore[assignment]  # it is called as that class is

        def _new_conn(self) -> socket.socket:  # the one seam between TCP and TLS: urllib3's own SOCKS support uses it
            wire = line.dial(self.host, self.port)
            line.handshake = wire.dup()
            return wire

        def connect(self) -> None:
            line.connection = self
            try:
                super().connect()
            finally:
                handshake, line.handshake = line.handshake, None
                if handshake is not None:
                    handshake.close()
            self.is_verified = True  # or else urllib3 warns although the user asked for it

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return PlainPool, SecurePool
