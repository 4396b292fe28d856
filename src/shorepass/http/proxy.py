"""Chooses a request's proxy by the rules of Go's ``http.ProxyFromEnvironment``.

All container clients follow them: ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, or else their lower case forms.
``localhost`` and loopback addresses have no proxy. Source: golang.org/x/net http/httpproxy/proxy.go.
"""

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from shorepass.errors import UsageError
from shorepass.http import Url, parse_url, percent_decode

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["Proxy", "proxy_for"]


class Proxy(NamedTuple):
    """A proxy. ``userinfo``: ``user:password``, decoded, or empty; it is never shown."""

    url: Url
    userinfo: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.url})"


def proxy_for(url: Url, context: "Context") -> Proxy | None:
    """Return the proxy for ``url``, None for a direct connection.

    Raises UsageError: the proxy cannot be used.
    """
    name = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    text = _variable(context, name)
    if not text or _is_direct(url, _variable(context, "NO_PROXY")):
        return None
    if name == "HTTP_PROXY" and context.getenv("REQUEST_METHOD"):
        # In a CGI program that variable may be a header of the caller (httpoxy, CVE-2016-5385).
        raise UsageError(
            "HTTP_PROXY is not used in a CGI environment (REQUEST_METHOD is set)", hint="unset REQUEST_METHOD"
        )
    return _parse(text, name)


def _variable(context: "Context", name: str) -> str:
    return context.getenv(name) or context.getenv(name.lower()) or ""


def _parse(text: str, name: str) -> Proxy:
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme.lower() not in ("http", "https"):
        raise UsageError(f"{name}: only http and https proxies are supported", hint=f"correct {name}, or unset it")
    authority, slash, path = rest.partition("/")
    userinfo, _, host = authority.rpartition("@")
    try:
        url = parse_url(f"{scheme}://{host}{slash}{path}")
    except UsageError as error:  # without the text, because it may have a password
        raise UsageError(f"{name} is not a proxy URL: {error.message}", hint=f"correct {name}, or unset it") from None
    return Proxy(url, percent_decode(userinfo.replace("+", "%2B")))


def _is_direct(url: Url, no_proxy: str) -> bool:

    host = url.host.removesuffix(".")
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(entry == "*" or _matches(entry, host, address, url.port) for entry in entries if entry)


def _matches(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    """Tell whether a NO_PROXY entry covers a host.

    It is an address, a CIDR block, a ``name`` (with its subdomains) or ``.name``, and may have a ``:port``.
    """
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, entry_port = _split_port(entry)
    if not name or (entry_port and entry_port != str(port)):
        return False
    try:
        return address == ipaddress.ip_address(name)
    except ValueError:
        pass
    name = name.removeprefix("*") if name.startswith("*.") else name
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith("." + name)


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, tail = entry[1:].partition("]")
        return name, tail.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""
