"""Makes sure that Shorepass gets the exit status of each program that it starts."""

from __future__ import annotations

import signal
import sys

__all__ = ["report_their_end"]


def report_their_end() -> None:
    """Set SIGCHLD to its default for this process.

    If the caller ignores it, every exit status is lost and counts as 0.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
