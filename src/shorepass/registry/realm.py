"""Realm policy: which token servers may get a registry's credential. Only this module decides that.

A realm is text from the registry (or from another server that answers instead) that says where to send a password.
It must be on the registry's own host, under a domain that has the same owner, one of the pairs known here, or a host the
user trusts. On loopback it must have the registry's port too: another port may be another user's. Otherwise nothing is sent
there, not even an anonymous request: it could be an address inside the user's network. Sources: CVE-2026-33540 (the rule of
distribution 3.1), ggcr's and oras-go's checks; names of services: Kubernetes' DNS specification.
"""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import TYPE_CHECKING

from shorepass.errors import RealmRefused, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.http import Url, parse_url
from shorepass.names import is_loopback
from shorepass.registry.shared_hosts import is_shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publicsuffixlist import PublicSuffixList

__all__ = ["check"]

# Registries whose token server has another registrable domain, or that every user needs without the domain list.
PAIRS = frozenset(
    {
        ("registry-1.docker.io", "auth.docker.io"),
        ("index.docker.io", "auth.docker.io"),
        ("docker.io", "auth.docker.io"),
        ("lscr.io", "ghcr.io"),  # LinuxServer delegates to GitHub
    }
)

THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})  # three spellings of one host


def check(asked: Url, realm: str, *, trusted: Sequence[str] = (), insecure: bool = False) -> Url:
    """Return the token server's URL if the credential of the registry behind ``asked`` may go there.

    ``asked`` is the URL that was answered with the challenge; a relative realm is resolved against it. ``trusted``
    holds ``host`` or ``host:port``. ``insecure``: the user allowed plain http for this registry. Raises RealmRefused.
    """
    try:
        url = parse_url(realm, asked)
    except UsageError as error:
        raise RealmRefused(asked.authority, realm, error.message, hint=_misconfigured(asked)) from None
    explicitly = _is_trusted(url, trusted)
    if url.scheme == "http" and not _may_be_plain(asked, url, insecure=insecure, explicitly=explicitly):
        reason = "it is plain http" + (" and the registry is https" if asked.scheme == "https" else "")
        raise RealmRefused(asked.authority, realm, reason, hint=_misconfigured(asked))
    if explicitly or (asked.host, url.host) in PAIRS:
        return url
    reason = _why_not(asked, url)
    if reason:
        hint = (
            f"if you trust it with this login: --trust-realm {quoted(url.authority)}; otherwise {_misconfigured(asked)}"
        )
        raise RealmRefused(asked.authority, realm, reason, hint=hint)
    return url


def _misconfigured(asked: Url) -> str:
    return f"the external URL of {printable(asked.authority)} may be misconfigured: ask who runs it"


def _may_be_plain(asked: Url, url: Url, *, insecure: bool, explicitly: bool) -> bool:
    """Allow plain http only if the registry uses it too, and the realm is on loopback or the user allowed it."""
    if asked.scheme != "http":
        return False
    return is_loopback(url.authority) or (insecure and (explicitly or url.host == asked.host))


def _is_trusted(url: Url, trusted: Sequence[str]) -> bool:
    for text in trusted:
        try:
            entry = parse_url(f"{url.scheme}://{text}")
        except UsageError as error:
            raise UsageError(f"--trust-realm {printable(text)}: not a host: {error.message}") from None
        if entry.target != "/":
            raise UsageError(f"--trust-realm {printable(text)}: give a host, not a URL")
        has_port = text.rpartition("]")[2].find(":") >= 0
        if _bare(entry.host) == _bare(url.host) and (not has_port or entry.port == url.port):
            return True
    return False


def _bare(host: str) -> str:
    return host.removesuffix(".")


def _why_not(asked: Url, url: Url) -> str:
    """Return why the two hosts are strangers, ``""`` if they are not."""
    registry, realm = _bare(asked.host), _bare(url.host)
    if _is_this_machine(asked) and (registry == realm or {registry, realm} <= THIS_MACHINE):
        return "" if url.port == asked.port else "it is another port of this machine, and may be another user's"
    if registry == realm:
        return ""
    address = _address(realm)
    if address is not None or _looks_numeric(realm):
        if address is not None and address == _address(registry):
            return ""
        return "it is an address, and not the registry's own"
    if _address(registry) is not None:
        return "the registry is an address, and this is another host"
    domain = _owned_domain(realm)
    if domain is None or domain != _owned_domain(registry):
        return f"it does not belong to the domain of {registry}"
    return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _looks_numeric(host: str) -> bool:
    """Tell whether a resolver reads an address in it: ``0x7f.1``, ``2130706433``, ``0177.0.0.1``.

    inet_aton takes 1 to 4 parts, decimal, octal or hexadecimal; no top-level domain is a number (WHATWG URL, 3.5).
    """
    last = host.rpartition(".")[2]
    return last.isdigit() or (last.startswith("0x") and all(c in "0123456789abcdef" for c in last[2:]))


def _owned_domain(host: str) -> str | None:
    """Return the end of a host's name that has one owner: ``example.co.uk``; None for a bare suffix such as ``github.io``."""
    registered = _suffixes().privatesuffix(host)
    if not isinstance(registered, str):
        return None
    if is_shared(host):
        return host
    return max(registered, _namespace(host), key=len)


def _namespace(host: str) -> str:
    """Return a Kubernetes host from its namespace on: ``team.svc.cluster.local``. ``""`` for another host.

    A service is ``NAME.NAMESPACE.svc.ZONE``, a pod ``ADDRESS.NAMESPACE.pod.ZONE``, whatever the cluster's zone is.
    """
    labels = host.split(".")
    places = [at for at, label in enumerate(labels) if at > 1 and label in ("svc", "pod")]
    return ".".join(labels[places[-1] - 1 :]) if places else ""


def _is_this_machine(url: Url) -> bool:
    """Tell whether a URL's host is this machine, by its spelling. A number in an odd spelling counts as this machine."""
    host = _bare(url.host)
    if is_loopback(url.authority) or host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return _looks_numeric(host) if address is None else address.is_loopback or address.is_unspecified


@cache
def _suffixes() -> PublicSuffixList:
    """Return the public suffix list; reading it takes longer than a whole login."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
