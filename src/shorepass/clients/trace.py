"""The steps of one resolution by docker's config file, as they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.credential import Anonymous, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import SourceError, without_user_info
from shorepass.resolution import Outcome, Resolution, Source, Step

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.names import Reference

__all__ = ["Trace", "said"]


class Trace:
    """What ``client`` looks at for ``reference``. ``broken``: what it does where the answer is an error."""

    def __init__(self, context: Context, reference: Reference, client: str, server_url: str, *, broken: str) -> None:
        self.context = context
        self.reference = reference
        self.server_url = server_url
        self.client = client
        self._broken = broken
        who = f"uid {context.uid}, " if context.uid is not None else ""
        self._steps = [Step("context", Outcome.OK, context.name, f"{who}home {context.home() or 'unknown'}")]

    def add(self, kind: str, outcome: Outcome, subject: str, detail: str, hint: str | None = None) -> None:
        """Add a step."""
        self._steps.append(Step(kind, outcome, subject, detail, hint))

    def add_key(self, key: str, others: int) -> None:
        """Add the key that was taken. ``others``: how many more could be taken as well."""
        shown = without_user_info(key)
        if key == self.server_url:
            self.add("key", Outcome.OK, shown, f"what {self.client} asks for, exactly")
            return
        detail = f"its host is {self.server_url!r}, and there is no key of just that name"
        hint = None
        if others:
            detail += f"; the same holds for {others} more, and {self.client} takes one at random each time"
            hint = f"{command(self.context, 'logout', self.reference.registry, client=self.client)}, then log in again"
        self.add("key", Outcome.OK, shown, detail, hint)

    def add_entry(self, key: str, credential: Credential) -> None:
        """Add what an entry holds."""
        key = without_user_info(key)
        if isinstance(credential, Anonymous):
            login = command(self.context, "login", self.reference.registry, client=self.client)
            self.add("entry", Outcome.SKIPPED, key, "no user name with a password in it, and no token", login)
        else:
            self.add("entry", Outcome.OK, key, said(credential))

    def resolution(
        self,
        answer: Credential | SourceError,
        source: Source | None = None,
        *,
        behaviour: str = "",
        alternatives: tuple[Credential, ...] = (),
    ) -> Resolution:
        """Return the answer, with the steps so far. ``source`` counts where there is a credential."""
        if isinstance(answer, Anonymous | SourceError):
            source = None
        broken = self._broken if isinstance(answer, SourceError) else ""
        return Resolution(
            context=self.context.name,
            client=self.client,
            reference=self.reference,
            server_url=self.server_url,
            answer=answer,
            steps=tuple(self._steps),
            source=source,
            behaviour=behaviour or broken,
            alternatives=alternatives,
        )


def said(credential: Credential) -> str:
    """Return what a credential is, for people."""
    if isinstance(credential, Basic):
        return f"user name {credential.username!r} and a password"
    if isinstance(credential, IdentityToken):
        return "an identity token"
    if isinstance(credential, BearerToken):
        return "a registry token"
    return "nothing"
