"""Modes ``token`` and ``export``: a config file with secrets.

The agent writes it, writes it again before they end, and removes them.

While the agent is locked, and if no new secret can be had, the file is there without a login. So its client asks anonymously.
"""

from __future__ import annotations

import os
import time
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.call import Answer
from shorepass.agent.held_keys import NeedsPassphrase
from shorepass.agent.lender import NotLent
from shorepass.agent.lifetimes import since_boot
from shorepass.agent.served import Served, with_fix
from shorepass.contexts.caller import Caller
from shorepass.contexts.command import command
from shorepass.errors import LoginRefused, PermissionDenied, RateLimited, ShorepassError, Unreachable, printable
from shorepass.grants.folder import empty_config, write_config
from shorepass.share.writers import docker_config

if TYPE_CHECKING:
    from shorepass.agent.lender import Lender
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant
    from shorepass.share.found_logins import FoundLogins

__all__ = ["LentFile"]

LOOK_SECONDS = 15.0  # between two looks at the clock, because the machine may sleep
RETRY_SECONDS = 15.0
REFUSED_SECONDS = 900.0  # registries lock accounts
LEAST_SECONDS = 5.0  # between two times that the file is written
WAIT_SECONDS = 45.0  # for the first file
SHOWN = 200  # characters of a reason in the audit log


class _Use(NamedTuple):
    """What the agent did to a file, for the audit log."""

    server_url: str
    verb: str
    name: str


class LentFile(Served):
    """Serves a grant by its config file."""

    def __init__(self, lender: Lender, grant: Grant) -> None:
        self._lender = lender
        self._grant = grant
        self._until = 0.0  # when the secret in the file ends; 0 without one
        self._token_end = 0.0
        self._trouble = ""
        self._tried = Event()
        self._changed = Condition()
        self._is_closed = False
        self._is_woken = False
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Remove the secrets at once, and end."""
        with self._changed:
            self._withdraw()
            self._is_closed = True
            self._changed.notify()

    def withdraw(self) -> None:
        """Remove the secrets at once, until ``wake``."""
        with self._changed:
            self._withdraw()

    def wake(self) -> None:
        """Try again now."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def token_end(self) -> float:
        """Return when the last token that was in the file ends: a copy of it can outlive the file."""
        return self._token_end

    def trouble(self) -> str:
        """Return why the file has no login, "" if it has one; wait for the first try."""
        if not self._tried.wait(WAIT_SECONDS):
            return "no answer yet"
        return self._trouble

    def _serve(self) -> None:
        while not self._is_closed:
            try:
                due = since_boot() + self._renew()
            except Exception as error:  # noqa: BLE001  # a full disk must not end the thread, which removes the secret
                self._trouble = error.message if isinstance(error, ShorepassError) else type(error).__name__
                due = since_boot() + RETRY_SECONDS
            self._tried.set()
            with self._changed:
                while self._may_wait() and since_boot() < due:
                    self._changed.wait(min(LOOK_SECONDS, max(0.0, due - since_boot())))
                self._is_woken = False

    def _may_wait(self) -> bool:
        """Tell whether the file can remain as it is. The policy may refuse it in the meantime."""
        if self._is_closed or self._is_woken:
            return False
        try:
            if self._until:
                self._lender.check_policy(self._grant)
        except ShorepassError:
            return False
        return True

    def _renew(self) -> float:
        """Write the file again; return after how many seconds to do that again."""
        start = time.perf_counter()
        now = time.time()
        try:
            found = self._found(self._lender.terms(self._grant.id).grant)
            content = docker_config(found.logins).encode()
            with self._changed:
                if self._is_closed:
                    return 0.0
                self._lender.terms(self._grant.id)  # because it may have been locked or revoked in the meantime
                write_config(self._grant, content)
                self._until = found.until
                self._token_end = max(self._token_end, found.token_end)
        except NotLent as error:
            self.withdraw()
            self._trouble = error.message
            return max(LEAST_SECONDS, self._grant.until - now)
        except NeedsPassphrase:
            return self._fail(ShorepassError(f"type the passphrase first: {command(None, 'unlock')}"), start)
        except ShorepassError as error:
            return self._fail(error, start)
        except Exception as error:  # noqa: BLE001  # a fault must not leave a secret in the file
            return self._fail(ShorepassError(f"a fault of the agent: {type(error).__name__}"), start)
        self._trouble = ""
        self._tell(Answer(0, b"", source="agent"), "renew", start)
        end = min(found.until, self._grant.until)
        if found.token_end and end == self._grant.until:  # another token would outlive the grant for longer
            return max(LEAST_SECONDS, end - now)
        return max(LEAST_SECONDS, (end - now) / 2)

    def _found(self, grant: Grant) -> FoundLogins:
        """Return the logins or tokens of a grant. Raises ShorepassError, NeedsPassphrase."""
        from shorepass.share.found_logins import find_logins  # late: it asks registries, which few agents do

        self._lender.check_policy(grant)

        def resolve(repository: str) -> Credential:
            return self._lender.resolve(self._lender.terms(grant.id), repository).credential

        return find_logins(self._lender.context(grant), grant, resolve)

    def _fail(self, error: ShorepassError, start: float) -> float:
        """Write the reason into the log, and remove the secret unless it is still valid and a registry did not answer."""
        self._trouble = with_fix(error)
        is_away = isinstance(error, Unreachable | RateLimited)
        left = self._until - time.time()
        if is_away and left > 0:
            self._tell(Answer(1, b"", source=printable(error.message, SHOWN)), "renew", start)
            return min(RETRY_SECONDS, left)
        self.withdraw()
        self._tell(Answer(1, b"", source=printable(error.message, SHOWN)), "remove", start)
        return REFUSED_SECONDS if isinstance(error, LoginRefused | PermissionDenied) else RETRY_SECONDS

    def _withdraw(self) -> None:
        if self._until and not self._is_closed:
            empty_config(self._grant)
            self._until = 0.0

    def _tell(self, answer: Answer, verb: str, start: float) -> None:
        what = ", ".join(self._grant.repositories or self._grant.registries)
        caller = Caller(os.getpid(), os.geteuid())
        use = _Use(what, verb, self._grant.mode)
        self._lender.log.write(caller, use, answer, time.perf_counter() - start, grant=self._grant.id)
