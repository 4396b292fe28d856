"""The exit status of a program that Shorepass starts, also where the caller ignores the end of a child."""

from __future__ import annotations

import signal
import sys

__all__ = ["report_their_end"]


def report_their_end() -> None:
    """Handle SIGCHLD by default, for this process: where it is ignored, every exit status is lost and counts as 0."""
    if sys.platform != "win32":
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
