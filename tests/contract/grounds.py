"""The grounds on which the contract of contexts is tested: a context of each kind, and another way into the same place.

To add a kind: write a fixture ``ground_KIND`` in ``conftest.py`` beside this, which yields a ``Ground``, and add
KIND to ``KINDS``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import NamedTuple

from shorepass.contexts import Context

__all__ = ["KINDS", "KINDS_OF_ROOT", "Ground"]

KINDS = ("me", "shell", "kube", "ssh")
KINDS_OF_ROOT = ("user", "sudo", "docker", "podman")  # only root has them, or all of them


class Ground(NamedTuple):
    """``folder``: an empty folder below the context's home, its user's own. ``sh``: runs a script there as that user.

    ``sh(script, stdin)`` returns what the script prints; it is another way into the place than the context's own. The
    folder is its working directory.
    """

    context: Context
    folder: str
    sh: Callable[[str, bytes], bytes]

    def at(self, name: str) -> str:
        """Return the path of something in the folder."""
        return f"{self.folder}/{name}"

    def write(self, name: str, data: bytes, mode: int = 0o600) -> str:
        """Make a file in the folder, with the folders above it, and return its path."""
        path = shlex.quote(self.at(name))
        self.sh(f'umask 077; mkdir -p "$(dirname {path})"; cat >{path}; chmod {mode:o} {path}', data)
        return self.at(name)

    def look(self, name: str) -> tuple[str, bytes]:
        """Return a file's owner and mode (``1000 600``), and its bytes."""
        path = shlex.quote(self.at(name))
        return self.sh(f"stat -c '%u %a' {path}", b"").decode().strip(), self.sh(f"cat {path}", b"")

    def own(self, mode: str) -> str:
        """Return what ``look`` says of a file of the context's user."""
        return f"{self.context.uid} {mode}"

    @property
    def is_roots(self) -> bool:
        """The context's user may read and write everything there."""
        return self.context.uid == 0


def all_kinds() -> tuple[str, ...]:
    """Return every kind that this user can have."""
    return KINDS + (KINDS_OF_ROOT if os.geteuid() == 0 else ())
