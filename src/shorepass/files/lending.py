"""Lends bytes to a library that accepts only a path."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lent"]


@contextmanager
def lent(data: bytes) -> Iterator[str]:
    """Yield a path with ``data``, which no other user can open, until the block ends.

    Linux: memory without a name (memfd_create(2)). Other Unix systems: a pipe, which is never on a disk.
    Windows, which has neither: a file with an unguessable name in the user's own folder for temporary files.
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
    elif os.name == "posix":
        with _pipe(data) as fd:
            yield f"/dev/fd/{fd}"
    else:
        fd, path = tempfile.mkstemp(prefix="shorepass-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            yield path
        finally:
            os.unlink(path)


@contextmanager
def _pipe(data: bytes) -> Iterator[int]:
    """Yield the end of a pipe from which ``data`` is read.

    A thread writes, because a pipe has room for only some KiB.
    """
    reading, writing = os.pipe()

    def feed() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield reading
    finally:
        os.close(reading)
        feeder.join()
