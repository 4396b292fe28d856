"""Ask the registries about the stored logins: each credential once, because accounts get locked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shorepass import visit
from shorepass.client_table import FAMILIES, row_of
from shorepass.clients.emulated import emulator_of
from shorepass.credential import ANONYMOUS
from shorepass.doctor.decisions import end_of
from shorepass.errors import SourceError
from shorepass.names import Reference
from shorepass.who.parallel import run_parallel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.registry.client import Access
    from shorepass.resolution import Resolution
    from shorepass.visit import Visit

__all__ = ["make"]

REGISTRIES_AT_ONCE = 8


def make(examination: Examination, access: Access) -> list[Visit]:
    """Return a visit for each client's login: for the reference, or for all that are stored; the order is kept.

    An expired login is not sent, and a login that was refused in this report is not sent again. Registries are asked at the
    same time, the logins of one registry one after the other.
    """
    groups: dict[str, list[Resolution]] = {}
    for resolution in examination.decisions:
        if _is_worth_asking(examination, resolution):
            registry = resolution.reference.registry
            if examination.reference is None:  # the user named no repository, so only the login is checked
                resolution = resolution._replace(reference=Reference(registry))
            groups.setdefault(registry, []).append(resolution)
    jobs = [partial(_one_registry, examination, access, group) for group in groups.values()]
    visits: list[Visit] = []
    for of_registry in run_parallel(jobs, workers=REGISTRIES_AT_ONCE):
        visits += of_registry or ()
    return visits


def _is_worth_asking(examination: Examination, resolution: Resolution) -> bool:
    answer = resolution.answer
    if isinstance(answer, SourceError) or end_of(answer) is not None:
        return False
    if answer == ANONYMOUS and examination.reference is None:
        return False
    return _is_here(examination, resolution.client) or not any(_is_here(examination, name) for name in FAMILIES)


def _is_here(examination: Examination, client: str) -> bool:
    """Tell whether a client's programs are here. If not, other programs may still read its files."""
    if emulator_of(examination.context, client) and not examination.is_asked_for(client):
        return False  # the other client's rules count
    return any(examination.context.which(program) for program in row_of(client).programs)


def _one_registry(examination: Examination, access: Access, group: Sequence[Resolution]) -> list[Visit]:
    made: dict[object, Visit] = {}
    visits = []
    for resolution in group:
        same = (resolution.reference, resolution.answer)
        known = examination.refusals.get(same) or made.get(same)
        if known is None or visit.may_differ(known):
            known = made[same] = visit.ask(examination.context, access, resolution, push=examination.push)
        by_engine = visit.ask_engine(examination.context, known._replace(resolution=resolution))
        for answer in (known, by_engine):
            if visit.is_final(answer):
                examination.refusals[same] = answer
        visits.append(by_engine)
    return visits
