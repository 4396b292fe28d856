"""What all modes of a grant ask: whether it still counts, and which login docker would send here.

Shorepass reads the file of the grants and the policy once for each use, and again after a wait. A grant that is not there has
ended, even if its socket is still open, and a new rule of the policy counts at once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

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
    from shorepass.grants.policy import Policy
    from shorepass.resolution import Resolution

__all__ = ["Lender", "NotLent", "Terms"]


class NotLent(ShorepassError):
    """The grant does not count, or not now; the message is the reason."""


class Terms(NamedTuple):
    """A grant that counts and the policy, as both are stored at one use. After a wait, read them again."""

    grant: Grant
    policy: Policy

    def check_use(self, repository: str, *, push: bool = False) -> None:
        """Raise NotLent if the policy refuses a use. ``repository``: or a registry. Raises InvalidReference."""
        if refusal := self.policy.refusal_of_use(self.grant, repository, time.time(), push=push):
            raise NotLent(f"the lender's policy {refusal}")


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

    def terms(self, id_: str) -> Terms:
        """Return a grant that counts now, and the policy. Raises NotLent, FileError, MalformedFile: also of the policy."""
        grant = file.load(self.here).get(id_)
        ended = "it was revoked" if grant is None else self.end(grant)
        if grant is None or ended:
            raise NotLent(f"the grant has ended: {ended}")
        if self._is_locked():
            raise NotLent(f"the lender's agent is locked; the lender's fix: {command(None, 'unlock')}")
        return Terms(grant, policy_file.load(self.here))

    def end(self, grant: Grant) -> str:
        """Return why a grant no longer counts, "" if it does: by the time of day, and by a clock that no one sets back."""
        is_over = self.lifetimes.is_over(grant)
        return grant.end(time.time()) or ("its time is over" if is_over else "")

    def resolve(self, terms: Terms, repository: str, *, push: bool = False) -> Resolution:
        """Return what docker would send here for a repository or a registry. ``push``: to push to it.

        Raises NotLent: the policy refuses it; ShorepassError, NeedsPassphrase.
        """
        terms.check_use(repository, push=push)
        registry, _, path = repository.partition("/")
        return find(DEFAULT).resolve(self.context(terms.grant), Reference(registry, path))

    def check_logins(self, terms: Terms) -> None:
        """Raise Unlendable if docker has no login here for something that a grant names without ``*``."""
        exact = [repository for repository in terms.grant.repositories if "*" not in repository]
        for name in (*terms.grant.whole, *exact):
            try:
                credential = self.resolve(terms, name).credential
            except (ShorepassError, NeedsPassphrase):
                continue  # no one knows whether there is a login, and each use asks again
            if isinstance(credential, Anonymous):
                raise no_login(name.partition("/")[0])

    def check_policy(self, grant: Grant) -> None:
        """Raise ShorepassError if the policy does not allow all of a grant, or is broken."""
        if refusal := policy_file.load(self.here).refusal_of(grant, time.time()):
            raise ShorepassError(f"the lender's policy {refusal}")

    def must_ask(self, terms: Terms, repository: str, caller: Caller, *, push: bool = False) -> bool:
        """Tell whether the user must say yes before a use. ``repository``: or a registry.

        Raises NotConfirmed, InvalidReference; NotLent: the policy refuses it.
        """
        if not (terms.grant.confirm or terms.policy.confirm):
            return False
        terms.check_use(repository, push=push)
        return not self.confirmations.has_allowed(terms.grant, _registry_of(repository), caller)

    def confirm(self, terms: Terms, repository: str, caller: Caller) -> None:
        """Wait for the user's yes. Raises NotConfirmed, InvalidReference."""
        seconds = terms.policy.answer_seconds
        self.confirmations.require(terms.grant, _registry_of(repository), caller, seconds)

    def context(self, grant: Grant) -> LocalContext:
        """Return the user's context as it was when the grant was made. Raises ShorepassError."""
        variables = {"DOCKER_CONFIG": grant.config} if grant.config else {}
        environ = {**self.here.environment(), **variables}
        return with_store(LocalContext(environ, directory="/", memory=self._memory()))

    def count(self, grant: Grant) -> None:
        """Count one use, if the grant has a number of them. Raises NotLent, WriteError, FileError, MalformedFile."""
        if grant.max_uses and not file.count_use(self.here, grant.id, time.time()):
            raise NotLent("the grant has ended: it was used up")


def _registry_of(repository: str) -> str:
    """Return the registry of a repository in the spelling that answers are remembered for. Raises InvalidReference."""
    return registry_meant(repository.partition("/")[0])
