"""How much of the audit log a grant can fill: so many bytes, and after that one line now and then, with a count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shorepass.agent.pace import Pace
from shorepass.helper.protocol import Verb

if TYPE_CHECKING:
    from typing import Any

__all__ = ["NO_USE", "GrantLines", "encoded"]

# Bytes at once, some 700 lines, and then per second. The log keeps 15 MiB at least, which a grant fills in five days.
BURST, A_SECOND = 256 * 1024.0, 32.0
# These give no login. Who uses a file that was renewed is not seen.
NO_USE = (Verb.LIST, Verb.VERSION, "confirm", "renew")
ALWAYS = "confirm"  # the user's own answers


class GrantLines:
    """The lines of one grant. ``now``: in seconds of any clock. Several threads must not call it at once."""

    def __init__(self) -> None:
        self._pace = Pace(BURST, A_SECOND)
        self._left: dict[str, Any] = {}
        self._count = 0
        self._given = 0

    def take(self, line: dict[str, Any], now: float) -> bytes:
        """Return a line as it is written, or "" if it is only counted."""
        data = encoded(line)
        if line["verb"] == ALWAYS or (not self._count and self._pace.allows(now, len(data))):
            return data
        is_given = line["result"] == "ok" and line["verb"] not in NO_USE
        if is_given or not self._given:
            self._left = line
        self._count += 1
        self._given += is_given
        return b""

    def counted(self, now: float | None = None) -> bytes:
        """Return the line for those that were left out, "" if no request was left out, or if it is too early.

        It is the last of them, if possible one that gave a login, with their number. ``now``: None if it is never too early.
        """
        if not self._count:
            return b""
        data = encoded({**self._left, "requests": self._count, "given": self._given})
        if now is not None and not self._pace.allows(now, len(data)):
            return b""
        self._count = self._given = 0
        return data


def encoded(line: dict[str, Any]) -> bytes:
    """Return a line as it is written."""
    return json.dumps(line).encode() + b"\n"
