"""The audit log: one JSON line for each request, or for each burst of one grant, and never a secret.

``$XDG_STATE_HOME/shorepass/agent.log`` (mode 0600). At 5 MiB it becomes ``agent.log.1``; three are kept.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.agent.grant_lines import GrantLines, encoded
from shorepass.config.locations import join
from shorepass.config.own_folders import state_folder
from shorepass.errors import WriteError
from shorepass.files.appending import LogFile, last_lines
from shorepass.helper.protocol import Refusal, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    from shorepass.agent.call import Answer
    from shorepass.contexts.caller import Caller
    from shorepass.contexts.local import LocalContext

__all__ = ["AuditLog", "follow", "log_path", "records"]

SIZE_LIMIT = 5 * 1024 * 1024  # bytes
KEPT = 3
SHOWN = 200  # characters of each text that the caller chooses
SHOWN_FIRST = 6000  # bytes of the log that ``follow`` begins with: some 20 requests
FOLLOW_SECONDS = 0.3


def log_path(here: LocalContext) -> str:
    """Return the path of the log."""
    return join(here, state_folder(here), "agent.log")


if TYPE_CHECKING:

    class Asked(Protocol):
        """What was asked: a call of a helper, or a request to an engine. ``server_url``: the registry or the repository."""

        @property
        def name(self) -> str: ...
        @property
        def verb(self) -> str: ...
        @property
        def server_url(self) -> str: ...


class AuditLog:
    """Writes the log. ``trouble``: why the last line was not written, "" if it was. ``clock``: returns seconds."""

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.trouble = ""
        self._file = LogFile(path, limit=SIZE_LIMIT, kept=KEPT)
        self._lock = Lock()
        self._lines: dict[str, GrantLines] = {}  # by the grant

    def write(self, caller: Caller, call: Asked, answer: Answer | None, seconds: float, *, grant: str = "") -> None:
        """Add one line, in which text is as the caller sent it, in JSON's ASCII.

        ``answer``: None if the caller runs the program itself. ``grant``: by which the caller may ask. Of a flood
        by one grant, the log has the first lines, and then counts.
        """
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "uid": caller.uid,
            "pid": caller.pid,
            "program": caller.program[:SHOWN],
            "container": caller.container,
            "grant": grant,
            "helper": call.name[:SHOWN],
            "verb": call.verb[:SHOWN],
            "registry": call.server_url[:SHOWN],
            "result": _result(answer),
            "source": answer.source if answer else "",
            "ms": round(seconds * 1000, 3),
        }
        with self._lock:
            data = encoded(line)
            if grant:
                data = self._lines.setdefault(grant, GrantLines()).take(line, self._clock())
            self._append(data)

    def write_counts(self) -> None:
        """Write what grants have asked in excess of their lines, where it is time for it."""
        with self._lock:
            for lines in self._lines.values():
                self._append(lines.counted(self._clock()))

    def end(self, grant: str) -> None:
        """Write the last count of a grant, which asks no more."""
        with self._lock:
            if lines := self._lines.pop(grant, None):
                self._append(lines.counted())

    def _append(self, line: bytes) -> None:
        if not line:
            return
        try:
            self._file.append(line)
            self.trouble = ""
        except WriteError as error:
            self.trouble = error.message


def records(path: str) -> Iterator[dict[str, Any]]:
    """Yield the requests in the log, the oldest first; lines that are not whole are left out. Raises FileError."""
    for name in (*(f"{path}.{number}" for number in range(KEPT, 0, -1)), path):
        content = files.read(name, 2 * SIZE_LIMIT)
        for line in content.data.splitlines() if content else ():
            yield from _record(line)


def follow(path: str) -> Iterator[dict[str, Any]]:
    """Yield the last requests in the log, and then each new one, without end. Raises FileError."""
    for line in last_lines(path, size=SHOWN_FIRST, pause=FOLLOW_SECONDS):
        yield from _record(line)


def _record(line: bytes) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(line)
    except ValueError:
        return
    if isinstance(found, dict):
        yield found


def _result(answer: Answer | None) -> str:
    if answer is None:
        return "declined"
    if answer.status == 0:
        return "ok"
    return "not found" if refusal_of(answer.output) is Refusal.NOT_FOUND else "failed"
