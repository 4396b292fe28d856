"""One HTTP exchange: a request, its answer, and the rules of a transport.

A transport sends only the given request: it follows no redirect, keeps no cookie, reads no ``~/.netrc``, does not retry, and
adds no credential. There are two: ``http.pooled`` (registries and token servers) and ``http.unix`` (container engines). URLs
are parsed only here. The value that is checked is also the one that is connected to, so that no second parser can read another
host in the same text.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from shorepass.errors import UsageError
from shorepass.version import __version__

__all__ = [
    "DEFAULT_PORTS",
    "Request",
    "Response",
    "Transport",
    "Url",
    "header_lines",
    "parse_url",
    "percent_decode",
    "percent_encode",
]

DEFAULT_PORTS = {"http": 80, "https": 443}
URL_LIMIT = 8192  # characters: the longest request line that common servers accept
HOST_LIMIT = 253  # characters: the longest name in DNS
USER_AGENT = f"shorepass/{__version__}"

_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")
_IPV6_CHARACTERS = frozenset("0123456789abcdef:.")
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ENCODED = {byte: f"%{byte:02X}" for byte in range(256)} | {byte: chr(byte) for byte in _UNRESERVED}


class Url(NamedTuple):
    """An http(s) URL.

    ``host``: in lower case and without brackets. ``target``: path and query, with the first slash.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """``host[:port]`` for a URL and a Host header: no default port, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: a credential is for these alone."""
        return self.scheme, self.host, self.port

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(text: str, base: Url | None = None) -> Url:
    """Return the parts of an absolute http(s) URL, or of one relative to ``base``.

    User info, a fragment, a backslash, anything but printable ASCII, and a port outside 1-65535 are refused, because parsers
    disagree about them. Raises UsageError.
    """
    if len(text) > URL_LIMIT:
        raise UsageError(f"the URL is longer than {URL_LIMIT} characters")
    if not text or any(not "!" <= c <= "~" for c in text) or "\\" in text:
        raise UsageError("the URL is empty or holds blanks, control characters, backslashes or non-ASCII characters")
    if "#" in text:
        raise UsageError("the URL has a fragment")
    scheme, separator, rest = text.partition("://")
    if not separator or "/" in scheme or "?" in scheme:
        return _relative(text, base)
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise UsageError("the URL is neither http nor https")
    end = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    host, port = _host_and_port(rest[:end], DEFAULT_PORTS[scheme])
    target = rest[end:]
    if not target.startswith("/"):
        target = "/" + target
    return Url(scheme, host, port, target)


def _relative(text: str, base: Url | None) -> Url:
    if base is None or text.partition("/")[0].partition("?")[0].find(":") >= 0:
        raise UsageError("the URL is not absolute")
    if text.startswith("//"):
        return parse_url(f"{base.scheme}:{text}")
    if text.startswith("/"):
        return base._replace(target=text)
    if text.startswith("?"):
        return base._replace(target=base.path + text)
    return base._replace(target=base.path.rpartition("/")[0] + "/" + text)


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    if "@" in authority:
        raise UsageError("the URL holds a user name or password")
    authority = authority.lower()
    if authority.startswith("["):
        host, bracket, port_text = authority[1:].partition("]")
        valid = bool(bracket) and ":" in host and _IPV6_CHARACTERS.issuperset(host)
        valid = valid and (not port_text or port_text.startswith(":"))
        port_text = port_text[1:] if len(port_text) > 1 else port_text
    else:
        host, colon, port_text = authority.partition(":")
        port_text = port_text if not colon or port_text else ":"
        valid = _HOST_CHARACTERS.issuperset(host)
    if not host or not valid or len(host) > HOST_LIMIT:
        raise UsageError("the URL has no valid host")
    if not port_text:
        return host, default_port
    port = int(port_text) if port_text.isdigit() and len(port_text) <= 5 else 0
    if not 0 < port < 65536:
        raise UsageError("the URL's port is not a number from 1 to 65535")
    return host, port


def percent_encode(text: str) -> str:
    """Return text for a query or a form field.

    It is UTF-8, with all but RFC 3986's unreserved characters as ``%XX``.
    """
    data = text.encode("utf-8", "surrogateescape")
    return "".join(_ENCODED[byte] for byte in data)


def percent_decode(text: str) -> str:
    """Return a query value as text, without its ``%XX`` and ``+``.

    Broken escapes are kept, and bad UTF-8 is replaced.
    """
    first, *pieces = text.replace("+", " ").encode("utf-8", "surrogateescape").split(b"%")
    parts = [first]
    for piece in pieces:
        code = piece[:2]
        if len(code) == 2 and all(c in b"0123456789abcdefABCDEF" for c in code):
            parts += bytes([int(code, 16)]), piece[2:]
        else:
            parts += b"%", piece
    return b"".join(parts).decode("utf-8", "replace")


class Request(NamedTuple):
    """A request. ``headers``: in addition to the usual ones (:func:`header_lines`)."""

    method: str
    url: Url
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:  # without headers and body, because they have credentials
        return f"Request({self.method} {self.url.scheme}://{self.url.authority}{self.url.path})"


class Response(NamedTuple):
    """An answer.

    ``headers``: lines, which are never joined. ``truncated``: the body was longer than the limit, and was cut.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: Url
    truncated: bool = False

    def lines(self, name: str) -> list[str]:
        """Return the values of every header line of that name, in order."""
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str:
        """Return the first value of a header, ``""`` if it is absent."""
        return next(iter(self.lines(name)), "")

    def __repr__(self) -> str:  # without the body, because it may have a token
        return f"Response({self.status} from {self.url.scheme}://{self.url.authority}{self.url.path})"


class Transport(Protocol):
    """Sends one request and returns its answer."""

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:
        """Return the answer within ``timeout`` seconds, its body cut at ``limit`` bytes.

        Raises Unreachable with the cause; UsageError: a header cannot be sent.
        """

    def close(self) -> None:
        """Close the kept connections."""


def header_lines(request: Request) -> Iterable[tuple[str, str]]:
    """Return all headers to send, except Host and Content-Length.

    Raises UsageError: a value would split a header.
    """
    given = {name.lower() for name, _ in request.headers}
    defaults = (("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"))
    lines = [line for line in defaults if line[0].lower() not in given]
    for name, value in request.headers:
        if any(not " " <= c <= "~" for c in value):
            raise UsageError(f"the {name} header would hold control or non-ASCII characters")
        lines.append((name, value))
    return lines
