"""A secret that a person types on the terminal of this process: never one from standard input, which may be a pipe."""

from __future__ import annotations

import os
import sys

from shorepass.errors import StoreLocked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["ask", "nobody"]


def ask(prompt: str) -> str:
    """Return what was typed, unseen. Raises StoreLocked: there is no terminal, or nothing was typed."""
    import getpass

    try:
        if sys.platform != "win32":  # getpass would fall back to standard input, and show what is typed
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        typed = getpass.getpass(prompt)
    except (OSError, EOFError):
        raise StoreLocked(
            "vault", "it wants a passphrase, and there is no terminal to ask on", hint="run it once in a terminal"
        ) from None
    if not typed:
        raise StoreLocked("vault", "no passphrase was given")
    return typed


def nobody(prompt: str) -> NoReturn:
    """Ask nobody: for those who only want to know what can be known without. Raises StoreLocked."""
    raise StoreLocked("vault", f"a person would have to be asked: {prompt}")
