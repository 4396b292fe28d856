"""One visit to a registry with one login, as one client in one context would make it.

Every verb that checks a login does it here, so that no two verbs disagree: the certificates, proxies and lists of insecure
registries are the client's, in its context.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import find
from shorepass.contexts import is_untouched
from shorepass.errors import (
    FileError,
    LoginInTheWay,
    LoginRefused,
    PermissionDenied,
    PlainHttp,
    RateLimited,
    RealmRefused,
    ShorepassError,
    UnknownAuthority,
    UsageError,
)
from shorepass.explain import ask_registry
from shorepass.registry import certs_d
from shorepass.resolution import Outcome, Resolution, Step

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.registry.client import Access

__all__ = ["Verdict", "Visit", "ask", "is_final", "may_differ", "route"]

# What a request depends on beside certificates and lists: http.proxy and http.tls read these.
VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD")
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # they name files of the context


class Verdict(Enum):
    """The result of a visit for a login."""

    WORKS = "works"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # no answer about the login
    NOT_CHECKED = "not checked"  # the login was not sent


# The same login gets the same answer from any context, and another try does harm: registries lock accounts.
FINAL = (LoginRefused, PermissionDenied, RateLimited)

# The first that fits the first failed step decides; any other failure is UNREACHABLE.
VERDICTS: tuple[tuple[type[ShorepassError], Verdict], ...] = (
    (LoginRefused, Verdict.REFUSED),
    (PermissionDenied, Verdict.REFUSED),
    (LoginInTheWay, Verdict.REFUSED),
    (RealmRefused, Verdict.NOT_CHECKED),
)


class Visit(NamedTuple):
    """What a registry answered to a client's login. ``access``: how it was asked."""

    resolution: Resolution
    access: Access
    steps: tuple[Step, ...]

    @property
    def errors(self) -> list[ShorepassError]:
        """All errors in order."""
        return [step.error for step in self.steps if step.error is not None]

    @property
    def failure(self) -> Step | None:
        """The first step that failed, or None."""
        return next((step for step in self.steps if step.outcome is Outcome.FAILED), None)

    @property
    def works(self) -> bool:
        """Whether nothing failed."""
        return self.failure is None

    @property
    def verdict(self) -> Verdict:
        """The result for the login."""
        failure = self.failure
        if failure is None:
            answers = [step for step in self.steps if step.outcome is Outcome.OK]
            return (
                Verdict.WORKS if len(answers) > 1 else Verdict.NOT_CHECKED
            )  # a single one: the registry accepts all users
        return next((verdict for kind, verdict in VERDICTS if isinstance(failure.error, kind)), Verdict.UNREACHABLE)


def ask(context: Context, access: Access, resolution: Resolution, *, push: bool = False) -> Visit:
    """Ask the registry about what a client sends. Never raises RegistryError, FileError, UsageError.

    Plain http and unchecked certificates are only for registries that the client lists as insecure. The whole visit takes at
    most ``access.timeout`` seconds.
    """
    end = time.monotonic() + access.timeout
    access = access._replace(client=resolution.client)
    visit = _ask(context, access, resolution, push=push)
    unproved = any(isinstance(error, UnknownAuthority) for error in visit.errors)
    plain = any(isinstance(error, PlainHttp) for error in visit.errors)
    if not (plain or unproved) or access.tls_verify is not None or is_untouched(context.name):
        return visit  # Shorepass runs no program in a container to ask an engine for its list
    client, left = find(resolution.client), end - time.monotonic()
    if left <= 0 or not client.is_insecure(context, resolution.reference, tls=unproved, seconds=left):
        return visit
    left = end - time.monotonic()
    if left <= 0:
        return visit
    return _ask(context, access._replace(tls_verify=False, timeout=left), resolution, push=push)


def _ask(context: Context, access: Access, resolution: Resolution, *, push: bool) -> Visit:

    try:
        steps = ask_registry(resolution, access, context, push=push)
    except UsageError as error:  # what is stored, or set for a proxy, cannot be sent
        registry = resolution.reference.registry
        steps = [Step("registry", Outcome.FAILED, registry, error.message, error.hint, error)]
    return Visit(resolution, access, tuple(steps))


def may_differ(visit: Visit) -> bool:
    """Return whether another client may have another result, because of certificates or insecure registries."""
    return any(isinstance(error, PlainHttp | UnknownAuthority | FileError) for error in visit.errors)


def is_final(visit: Visit) -> bool:
    """Tell whether the registry refused the login: then it is not sent again, from no other client or context."""
    return visit.failure is not None and isinstance(visit.failure.error, FINAL)


def route(context: Context, access: Access, client: str, registry: str) -> object:
    """Return a value for how a client reaches a registry: equal routes get the same answer.

    If ``may_differ`` is true, even equal routes may differ, because the client's list of insecure registries is not in it.
    """
    variables = tuple(context.getenv(name) for name in VARIABLES)
    trust = tuple(context.getenv(name) for name in TRUST)
    try:
        found = certs_d.find(context, find(client), registry, access.cert_dir)
        certificates: object = (found.authorities, found.pair, found.trusted)
        own_files = any(trust) or found.pair is not None
    except ShorepassError as error:
        certificates, own_files = error.message, False
    return (variables, trust, certificates, context.name if own_files else "")
