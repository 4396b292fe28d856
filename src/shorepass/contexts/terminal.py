"""Asks for a secret on the terminal of this process, never on standard input."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.errors import StoreLocked
from shorepass.foreign_text import visible
from shorepass.waiting import settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["WITHOUT", "agrees", "ask", "is_in_front", "is_there", "locked", "nobody"]

LOOK_SECONDS = 0.25  # between two looks whether a question is over
LINE_LIMIT = 1024  # bytes

WITHOUT = "it wants a passphrase, and there is no terminal to ask on"


def ask(prompt: str) -> str:
    """Return what the user typed, which is not shown.

    Raises StoreLocked: no terminal, or nothing was typed.
    """
    import getpass

    settle()
    try:
        _open()
        typed = getpass.getpass(visible(prompt))
    except OSError:
        raise locked() from None
    except EOFError:  # Ctrl-D
        typed = ""
    if not typed:
        raise StoreLocked("vault", "no passphrase was given")
    return typed


def is_in_front() -> bool:
    """Tell whether this process is in the foreground of a terminal.

    In the background it would be stopped when it reads.
    """
    if sys.platform == "win32":
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def agrees(question: str, is_over: Callable[[], bool]) -> bool | None:
    """Ask a question that ``y`` or ``yes`` agrees to.

    Return None if it is over before the user answers, or if there is no terminal. What was typed before the question is not
    an answer.
    """
    import termios

    settle()
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        termios.tcflush(terminal, termios.TCIFLUSH)
        os.write(terminal, f"\n{visible(question)} [y/N]: ".encode())
        while not select.select([terminal], [], [], LOOK_SECONDS)[0]:
            if is_over():
                os.write(terminal, b"\n")
                return None
        return os.read(terminal, LINE_LIMIT).strip().lower() in (b"y", b"yes")
    except (OSError, termios.error):
        return None
    finally:
        os.close(terminal)


def _open() -> None:
    """Raise OSError if there is no terminal.

    getpass would then read standard input, and show what is typed.
    """
    if sys.platform != "win32":
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))


def is_there() -> bool:
    """Tell whether the user can be asked.

    There must be a terminal, and this must be the main thread.

    Only the main thread asks, so that there is one question at a time.
    """
    import threading

    try:
        _open()
    except OSError:
        return False
    return threading.current_thread() is threading.main_thread()


def locked() -> StoreLocked:
    """Return the error for a passphrase that is missing.

    There is no terminal, or it was not typed.
    """
    rekey = command(None, "vault", "rekey", "--machine-key")
    try:
        _open()
    except OSError:
        hint = f"run it in a terminal; or use a key without a passphrase: {rekey}"
        return StoreLocked("vault", WITHOUT, hint=hint)
    hint = f"run it again and type the passphrase; or use a key without a passphrase: {rekey}"
    return StoreLocked("vault", "locked: its passphrase was not typed", hint=hint)


def nobody(prompt: str) -> NoReturn:
    """Raise StoreLocked, for a caller that must not ask a question."""
    raise StoreLocked("vault", f"cannot ask you here: {prompt}")
