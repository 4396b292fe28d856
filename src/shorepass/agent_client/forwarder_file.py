"""Where this installation has the forwarder: one program for each system and machine, made while the package is built."""

from __future__ import annotations

import os

import shorepass

__all__ = ["path_for"]

FOLDER = "forwarders"
# The name of the program for each system, and each name that uname gives a machine there.
PROGRAMS = {
    ("linux", "x86_64"): "linux-x86_64",
    ("linux", "aarch64"): "linux-aarch64",
    ("linux", "arm64"): "linux-aarch64",
    ("linux", "amd64"): "linux-x86_64",
    ("darwin", "x86_64"): "darwin-x86_64",
    ("darwin", "arm64"): "darwin-arm64",
    ("darwin", "aarch64"): "darwin-arm64",  # as a context names it
}


def path_for(system: str, machine: str) -> str | None:
    """Return the path of the forwarder for a machine.

    ``system`` and ``machine`` are as ``uname`` has them, in any case: ``Linux`` and ``x86_64``. None: this installation has
    no forwarder for that machine, because it is another one, or because there was no compiler when the package was built.

    >>> path_for("Plan9", "x86_64") is None
    True
    """
    name = PROGRAMS.get((system.lower(), machine.lower()))
    if name is None:
        return None
    path = os.path.join(os.path.dirname(shorepass.__file__), FOLDER, name)
    return path if os.path.exists(path) else None
