"""How this Shorepass is installed, and the command that adds a library to it.

Shorepass is on no package index, so no hint names an extra of it there: the library itself is added, by the program that
made the environment. Sources: pipx.pypa.io (``pipx_metadata.json``), docs.astral.sh/uv (``uv-receipt.toml``), PEP 668.
"""

from __future__ import annotations

import os
import shlex
import sys

__all__ = ["command_to_add", "command_to_remove"]


def command_to_add(*libraries: str) -> str:
    """Return the command that installs libraries beside this Shorepass.

    You can paste it into a shell.
    """
    from importlib.util import find_spec

    words = [sys.executable, "-m", "pip", "install"]
    if _has("pipx_metadata.json"):
        words = ["pipx", "inject", os.path.basename(sys.prefix)]
    elif _has("uv-receipt.toml") or find_spec("pip") is None:
        words = ["uv", "pip", "install", "--python", sys.executable]
    elif sys.prefix == sys.base_prefix and _is_managed_by_the_system():
        words.append("--break-system-packages")  # Shorepass itself is there by that flag alone
    return shlex.join([*words, *libraries])


def command_to_remove() -> str:
    """Return the command that removes this Shorepass from where it is installed.

    You can paste it into a shell.
    """
    from importlib.util import find_spec

    words = [sys.executable, "-m", "pip", "uninstall", "shorepass"]
    if _has("pipx_metadata.json"):
        words = ["pipx", "uninstall", os.path.basename(sys.prefix)]
    elif _has("uv-receipt.toml"):
        words = ["uv", "tool", "uninstall", os.path.basename(sys.prefix)]
    elif find_spec("pip") is None:
        words = ["uv", "pip", "uninstall", "--python", sys.executable, "shorepass"]
    elif sys.prefix == sys.base_prefix and _is_managed_by_the_system():
        words.insert(4, "--break-system-packages")
    return shlex.join(words)


def _has(name: str) -> bool:
    return os.path.exists(os.path.join(sys.prefix, name))


def _is_managed_by_the_system() -> bool:
    return os.path.exists(os.path.join(os.path.dirname(os.__file__), "EXTERNALLY-MANAGED"))
