"""SP218, SP219: helpers that work once, but not twice at once, or that do not store. Only with ``--check``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.contexts.command import said_there
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import HelperError, LoginRefused, PermissionDenied, ShorepassError, SourceError
from shorepass.fixes.repair import Advice
from shorepass.helper import OURSELVES
from shorepass.helper.client import HelperClient
from shorepass.helper.known_helpers import known, sign_in
from shorepass.logins.placement import elsewhere
from shorepass.stores import probe
from shorepass.stores.external import External
from shorepass.who.parallel import run_parallel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shorepass.doctor.examination import Examination
    from shorepass.visit import Visit

__all__ = ["CODES", "at_once", "storing"]

CODES = {
    "SP218": "A helper fails when it is called twice at once",
    "SP219": "A helper cannot store a login",
}

NOT_TRIED = ("", OURSELVES, "pass")
TWICE = ("1", "2")
MARK = "SHOREPASS_QUESTION"  # makes the two calls two questions, because an answer is remembered


def at_once(examination: Examination) -> Iterator[Finding]:
    """Ask each helper that is known for this for one login, twice at the same time."""
    context = examination.context
    for helper in examination.helpers:
        command = known(helper.suffix).alone
        key = _working_key(examination, helper.suffix)
        if not command or not key or not examination.runs:
            continue
        answers = run_parallel([partial(_ask, examination, helper.suffix, key, mark) for mark in TWICE], workers=2)
        error = next((answer for answer in answers if isinstance(answer, HelperError)), None)
        if error is None:
            continue
        cause = "it answers alone, but of two calls at once one fails, as in parallel pulls and builds"
        seen = (*(f"it printed: {line}" for line in error.printed), helper.why)
        fix = Advice(said_there(context, command))
        yield Finding("SP218", Severity.ERROR, context.name, helper.program, cause, seen, fix)


def _ask(examination: Examination, suffix: str, key: str, mark: str) -> HelperError | None:
    try:
        HelperClient(examination.context.with_env(**{MARK: mark}), suffix).get(key)
    except HelperError as error:
        return error
    return None


def _working_key(examination: Examination, suffix: str) -> str:
    """Return a key that the helper has a login for, "" if it has no login."""
    for entries in examination.entries.values():
        for entry in entries:
            if entry.helper == suffix and entry.error is None and entry.kind:
                return entry.key
    return ""


def storing(examination: Examination, visits: Iterable[Visit]) -> Iterator[Finding]:
    """Store, read and erase a random entry where a client would store a login that a registry wants."""
    context = examination.context
    tried: set[str] = set()
    for visit in visits:
        wants = any(isinstance(error, LoginRefused | PermissionDenied) for error in visit.errors)
        if visit.resolution.answer != ANONYMOUS or not wants or not isinstance(context, LocalContext):
            continue
        registry, client = visit.resolution.reference.registry, find(visit.resolution.client)
        try:
            target = client.target(context, registry)
        except SourceError:
            continue  # other checks report it
        suffix = target.helper or ""
        if suffix in tried or not _may_be_tried(examination, suffix):
            continue
        tried.add(suffix)
        error = probe.trouble(External(context, suffix))
        if error is not None:
            yield _cannot(examination, suffix, error, elsewhere(context, client, registry))


def _may_be_tried(examination: Examination, suffix: str) -> bool:
    """Return whether a test entry does no harm.

    git keeps what pass ever stored, and reading may ask for a passphrase: SP214 examines pass. Shorepass tests its own stores.
    """
    if suffix in NOT_TRIED or sign_in(suffix):
        return False
    return isinstance(examination.listed(suffix), dict)


def _cannot(examination: Examination, suffix: str, error: ShorepassError, fix: str) -> Finding:
    cause = "a test entry could not be stored, read and erased, so a login cannot be stored there"
    seen = (error.message,)
    program = f"docker-credential-{suffix}"
    return Finding("SP219", Severity.WARNING, examination.context.name, program, cause, seen, Advice(fix))
