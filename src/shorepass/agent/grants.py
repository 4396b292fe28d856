"""The grants that the agent serves: each begins with its row in the file of the grants, and ends with it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from shorepass.agent.lent_engine import LentEngine
from shorepass.agent.lent_file import LentFile
from shorepass.agent.lent_helper import LentHelper
from shorepass.agent.lent_mount import LentMount
from shorepass.agent.served import with_fix
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, printable
from shorepass.grants import file, folder
from shorepass.grants.grant import ENGINE, EXPORT, FORWARD, MOUNT, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shorepass.agent.lender import Lender
    from shorepass.agent.served import Served
    from shorepass.grants.grant import Grant

__all__ = ["Lending"]

SERVERS: dict[str, Callable[[Lender, Grant], Served]] = {
    FORWARD: LentHelper,
    ENGINE: LentEngine,
    TOKEN: LentFile,
    EXPORT: LentFile,
    MOUNT: LentMount,
}


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
        """Serve the grants that the file has, and end all others. Return the trouble with each grant, by its id.

        Raises FileError, MalformedFile; then the sockets remain, and refuse everything.
        """
        with self._lock:
            is_first = not self._served
            stored = file.load(self._lender.here)
            self._lender.lifetimes.keep(stored)
            known = {id_: grant for id_, grant in stored.items() if not self._lender.end(grant)}
            troubles = _try_each(set(self._served) - set(known), self._end)
            over = [id_ for id_, grant in stored.items() if self._lender.lifetimes.is_over(grant)]
            troubles |= _try_each(over, lambda id_: file.remove(self._lender.here, [id_]))
            if is_first:
                folder.sweep(self._lender.here, known)
            return {**troubles, **_try_each(set(known) - set(self._served), lambda id_: self._begin(known[id_]))}

    def check(self, id_: str) -> dict[str, str]:
        """Return why a new grant has nothing to lend, by its id; empty if it has, or is not served."""
        _, served = self._served.get(id_, (None, None))
        try:
            if served:
                served.check()
        except ShorepassError as error:
            return {id_: with_fix(error)}
        return {}

    def troubles(self) -> dict[str, str]:
        """Return why a grant that is served lends nothing, by its id; wait for the first try of each."""
        found = {id_: served.trouble() for id_, (_, served) in list(self._served.items())}
        return {id_: trouble for id_, trouble in found.items() if trouble}

    def token_ends(self) -> dict[str, float]:
        """Return when the registry tokens of grants end, by the id, in seconds since 1970."""
        found = {id_: served.token_end() for id_, (_, served) in list(self._served.items())}
        return {id_: end for id_, end in found.items() if end}

    def withdraw(self) -> None:
        """Remove what is secret from the targets, because the agent is locked.

        Raises ShorepassError: it is not removed from one; from the others it is.
        """
        troubles = _try_each(list(self._served), lambda id_: self._served[id_][1].withdraw())
        for id_, trouble in troubles.items():
            raise ShorepassError(f"the grant {id_} remains in its target: {trouble}", hint=command(None, "revoke", id_))

    def wake(self) -> None:
        """Undo ``withdraw``."""
        for _, served in list(self._served.values()):
            served.wake()

    def close(self) -> None:
        """End all sockets, and remove secrets. The folders remain, so that the next agent serves them again."""
        with self._lock:
            _try_each(self._served, lambda id_: self._served[id_][1].close())
            _try_each(self._served, self._lender.log.end)
            self._served.clear()

    def _begin(self, grant: Grant) -> None:
        """Serve a grant. Raises UsageError, WriteError, ShorepassError."""
        if not folder.is_own(self._lender.here, grant):
            raise ShorepassError(f"{printable(grant.folder)} is not in a run folder of this agent (XDG_RUNTIME_DIR)")
        folder.make(grant)
        self._served[grant.id] = grant, SERVERS[grant.mode](self._lender, grant)

    def _end(self, id_: str) -> None:
        """End a grant, and remove its folder also if its mode fails. Raises WriteError."""
        grant, served = self._served.pop(id_)
        try:
            served.close()
        finally:
            folder.remove(grant)
            self._lender.confirmations.forget(id_)
            self._lender.log.end(id_)


def _try_each(ids: Iterable[str], do: Callable[[str], None]) -> dict[str, str]:
    """Call ``do`` for each grant; return why it failed, by the id."""
    troubles = {}
    for id_ in ids:
        try:
            do(id_)
        except ShorepassError as error:
            troubles[id_] = error.message
        except Exception as error:  # noqa: BLE001  # such as a full disk: it must not stop other grants, or the agent
            troubles[id_] = f"{type(error).__name__}: {error}"
    return troubles
