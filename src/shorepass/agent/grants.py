"""The grants that the agent serves: each begins with its row in the file of the grants, and ends with it."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from shorepass.agent.lent_engine import LentEngine
from shorepass.agent.lent_helper import LentHelper
from shorepass.errors import ShorepassError
from shorepass.grants import file, folder
from shorepass.grants.grant import ENGINE, FORWARD

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from shorepass.agent.lender import Lender
    from shorepass.grants.grant import Grant

    class Served(Protocol):
        """A grant that is served."""

        def close(self) -> None:
            """End it at once."""


__all__ = ["Lending"]

SERVERS: dict[str, Callable[[Lender, Grant], Served]] = {FORWARD: LentHelper, ENGINE: LentEngine}


class Lending:
    """Serves the grants of a lender."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._lock = Lock()
        self._served: dict[str, tuple[Grant, Served]] = {}

    def __len__(self) -> int:
        """Return how many grants are served."""
        return len(self._served)

    def refresh(self) -> dict[str, str]:
        """Serve the grants that the file has, and end all others. Return why a grant is not served, by its id.

        Raises FileError, MalformedFile; then the sockets remain, and refuse everything.
        """
        with self._lock:
            now = time.time()
            known = {id_: grant for id_, grant in file.load(self._lender.here).items() if not grant.end(now)}
            for id_ in set(self._served) - set(known):
                grant, served = self._served.pop(id_)
                served.close()
                folder.remove(grant)
            troubles = {}
            for id_ in set(known) - set(self._served):
                try:
                    self._served[id_] = (known[id_], self._serve(known[id_]))
                except ShorepassError as error:
                    troubles[id_] = error.message
            return troubles

    def close(self) -> None:
        """End all sockets. The folders remain, so that the next agent serves them again."""
        with self._lock:
            for _, served in self._served.values():
                served.close()
            self._served.clear()

    def _serve(self, grant: Grant) -> Served:
        """Serve a grant. Raises UsageError, WriteError, ShorepassError."""
        folder.make(grant)
        return SERVERS[grant.mode](self._lender, grant)
