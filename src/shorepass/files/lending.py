"""Lend bytes to a library that takes nothing but a path."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lent"]


@contextmanager
def lent(data: bytes) -> Iterator[str]:
    """Yield a path that holds ``data``, for as long as the block lasts, and that no other user can open.

    On Linux it is memory without a name (memfd_create(2)); elsewhere a file of mode 0600 with an unguessable name.
    """
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        fd = os.memfd_create("shorepass", os.MFD_CLOEXEC)
        try:
            os.fchmod(fd, 0o600)
            with os.fdopen(os.dup(fd), "wb") as memory:
                memory.write(data)
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)
        return
    fd, path = tempfile.mkstemp(prefix="shorepass-")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        yield path
    finally:
        os.unlink(path)
