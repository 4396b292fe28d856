"""Connects to a host by its name, within one deadline.

The system's look-up of names cannot be interrupted, and needs 10 s and more if a name server does not answer. So it runs in a
thread, which is not waited for after the deadline.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from shorepass.http.ahead import Ahead

if TYPE_CHECKING:
    from typing import Any

__all__ = ["NameServerTimeoutError", "dial", "hint_about", "is_dead", "resolve"]

PROBE = "registry-1.docker.io"  # a name that resolves on every machine with the internet's DNS
PROBE_SECONDS = 3.0
NETWORK = "check this machine's network and DNS; behind a proxy, set HTTPS_PROXY"


class NameServerTimeoutError(TimeoutError):
    """No name server answered in time."""


def dial(host: str, port: int, deadline: float, *, only_loopback: bool = False) -> socket.socket:
    """Return a connection to the first address that accepts it.

    ``deadline``: by the monotonic clock, in seconds. ``only_loopback``: refuse other addresses, so that no password is sent
    without TLS if a hosts file gives ``localhost`` another address. Raises OSError: socket.gaierror, TimeoutError, and the
    error of connect(2) for the last address.
    """
    refused: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in resolve(host, port, deadline):
        if only_loopback and not ipaddress.ip_address(address[0].partition("%")[0]).is_loopback:
            refused = ConnectionRefusedError(f"{host} has no loopback address")
            continue
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(_left(deadline))
            wire.connect(address)
        except OSError as error:
            wire.close()
            refused = error
            continue
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return wire
    raise refused


def resolve(host: str, port: int, deadline: float) -> list[tuple[Any, ...]]:
    """Return the answer of getaddrinfo(3).

    Raises socket.gaierror, NameServerTimeoutError.
    """
    name = host.encode("ascii")  # because for text Python loads its tables of all alphabets
    asked = Ahead(partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM))
    try:
        return asked.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        raise NameServerTimeoutError from None


def hint_about(host: str, error: OSError, deadline: float) -> str:
    """Return the hint for a name that cannot be resolved.

    If another name cannot be resolved either, the cause is the network.
    """
    if host == PROBE or not isinstance(error, socket.gaierror) or error.errno == socket.EAI_AGAIN:
        return NETWORK
    try:
        resolve(PROBE, 443, min(deadline, time.monotonic() + PROBE_SECONDS))
    except OSError:
        return f"{PROBE} cannot be resolved either: {NETWORK}"
    return "is it spelled right?"


def is_dead(host: str, port: int, deadline: float, *, knock: bool) -> str:
    """Return why no one can connect to a host and port, "" if that is not known.

    Nothing is sent. Without ``knock``, the name is only looked up.
    """
    deadline = min(deadline, time.monotonic() + PROBE_SECONDS)
    try:
        resolve(host, port, deadline)
        if knock:
            dial(host, port, deadline).close()
    except socket.gaierror as error:
        # A name without a dot is one of another network, whatever this machine's name server is doing.
        is_final = error.errno == socket.EAI_NONAME or "." not in host
        return "its name cannot be resolved" if is_final else ""
    except ConnectionRefusedError:
        return "connection refused"
    except (OSError, UnicodeError):
        return ""
    return ""


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
