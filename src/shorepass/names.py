"""Image references, registries, server URLs and config keys.

A *registry* is ``host[:port]``. A *server URL* is the name of a registry in a config file or in the helper protocol. Docker Hub
is the only registry whose key is not its host: ``https://index.docker.io/v1/`` (the old name of the v1 index, which clients
never call). Sources: distribution/reference ``normalize.go`` and docker/cli ``cli/config/credentials/file_store.go``.
"""

import re
from typing import NamedTuple

from shorepass.errors import InvalidReference, UsageError, printable, without_user_info

__all__ = [
    "HUB_API",
    "HUB_REGISTRY",
    "HUB_SERVER_URL",
    "TAG",
    "Reference",
    "ShortName",
    "TransportName",
    "host_of_key",
    "is_ipv6",
    "is_loopback",
    "is_registry",
    "is_upper_case_word",
    "parse",
    "port_meant",
    "registry_meant",
    "registry_of_key",
    "registry_of_server",
    "require_user_name",
    "server_url",
    "split_host_port",
]

HUB_REGISTRY = "docker.io"
HUB_SERVER_URL = "https://index.docker.io/v1/"
HUB_API = "registry-1.docker.io"
HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
TRANSPORT = "docker://"  # of containers/image: by the registry API
API_ROOTS = ("v1", "v2")  # the first part of a path in a server URL
REPOSITORY_LIMIT = 255  # characters: distribution/reference RepositoryNameTotalLengthMax
COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
PATH = rf"{COMPONENT}(?:/{COMPONENT})*"
TAG = r"\w[\w.-]{0,127}"
VARIABLE = re.compile(r"\$\w+|\$\{|\$\(|%\w+%|\{\{")
OF_ADDRESS = "0123456789abcdefABCDEF:"  # the characters of an IPv6 address
DIGEST_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}  # opencontainers/go-digest knows these


class Reference(NamedTuple):
    """The image or registry that a client was asked for.

    ``repository``: empty if only a registry was named.
    """

    registry: str
    repository: str = ""
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """``registry/repository``, or the registry alone."""
        return f"{self.registry}/{self.repository}" if self.repository else self.registry

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


class ShortName(Reference):
    """An image named without its registry, as docker reads it.

    ``written``: the name that was given. podman and buildah look for its registry in ``registries.conf``.
    """

    written: str = ""


class TransportName(Reference):
    """An image with ``docker://`` before its name: podman, skopeo and buildah read it so, and docker and crane refuse it."""


def parse(text: str) -> Reference:
    """Return the reference that the user means by ``text``: an image, or a registry.

    Images follow docker's rules (``nginx`` is ``docker.io/library/nginx``). A single word that looks like a host is a registry:
    ``ghcr.io``, ``localhost:5000``, ``127.0.0.1:5000``, ``[::1]:5000``, and a server URL. For a rare official image that looks
    like a host, write ``docker.io/library/WORD``. No client pulls an image with ``https://`` before its name.

    Raises InvalidReference.
    """
    if "://" in text:
        return _parse_with_scheme(text)
    if "/" not in text and _looks_like_host(text):
        return Reference(registry_of_server(text))
    if "/" in text and text.endswith("/") and "/" not in text[:-1]:
        return Reference(registry_of_server(text[:-1]))
    return _parse_image(text)


def _parse_with_scheme(text: str) -> Reference:
    if text.startswith(TRANSPORT):
        image = parse(text.removeprefix(TRANSPORT))
        return TransportName(*image) if image.repository else image
    scheme, _, rest = text.partition("://")
    path = rest.partition("/")[2].strip("/")
    if path and path.partition("/")[0] not in API_ROOTS:
        name = printable(without_user_info(text)).partition("://")[2]
        reason = f"no client pulls an image with {printable(scheme)}:// before its name"
        raise InvalidReference(text, reason, hint=f"write {name}")
    return Reference(registry_of_server(text))


def _looks_like_host(word: str) -> bool:
    if "@" in word:
        return False
    host = split_host_port(word)[0]
    return host == "localhost" or "." in host or host.startswith("[")


def _parse_image(text: str) -> Reference:
    _check_variables(text)
    rest, at, digest = text.partition("@")
    if at and not _is_digest(digest):
        raise InvalidReference(text, "the digest must be sha256:, sha384: or sha512: and its hex digits in lower case")
    slash = rest.rfind("/")
    colon = rest.find(":", slash + 1)
    tag = ""
    if colon >= 0:
        rest, tag = rest[:colon], rest[colon + 1 :]
        _check_tag(text, tag)
    first, slash_, remainder = rest.partition("/")
    if slash_ and ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        domain, path = first, remainder
    else:
        domain, path = HUB_REGISTRY, rest
    if domain == "index.docker.io":
        domain = HUB_REGISTRY
    if domain == HUB_REGISTRY and "/" not in path:
        path = "library/" + path
    if not is_registry(domain):
        raise InvalidReference(text, f"{domain!r} is not a registry host")
    _check_path(text, path)
    if not tag and not digest and re.fullmatch(r"[0-9a-f]{64}", text):
        raise InvalidReference(text, "64 hex digits are an image id, not a name")
    return _with_names(domain, path, tag, digest, rest)


def _check_variables(text: str) -> None:
    """Raise InvalidReference for a name that a script or a CI job did not complete."""
    if VARIABLE.search(text):
        raise InvalidReference(text, "it has a variable that was not replaced")
    if text.startswith(("/", ":", "@")):
        raise InvalidReference(text, "the name is missing: the variable at its beginning may be empty")


def _check_tag(text: str, tag: str) -> None:
    if not tag:
        raise InvalidReference(text, "the tag is missing: the variable behind the colon may be empty")
    if not re.fullmatch(TAG, tag, re.ASCII):
        raise InvalidReference(text, "the tag must be 1 to 128 of letters, digits, '_', '.', '-'")


def _check_path(text: str, path: str) -> None:
    if path.lower() != path:
        raise InvalidReference(text, f"the repository name must be lower case: {path.lower()}")
    if ":" in path and re.fullmatch(PATH, path.partition(":")[0]):
        raise InvalidReference(text, "a tag cannot have a slash; the name of a branch may have one")
    if not re.fullmatch(PATH, path):
        raise InvalidReference(text, "the repository name is malformed")
    if len(path) > REPOSITORY_LIMIT:
        raise InvalidReference(text, f"the repository name is longer than {REPOSITORY_LIMIT} characters")


def _with_names(domain: str, path: str, tag: str, digest: str, written: str) -> Reference:
    """Return a reference, as a ShortName if the written name has no registry."""
    if domain != HUB_REGISTRY or written.startswith((f"{HUB_REGISTRY}/", "index.docker.io/")):
        return Reference(domain, path, tag, digest)
    short = ShortName(domain, path, tag, digest)
    short.written = written
    return short


def _is_digest(text: str) -> bool:
    algorithm, _, digits = text.partition(":")
    return len(digits) == DIGEST_DIGITS.get(algorithm) and not digits.strip("0123456789abcdef")


def server_url(registry: str) -> str:
    """Return docker's key for a registry: the registry itself, except for Docker Hub."""
    return HUB_SERVER_URL if registry in ("docker.io", "index.docker.io") else registry


def registry_of_server(server: str) -> str:
    """Return the registry that the user names to ``login``.

    Scheme, user info and path are removed, and all names of Docker Hub are ``docker.io``. Raises InvalidReference: it has no
    host.
    """
    host = host_of_key(server.strip())
    if not host or any(c.isspace() or not c.isprintable() for c in host) or "@" in host:
        raise InvalidReference(server, "no registry host in it")
    if not is_registry(host):
        raise InvalidReference(server, f"{host!r} is not a registry host")
    return HUB_REGISTRY if host.lower() in HUB_HOSTS else host


def registry_of_key(key: str) -> str:
    """Return the registry that a config key is for; ``""`` if it has no registry."""
    if key.startswith(HUB_SERVER_URL) and key != HUB_SERVER_URL:
        return ""  # because it has the tokens of a login by browser, which docker stores beside the login
    try:
        return registry_of_server(key)
    except InvalidReference:
        return ""


def registry_meant(key: str) -> str:
    """Return the registry that the user means by a config key, in one spelling.

    All names by which a client connects to the same host and port have the same spelling: in lower case, without zeros in front
    of the port, without the default port of the key's scheme, an IP address in its usual form. Raises InvalidReference.

    >>> registry_meant("Registry.Example:05000")
    'registry.example:5000'
    """
    host, port = split_host_port(registry_of_server(key).lower())
    if port:
        port = port_meant(port)
    default_port = "80" if key.startswith("http://") else "443"
    if port in ("", default_port):
        return HUB_REGISTRY if host in HUB_HOSTS else _address_meant(host)
    return f"{_address_meant(host)}:{port}"


def port_meant(port: str) -> str:
    """Return a port without zeros in front, and any other text as it is.

    >>> port_meant("05000")
    '5000'
    """
    return port.lstrip("0") or "0" if port.isdigit() else port


def _address_meant(host: str) -> str:
    """Return the usual form of an IPv6 address, and any other host as it is.

    docker and podman connect to no IPv4 address in another form: they ask DNS for ``127.1`` and ``127.0.0.01``.
    """
    if not host.startswith("["):
        return host
    import ipaddress  # late: few names need it, and each `get` is counted in milliseconds

    try:
        address = ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return host
    return str(address.ipv4_mapped or f"[{address}]")


def is_registry(text: str) -> bool:
    """Tell whether ``text`` is ``host[:port]`` and nothing more."""
    host, port = split_host_port(text)
    if port is None or (text != host and not (port.isascii() and port.isdigit())):
        return False
    if host.startswith("["):
        return len(host) > len("[]") and not host[1:-1].strip(OF_ADDRESS)
    return all(_is_label(label) for label in host.split("."))


def _is_label(text: str) -> bool:
    """Tell whether a part of a host has letters and digits, and hyphens only between them."""
    return text.isascii() and text.replace("-", "").isalnum() and text == text.strip("-")


def is_ipv6(registry: str) -> bool:
    """Tell whether a registry is named by its IPv6 address. Not every client reads the name of an image there."""
    return registry.startswith("[")


def is_upper_case_word(registry: str) -> bool:
    """Tell whether a name is that of a registry only by its upper case letters. Not every client reads such a name."""
    return registry != registry.lower() and "." not in registry and ":" not in registry


def host_of_key(key: str, *, repair: bool = False) -> str:
    """Return the host (with port) of a config key, as docker's ConvertToHostname.

    Scheme, user info and path are removed; port and case remain. A key without a scheme, or one that Go's ``url.Parse`` (1.24)
    refuses, is cut at its first slash. ``repair``: of a refused key, use the part after ``://``, as docker 29.7 and later do.
    """
    host = _go_url_host(key) if "://" in key else ""
    if not host and repair:
        host = _repaired_host(key)
    return host or key.partition("/")[0]


def _repaired_host(url: str) -> str:
    """Return the host of a URL that Go refuses, an IPv6 address with brackets.

    Source: docker's hostFromURLFallback.
    """
    host = url.partition("://")[2].partition("/")[0]
    address, _, port = host.rpartition(":")
    if ":" in address and not host.startswith("[") and re.fullmatch("[0-9]+", port):
        return f"[{address}]:{port}"
    return host


def _go_url_host(url: str) -> str:
    """Return ``net.JoinHostPort(u.Hostname(), u.Port())`` of Go's ``url.Parse``.

    Empty: Go returns an error, or there is no host.
    """
    url, _, fragment = url.partition("#")
    if any(c < " " or c == "\x7f" for c in url) or not _escapes_are_whole(fragment):
        return ""
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", url)
    rest = url[scheme.end() :] if scheme else url
    rest = rest.partition("?")[0]
    if not rest.startswith("//") or (not scheme and rest.startswith("///")):
        return ""
    authority, _, path = rest[2:].partition("/")
    user, at, host = authority.rpartition("@")
    if not _escapes_are_whole(path) or (
        at and not re.fullmatch(r"(?:[a-zA-Z0-9._:~!$&'()*+,;=@-]|%[0-9a-fA-F]{2})*", user)
    ):
        return ""
    return _go_host(host)


def _escapes_are_whole(text: str) -> bool:
    return "%" not in text or not re.search(r"%(?![0-9a-fA-F]{2})", text)


def _go_host(host: str) -> str:
    """Return the host of an authority by ``url.parseHost`` and ``net.JoinHostPort``.

    Empty: an error. A host with an escape or a zone is an error here, but not in Go, because no registry has such a name.
    """
    if not re.fullmatch(r"(?:[a-zA-Z0-9!$&'()*+,;=:\[\]<>\"._~-]|[^\x00-\x7f])*", host):
        return ""
    colon = host.rfind(":")
    tail = host[colon:] if colon >= 0 else ""
    if host.startswith("["):
        tail = host.rpartition("]")[2]
    if tail == host or not re.fullmatch(r"(?::[0-9]*)?", tail):
        return ""
    name, port = host, ""
    if colon >= 0 and re.fullmatch(r"[0-9]*", host[colon + 1 :]):
        name, port = host[:colon], host[colon + 1 :]
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if not name or not port:
        return name
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def split_host_port(registry: str) -> tuple[str, str | None]:
    """Split ``host[:port]``: ``("[::1]", "5000")``, ``("ghcr.io", "")``.

    The port is None if the text is malformed.
    """
    if registry.startswith("["):
        host, bracket, tail = registry.partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            return registry, None
        return host + "]", tail[1:]
    host, _, port = registry.partition(":")
    return host, port


def is_loopback(registry: str) -> bool:
    """Tell whether a registry's name means this machine, without resolving the name.

    Such names are ``localhost``, ``127.0.0.0/8`` in dotted form and ``[::1]``. They may use plain http without a flag.
    """
    host = split_host_port(registry)[0].lower()
    if host in ("localhost", "[::1]"):
        return True
    parts = host.split(".")
    numbers = registry.isascii() and all(p.isdigit() and len(p) <= 3 and int(p) < 256 for p in parts)
    return len(parts) == 4 and parts[0] == "127" and numbers


def require_user_name(username: str) -> str:
    """Return a user name for Basic authentication (RFC 7617).

    Raises UsageError: it has a colon or a control character.
    """
    if ":" in username or any(ord(c) < 0x20 or ord(c) == 0x7F for c in username):
        raise UsageError("a user name cannot have a colon or control characters")
    return username
