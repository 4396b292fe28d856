"""Ask the registries about the stored logins: each credential once, because accounts get locked."""

from __future__ import annotations

from shorepass.clients import FAMILIES, find
from shorepass.credential import ANONYMOUS
from shorepass.doctor.decisions import end_of
from shorepass.errors import FileError, PlainHttp, SourceError, UnknownAuthority, UsageError
from shorepass.names import Reference
from shorepass.resolution import Outcome, Step
from shorepass.shapes import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.errors import ShorepassError
    from shorepass.registry.client import Access
    from shorepass.resolution import Resolution

__all__ = ["Visit", "make"]

REGISTRIES_AT_ONCE = 8


class Visit(NamedTuple):
    """What a registry said to what a client sends. ``access`` tells how it was asked."""

    resolution: Resolution
    access: Access
    steps: tuple[Step, ...]

    @property
    def errors(self) -> list[ShorepassError]:
        """All that went wrong, as types, in order."""
        return [step.error for step in self.steps if step.error is not None]

    @property
    def works(self) -> bool:
        """Whether nothing failed."""
        return all(step.outcome is not Outcome.FAILED for step in self.steps)


def make(examination: Examination, access: Access) -> list[Visit]:
    """Return a visit for each client's login: for the reference, or for all that are stored; the order is kept.

    A login that ended by its own word is not sent. Registries are asked at the same time, one registry's logins in turn.
    """
    from concurrent.futures import ThreadPoolExecutor

    groups: dict[str, list[Resolution]] = {}
    for resolution in examination.decisions:
        if _is_worth_asking(examination, resolution):
            registry = resolution.reference.registry
            if examination.reference is None:  # a login is asked about, and nobody has named a repository
                resolution = resolution._replace(reference=Reference(registry))
            groups.setdefault(registry, []).append(resolution)
    if not groups:
        return []
    with ThreadPoolExecutor(min(REGISTRIES_AT_ONCE, len(groups))) as pool:
        made = pool.map(lambda group: _one_registry(examination, access, group), groups.values())
        return [visit for visits in made for visit in visits]


def _is_worth_asking(examination: Examination, resolution: Resolution) -> bool:
    answer = resolution.answer
    if isinstance(answer, SourceError) or end_of(answer) is not None:
        return False
    if answer == ANONYMOUS and examination.reference is None:
        return False
    return _is_here(examination, resolution.client) or not any(_is_here(examination, name) for name in FAMILIES)


def _is_here(examination: Examination, client: str) -> bool:
    """Tell whether a client's programs are here; its files may be read by others, where none is."""
    return any(examination.context.which(program) for program in find(client).facts.programs)


def _one_registry(examination: Examination, access: Access, group: Sequence[Resolution]) -> list[Visit]:
    made: dict[object, Visit] = {}
    visits = []
    for resolution in group:
        same = (resolution.reference, resolution.answer)
        visit = made.get(same)
        if visit is None or _may_differ(visit):
            visit = made[same] = _visit(examination, access, resolution)
        visits.append(visit._replace(resolution=resolution))
    return visits


def _may_differ(visit: Visit) -> bool:
    """Tell whether another client may fare otherwise: nothing was sent, because of certificates or a list of its own."""
    return any(isinstance(error, PlainHttp | UnknownAuthority | FileError) for error in visit.errors)


def _visit(examination: Examination, access: Access, resolution: Resolution) -> Visit:
    access = access._replace(client=resolution.client)
    visit = _ask(examination, access, resolution)
    plain = any(isinstance(error, PlainHttp) for error in visit.errors)
    unproved = any(isinstance(error, UnknownAuthority) for error in visit.errors)
    if not (plain or unproved) or access.tls_verify is not None or not examination.runs:
        return visit
    client = find(resolution.client)
    if not client.is_insecure(examination.context, resolution.reference, tls=unproved):
        return visit
    return _ask(examination, access._replace(tls_verify=False), resolution)


def _ask(examination: Examination, access: Access, resolution: Resolution) -> Visit:
    from shorepass.explain import ask_registry

    try:
        steps = ask_registry(resolution, access, examination.context, push=examination.push)
    except UsageError as error:  # what is stored, or set for a proxy, cannot be sent
        registry = resolution.reference.registry
        steps = [Step("registry", Outcome.FAILED, registry, error.message, error.hint, error)]
    return Visit(resolution, access, tuple(steps))
