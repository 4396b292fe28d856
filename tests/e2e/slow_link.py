"""Two network namespaces and a link between them whose round trip takes as long as one through the internet.

Each end is a TUN device, and a process of its own carries each packet from one to the other after half a round trip. (``tc
netem`` does the same, but many kernels of virtual machines are built without it.) Needs root.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import struct
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from e2e.programs import require, run

__all__ = ["CLIENT", "SERVER", "SlowLink", "slow_link"]

CLIENT, SERVER = "192.0.2.1", "192.0.2.2"  # TEST-NET-1, RFC 5737: they belong to nobody

_LIBC = ctypes.CDLL(None, use_errno=True)  # Python has unshare(2) and setns(2) from 3.12 on
_CLONE_NEWNET = 0x40000000
_OWN = Path("/proc/thread-self/ns/net")
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class SlowLink:
    """Both ends. ``with link.client():`` starts programs at that end; only one thread may use it."""

    def __init__(self, client: int, server: int) -> None:
        self._client = client
        self._server = server

    def client(self) -> contextlib.AbstractContextManager[None]:
        """Return what programs are started in, at the end that has the address CLIENT."""
        return _inside(self._client)

    def server(self) -> contextlib.AbstractContextManager[None]:
        """Return what programs are started in, at the end that has the address SERVER."""
        return _inside(self._server)


@contextlib.contextmanager
def slow_link(round_trip: float) -> Iterator[SlowLink]:
    """Make a link. ``round_trip``: seconds, besides what the ends themselves take."""
    with contextlib.ExitStack() as stack:
        ends = [_make_end(stack, own, peer) for own, peer in ((CLIENT, SERVER), (SERVER, CLIENT))]
        (client, near), (server, far) = ends
        carrier = os.fork()
        if carrier == 0:
            _carry(near, far, round_trip / 2)
        try:
            yield SlowLink(client, server)
        finally:
            os.kill(carrier, signal.SIGKILL)
            os.waitpid(carrier, 0)


def _make_end(stack: contextlib.ExitStack, own: str, peer: str) -> tuple[int, int]:
    """Return a new namespace and the device in it, both as open files."""
    here = _opened(stack, str(_OWN), os.O_RDONLY)
    _checked(_LIBC.unshare(_CLONE_NEWNET))
    try:
        namespace = _opened(stack, str(_OWN), os.O_RDONLY)
        device = _opened(stack, "/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"slow", _IFF_TUN | _IFF_NO_PI))
        for words in (f"address add {own} peer {peer} dev slow", "link set slow up", "link set lo up"):
            done = run([require("ip"), *words.split()])
            assert done.returncode == 0, done.stderr
    finally:
        _checked(_LIBC.setns(here, 0))
    return namespace, device


def _opened(stack: contextlib.ExitStack, path: str, flags: int) -> int:
    opened = os.open(path, flags)
    stack.callback(os.close, opened)
    return opened


@contextlib.contextmanager
def _inside(namespace: int) -> Iterator[None]:
    before = os.open(_OWN, os.O_RDONLY)
    try:
        _checked(_LIBC.setns(namespace, 0))
        yield
        _checked(_LIBC.setns(before, 0))
    finally:
        os.close(before)


def _checked(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _carry(near: int, far: int, delay: float) -> None:
    """Carry packets both ways until killed: each leaves ``delay`` seconds after it came, so in the order in which they came."""
    other = {near: far, far: near}
    waiting: deque[tuple[float, int, bytes]] = deque()
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for device in select.select([near, far], [], [], left)[0]:
            packet = os.read(device, 65536)
            waiting.append((time.monotonic() + delay, other[device], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, device, packet = waiting.popleft()
            os.write(device, packet)
