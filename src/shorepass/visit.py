"""One visit to a registry with one login, as one client in one context would make it.

Every verb that checks a login does it here, so that no two verbs disagree: the certificates, proxies and lists of insecure
registries are the client's, in its context. If an engine pulls for the client, the engine is asked, too: its answer decides.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import find
from shorepass.contexts import is_untouched
from shorepass.credential import ANONYMOUS
from shorepass.engine.difference import difference, is_in_daemon_file, route_difference
from shorepass.engine.info import address_of
from shorepass.engine.known_errors import UNREACHABLE, Kind, address
from shorepass.errors import (
    EngineFails,
    FileError,
    LoginInTheWay,
    LoginRefused,
    NotARegistry,
    PermissionDenied,
    PlainHttp,
    RateLimited,
    RealmRefused,
    RegistryError,
    ShorepassError,
    UnknownAuthority,
    Unreachable,
    UsageError,
)
from shorepass.explain import ask_registry
from shorepass.foreign_text import quoted
from shorepass.registry import certs_d
from shorepass.resolution import Outcome, Resolution, Step

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.engine.difference import Difference
    from shorepass.engine.question import EngineAnswer
    from shorepass.names import Reference
    from shorepass.registry.client import Access

__all__ = ["Verdict", "Visit", "ask", "ask_engine", "is_final", "may_differ", "route"]

# What a request depends on beside certificates and lists: http.proxy and http.tls read these.
VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD")
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # they name files of the context


# Of the time for a registry, if an engine is asked after this shell: a firewall that drops packets uses up all of it.
OWN_SHARE = 0.6


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
    """What a registry answered to a client's login.

    ``access``: how it was asked. ``left``: the seconds that remained of ``access.timeout``. ``engine``: the answer of the
    client's engine, None if it has none. ``difference``: why the engine fails where this shell does not. ``from_here``: the
    error of this shell's own question, if the engine's answer replaces it.
    """

    resolution: Resolution
    access: Access
    steps: tuple[Step, ...]
    left: float = 0.0
    engine: EngineAnswer | None = None
    difference: Difference | None = None
    from_here: ShorepassError | None = None

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
        if failure is None and self.from_here is not None:
            return Verdict.WORKS if self.resolution.answer != ANONYMOUS else Verdict.NOT_CHECKED
        if failure is None:
            answers = [step for step in self.steps if step.outcome is Outcome.OK]
            return (
                Verdict.WORKS if len(answers) > 1 else Verdict.NOT_CHECKED
            )  # a single one: the registry accepts all users
        return next((verdict for kind, verdict in VERDICTS if isinstance(failure.error, kind)), Verdict.UNREACHABLE)


def ask(
    context: Context, access: Access, resolution: Resolution, *, push: bool = False, asker: Context | None = None
) -> Visit:
    """Ask the registry about what a client sends. Never raises RegistryError, FileError, UsageError.

    Plain http and unchecked certificates are only for registries that the client lists as insecure. The whole visit takes at
    most ``access.timeout`` seconds. ``asker``: the context whose engine is asked afterwards, if it is another object.
    """
    end = time.monotonic() + access.timeout
    access = access._replace(client=resolution.client)
    if _has_engine(asker or context, resolution.client):
        access = access._replace(timeout=access.timeout * OWN_SHARE)
    made = _ask_here(context, access, resolution, end, push=push)
    if not made.works and not push:
        made = _ask_mirrors(context, access, made, end)
    return made._replace(left=max(0.0, end - time.monotonic()))


def _has_engine(context: Context, client: str) -> bool:
    """Return whether an engine will be asked, too."""
    from shorepass.engine import question  # late, because most commands ask no engine

    return find(client).facts.has_engine and question.has_engine(context)


def _ask_here(context: Context, access: Access, resolution: Resolution, end: float, *, push: bool) -> Visit:
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


def _ask_mirrors(context: Context, access: Access, visit: Visit, end: float) -> Visit:
    """Return a visit with the answers of the client's mirrors, until one has the image: then nothing else matters."""
    for mirror, credential in visit.resolution.mirrors:
        left = end - time.monotonic()
        if left <= 0:
            break
        there = visit.resolution._replace(reference=mirror, answer=credential)
        made = _ask_here(context, access._replace(timeout=left), there, end, push=False)
        if made.works:
            return _replaced(visit, Step("mirror", Outcome.OK, str(mirror), "the image comes from this mirror"))
        if made.failure is not None:
            detail = f"a mirror, and it fails: {made.failure.detail}"
            step = Step("mirror", Outcome.SKIPPED, str(mirror), detail, made.failure.hint)
            visit = visit._replace(steps=(*visit.steps, step))
    return visit


# An engine's answer that is the registry's own, as an error.
ERRORS: dict[Kind, type[RegistryError]] = {
    Kind.REFUSED: LoginRefused,
    Kind.DENIED: PermissionDenied,
    Kind.LIMIT: RateLimited,
    **dict.fromkeys(UNREACHABLE, EngineFails),
}
REFUSALS = (Kind.REFUSED, Kind.DENIED, Kind.NO_LOGIN)
# What this shell's own question ended with, if the engine fails for the same reason; any other Unreachable fits the last three.
SAME = {Kind.AUTHORITY: UnknownAuthority, Kind.PLAIN: PlainHttp}


def ask_engine(context: Context, visit: Visit) -> Visit:
    """Return a visit with the answer of the engine that pulls for the client; the same visit if no engine does.

    The engine gets what the client would send, in the time that is left. It is not asked if the registry has refused the
    login, or if Shorepass does not send it.
    """
    from shorepass.engine import question  # late, because most commands ask no engine

    client, failure = find(visit.resolution.client), visit.failure
    reachable = failure is None or isinstance(failure.error, Unreachable | NotARegistry)
    if not client.facts.has_engine or not reachable or is_untouched(context.name):
        return visit
    reference, credential = visit.resolution.reference, visit.resolution.credential
    heard = question.ask(context, reference, credential, seconds=visit.left)
    if heard is None:
        return visit
    visit = visit._replace(engine=heard, steps=(*visit.steps, *_of_mirrors(heard, reference)))
    if heard.kind is Kind.NO_LOGIN and credential == ANONYMOUS:
        heard = heard._replace(kind=Kind.DENIED)
    return _judged(context, visit, heard)


def _of_mirrors(heard: EngineAnswer, reference: Reference) -> tuple[Step, ...]:
    if not heard.mirror:
        return ()
    detail = f"the engine asks it first, without the mirror's own login, and it fails: {heard.mirror}"
    mirror = address_of(address(heard.mirror))
    image = str(reference).removeprefix(f"{reference.registry}/")
    hint = f"docker pull {quoted(f'{mirror}/{image}')}" if mirror else None
    return (Step("mirror", Outcome.SKIPPED, mirror or heard.name, detail, hint),)


def _judged(context: Context, visit: Visit, heard: EngineAnswer) -> Visit:
    """Return a visit with the step for the engine's answer.

    An engine calls the login refused where the registry asked for none: then this shell's own words are the cause.
    """
    registry, failure = visit.resolution.reference.registry, visit.failure
    if heard.kind is Kind.OK:
        said = "the engine reaches the registry, which accepts that"
        return _replaced(visit, Step("engine", Outcome.OK, heard.name, said))
    error_class = ERRORS.get(heard.kind)
    own = None if failure is None else failure.error
    is_same = _is_same(own, heard.kind) and not _is_listed(context, registry, heard)
    if isinstance(own, NotARegistry) and route_difference(context, registry, heard.info):
        is_same = False  # the engine has perhaps reached another server
    if error_class is None or is_same:
        verb = "was not asked" if heard.kind is Kind.NOT_ASKED else "says"
        said = f"the engine {verb}: {heard.words}"
        return visit._replace(steps=(*visit.steps, Step("engine", Outcome.SKIPPED, heard.name, said)))
    if error_class is not EngineFails:
        error = error_class(registry, f"{heard.words} (asked by docker's engine)")
        return _replaced(visit, Step("engine", Outcome.FAILED, heard.name, error.reason, error=error))
    differs = difference(context, visit.resolution.client, registry, heard)
    error = EngineFails(registry, f"the engine fails: {heard.words}", hint=differs.advice)
    step = Step("engine", Outcome.FAILED, heard.name, error.reason, error.hint, error)
    return _replaced(visit, step)._replace(difference=differs)


def _is_same(own: ShorepassError | None, kind: Kind) -> bool:
    """Tell whether this shell and the engine fail for the same reason."""
    if isinstance(own, NotARegistry):
        return kind in REFUSALS  # docker calls each server that gives no image so
    if kind in SAME:
        return isinstance(own, SAME[kind])
    return isinstance(own, Unreachable) and not isinstance(own, UnknownAuthority | PlainHttp)


def _is_listed(context: Context, registry: str, heard: EngineAnswer) -> bool:
    """Tell whether the engine would connect if it read its file again."""
    return heard.kind in SAME and is_in_daemon_file(context, registry, heard.info)


def _replaced(visit: Visit, step: Step) -> Visit:
    """Return a visit with the engine's step instead of a failure from here."""
    failure = visit.failure
    if failure is None:
        return visit._replace(steps=(*visit.steps, step))
    from_here = failure._replace(outcome=Outcome.SKIPPED, detail=f"from here: {failure.detail}", hint=None, error=None)
    steps = [from_here if one is failure else one for one in visit.steps]
    return visit._replace(steps=(*steps, step), from_here=failure.error)


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
