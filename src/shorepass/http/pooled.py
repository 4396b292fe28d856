"""Everything but plain http on loopback: TLS and proxies, by urllib3.

urllib3 connects and frames; redirects, retries, cookies and decompression are off. Certificates are the system's, then
those of the host's certs.d folder (``http.tls``).
"""

from __future__ import annotations

import socket
import threading
from typing import Any

from shorepass.errors import Unreachable, printable
from shorepass.http import Response, header_lines
from shorepass.http.proxy import proxy_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    import urllib3

    from shorepass.contexts import Context
    from shorepass.http import Request, Url
    from shorepass.http.proxy import Proxy
    from shorepass.registry.certs import Certificates

__all__ = ["PooledTransport"]


class PooledTransport:
    """Connections to one host. ``certificates``: its certs.d folder. ``verify``: False takes any certificate."""

    def __init__(self, context: Context, certificates: Certificates, *, verify: bool = True) -> None:
        self._context = context
        self._certificates = certificates
        self._verify = verify
        self._pools: urllib3.PoolManager | None = None
        self._proxy: Proxy | None = None
        self._wires: list[socket.socket] = []

    def close(self) -> None:
        """Close all connections."""
        if self._pools is not None:
            self._pools.clear()
            self._pools = None
        while self._wires:
            self._wires.pop().close()

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:
        """Send over TLS, through a proxy, or both. Raises Unreachable, FileError (certificates), UsageError (proxy)."""
        import urllib3

        headers = dict(header_lines(request))
        if self._pools is None:
            self._proxy = proxy_for(request.url, self._context)
            self._pools = self._open(request.url)
        expired = threading.Event()
        timer = threading.Timer(timeout, self._cut, (expired,))
        timer.daemon = True
        timer.start()
        try:
            return self._exchange(self._pools, request, headers, limit, timeout)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            self.close()
            raise self._unreachable(request.url, error, timeout, is_late=expired.is_set()) from _root(error)
        finally:
            timer.cancel()

    def _exchange(
        self, pools: urllib3.PoolManager, request: Request, headers: dict[str, str], limit: int, timeout: float
    ) -> Response:
        import urllib3

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
            assert_same_host=False,  # the pool's host is the proxy's for plain http
            timeout=urllib3.Timeout(connect=timeout, read=timeout),
            preload_content=False,
            decode_content=False,
        )
        try:
            body = raw.read(limit + 1, decode_content=False)
            lines = tuple((str(name), str(value)) for name, value in raw.headers.iteritems())
            if len(body) <= limit:
                raw.drain_conn()
                raw.release_conn()
            return Response(raw.status, lines, body[:limit], url, len(body) > limit)
        finally:
            raw.close() if len(body) > limit else None

    def _cut(self, expired: threading.Event) -> None:
        """End all waiting at the deadline: a server that sends a byte now and then never meets a socket's own timeout."""
        expired.set()
        for wire in self._wires:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already closed

    def _open(self, url: Url) -> urllib3.PoolManager:
        import urllib3

        from shorepass.http import tls

        plain, secure = _pool_classes(self._wires)
        options: dict[str, Any] = {}
        if url.scheme == "https":
            options["ssl_context"] = tls.make(self._context, self._certificates, verify=self._verify)
        if self._proxy is None:
            pools = urllib3.PoolManager(num_pools=1, maxsize=1, **options)
        else:
            pools = urllib3.ProxyManager(
                f"{self._proxy.url.scheme}://{self._proxy.url.authority}",
                proxy_headers=_proxy_headers(self._proxy),
                proxy_ssl_context=tls.system(self._context) if self._proxy.url.scheme == "https" else None,
                num_pools=1,
                maxsize=1,
                **options,
            )
        pools.pool_classes_by_scheme = {"http": plain, "https": secure}
        return pools

    def _unreachable(self, url: Url, error: Exception, timeout: float, *, is_late: bool) -> Unreachable:
        import ssl

        from shorepass.http import tls

        name = url.authority
        through = f" (through the proxy {self._proxy.url.authority})" if self._proxy else ""
        root = _root(error)
        if is_late or isinstance(root, TimeoutError):
            return Unreachable(name, f"no answer within {timeout:g} seconds{through}")
        if "Tunnel connection failed" in str(root):
            return _tunnel_trouble(name, str(root).partition("failed: ")[2][:3], through)
        if isinstance(root, ssl.SSLError):
            direct = self._proxy is None
            return tls.trouble(url, root, self._certificates.folder, through=through, direct=direct)
        if isinstance(root, socket.gaierror):
            return Unreachable(name, f"the name cannot be resolved{through}", hint="is it spelled right?")
        if isinstance(root, ConnectionRefusedError):
            return Unreachable(name, f"connection refused{through}", hint="is the registry running, and on this port?")
        if isinstance(root, OSError):
            return Unreachable(name, f"{printable(root.strerror or str(root))}{through}")
        return Unreachable(name, f"the answer is not HTTP: {printable(str(root))}{through}")


def _tunnel_trouble(name: str, status: str, through: str) -> Unreachable:
    if status == "407":
        hint = "put user and password into the proxy's URL"
        return Unreachable(name, f"the proxy asks for a login{through}", hint=hint)
    hint = "ask who runs the proxy, or set NO_PROXY"
    return Unreachable(name, f"the proxy refuses the connection with status {printable(status)}{through}", hint=hint)


def _proxy_headers(proxy: Proxy) -> dict[str, str]:
    if not proxy.userinfo:
        return {}
    import binascii

    encoded = binascii.b2a_base64(proxy.userinfo.encode(), newline=False).decode("ascii")
    return {"Proxy-Authorization": f"Basic {encoded}"}


def _root(error: BaseException) -> BaseException:
    """Return the operating system's or TLS's own error inside urllib3's wrappers."""
    seen = error
    for _ in range(8):  # wrappers are at most four deep; a loop is never endless
        inner = seen.__cause__ or next((a for a in reversed(seen.args) if isinstance(a, BaseException)), None)
        inner = inner or getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    return seen


def _pool_classes(wires: list[socket.socket]) -> tuple[type, type]:
    """Return urllib3's pools with connections that leave a duplicate of their socket in ``wires`` for the deadline."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:  # the one seam before TLS: urllib3's own SOCKS support uses it
            wire = super()._new_conn()
            wires.append(wire.dup())  # TLS takes the socket away from its object; the duplicate still ends it
            return wire

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            wire = super()._new_conn()
            wires.append(wire.dup())
            return wire

        def connect(self) -> None:
            super().connect()
            self.is_verified = True  # else urllib3 warns of what the user asked for

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return PlainPool, SecurePool
