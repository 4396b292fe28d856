"""What all modes of a grant ask: whether it still counts, and which login docker would send here.

Shorepass reads the file of the grants and the policy at each use. A grant that is not there has ended, even if its socket is
still open, and a new rule of the policy counts at once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.agent.confirmations import Confirmations
from shorepass.agent.held_keys import NeedsPassphrase
from shorepass.agent.lifetimes import Lifetimes, since_boot
from shorepass.client_table import DEFAULT
from shorepass.clients import find
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.credential import Anonymous
from shorepass.errors import ShorepassError
from shorepass.grants import file, policy_file
from shorepass.names import Reference, registry_meant
from shorepass.profile import with_store
from shorepass.share.unlendable import no_login

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.agent.audit_log import AuditLog
    from shorepass.contexts.caller import Caller
    from shorepass.grants.grant import Grant
    from shorepass.resolution import Resolution

__all__ = ["Lender", "NotLent"]


class NotLent(ShorepassError):
    """The grant does not count, or not now; the message is the reason."""


class Lender:
    """Finds the logins of grants. ``here``: the agent's own context, whose environment is used, and not the caller's.

    ``memory`` returns the agent's, ``is_locked`` its state. ``log``: for each use. ``clock``: see ``Lifetimes``.
    """

    def __init__(
        self,
        here: LocalContext,
        log: AuditLog,
        *,
        memory: Callable[[], Memory],
        is_locked: Callable[[], bool],
        clock: Callable[[], float] = since_boot,
    ) -> None:
        self.here = LocalContext(here.environment(), directory="/", memory=Memory())
        self.log = log
        self.confirmations = Confirmations(self.here, log)
        self.lifetimes = Lifetimes(clock)
        self._memory = memory
        self._is_locked = is_locked

    def grant(self, id_: str) -> Grant:
        """Return a grant that counts now. Raises NotLent, FileError, MalformedFile: also of the policy."""
        grant = file.load(self.here).get(id_)
        ended = "it was revoked" if grant is None else self.end(grant)
        if grant is None or ended:
            raise NotLent(f"the grant has ended: {ended}")
        if self._is_locked():
            raise NotLent(f"the lender's agent is locked; the lender's fix: {command(None, 'unlock')}")
        policy_file.load(self.here)  # a broken policy refuses everything
        return grant

    def end(self, grant: Grant) -> str:
        """Return why a grant no longer counts, "" if it does: by the time of day, and by a clock that no one sets back."""
        is_over = self.lifetimes.is_over(grant)
        return grant.end(time.time()) or ("its time is over" if is_over else "")

    def resolve(self, grant: Grant, repository: str, *, push: bool = False) -> Resolution:
        """Return what docker would send here for a repository or a registry. ``push``: to push to it.

        Raises NotLent: the policy refuses it; ShorepassError, NeedsPassphrase.
        """
        if refusal := policy_file.load(self.here).refusal_of_use(grant, repository, time.time(), push=push):
            raise NotLent(f"the lender's policy {refusal}")
        registry, _, path = repository.partition("/")
        return find(DEFAULT).resolve(self.context(grant), Reference(registry, path))

    def check_logins(self, grant: Grant) -> None:
        """Raise Unlendable if docker has no login here for something that a grant names without ``*``."""
        exact = [repository for repository in grant.repositories if "*" not in repository]
        for name in (*grant.whole, *exact):
            try:
                credential = self.resolve(grant, name).credential
            except (ShorepassError, NeedsPassphrase):
                continue  # no one knows whether there is a login, and each use asks again
            if isinstance(credential, Anonymous):
                raise no_login(name.partition("/")[0])

    def check_policy(self, grant: Grant) -> None:
        """Raise ShorepassError if the policy does not allow all of a grant, or is broken."""
        if refusal := policy_file.load(self.here).refusal_of(grant, time.time()):
            raise ShorepassError(f"the lender's policy {refusal}")

    def confirm(self, grant: Grant, repository: str, caller: Caller) -> None:
        """Wait for the user's yes, if the grant or the policy asks for one. ``repository``: or a registry.

        Raises NotConfirmed, InvalidReference, FileError, MalformedFile; NotLent: the policy refuses it.
        """
        policy = policy_file.load(self.here)
        if refusal := policy.refusal_of_use(grant, repository, time.time()):
            raise NotLent(f"the lender's policy {refusal}")
        if grant.confirm or policy.confirm:
            registry = registry_meant(repository.partition("/")[0])
            self.confirmations.require(grant, registry, caller, policy.answer_seconds)

    def context(self, grant: Grant) -> LocalContext:
        """Return the user's context as it was when the grant was made. Raises ShorepassError."""
        variables = {"DOCKER_CONFIG": grant.config} if grant.config else {}
        environ = {**self.here.environment(), **variables}
        return with_store(LocalContext(environ, directory="/", memory=self._memory()))

    def count(self, grant: Grant) -> None:
        """Count one use, if the grant has a number of them. Raises NotLent, WriteError, FileError, MalformedFile."""
        if grant.max_uses and not file.count_use(self.here, grant.id, time.time()):
            raise NotLent("the grant has ended: it was used up")
