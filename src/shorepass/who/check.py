"""Ask the registries whether the logins work, as each client of each context would ask.

Equal questions are asked once: the same credential, by the same way to the registry. A refused login is never sent again,
by whatever way: registries lock accounts.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass import visit
from shorepass.clients.helper_lists import is_login
from shorepass.errors import trouble_in, without_user_info
from shorepass.explain import remedy
from shorepass.helper.client import HelperClient
from shorepass.names import Reference, server_url
from shorepass.resolution import Outcome, Resolution, Source, Step
from shorepass.visit import Verdict
from shorepass.who.examine import HELPER_SECONDS, HELPERS, asks_helpers, broken, dated, helped, helper_error
from shorepass.who.login import State
from shorepass.who.parallel import run_parallel
from shorepass.who.use import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.registry.client import Access
    from shorepass.visit import Visit
    from shorepass.who.login import Login, Looked

__all__ = ["check"]

PARALLEL = 8  # credentials asked about at a time: polite to a registry, and fast enough for some dozens of them
STATES = {
    Verdict.WORKS: State.WORKS,
    Verdict.REFUSED: State.REFUSED,
    Verdict.UNREACHABLE: State.UNREACHABLE,
    Verdict.NOT_CHECKED: State.NOT_CHECKED,
}


class _Question(NamedTuple):
    """What a client of a context sends for one of its logins."""

    context: Context
    resolution: Resolution


_Key = tuple[str, "Credential"]
_Visits = dict[tuple[str, str], "Visit"]


def check(looked: Sequence[Looked], access: Access, *, seconds: float, now: float) -> list[Looked]:
    """Return the same with the states that the registries gave within ``seconds``.

    What a helper holds is asked of the helper first, where helpers are asked.
    """
    looked = _fetch(looked, now)
    end = time.monotonic() + seconds
    groups: dict[_Key, list[_Question]] = {}
    for found in looked:
        for question in _questions(found):
            key = (question.resolution.reference.registry, question.resolution.credential)
            groups.setdefault(key, []).append(question)
    begun: set[_Key] = set()
    jobs = [partial(_ask, key, questions, access, end, begun) for key, questions in groups.items()]
    answers = run_parallel(jobs, workers=PARALLEL, all_of_them=seconds)
    visits = {key: answer or {} for key, answer in zip(groups, answers, strict=True)}
    late = f"no answer within {seconds:g} seconds"
    unasked = f"not asked: the {seconds:g} seconds of --timeout were over"

    def judged(found: Looked, login: Login) -> Iterator[Login]:
        if login.state is not State.NOT_CHECKED or login.credential is None:
            yield login
            return
        if not login.registry or not login.clients:
            yield login._replace(detail=login.detail or "its key names no registry")
            return
        key = (login.registry, login.credential)
        known = {client: visits[key].get((found.place.name, client)) for client in login.clients}
        missing = login._replace(state=State.NOT_CHECKED, detail=unasked)
        if key in begun:
            missing = login._replace(state=State.UNREACHABLE, detail=late)
        yield from _by_answer(login, found.context, known, missing)

    checked = []
    for found in looked:
        logins = chain.from_iterable(judged(found, login) for login in found.logins)
        checked.append(found._replace(logins=tuple(logins)))
    return checked


def _questions(found: Looked) -> Iterator[_Question]:
    """Yield what each client of a context sends for each of its logins."""
    for login in found.logins:
        if found.context is None or login.state is not State.NOT_CHECKED:
            continue
        if login.credential is None or not login.registry:
            continue
        for client in login.clients:
            yield _Question(found.context, _resolution(found, login, client))


def _resolution(found: Looked, login: Login, client: str) -> Resolution:
    reference, source = Reference(login.registry), Source(login.path, login.key, login.helper)
    assert login.credential is not None  # noqa: S101  # only those are asked about
    return Resolution(found.place.name, client, reference, server_url(login.registry), login.credential, (), source)


def _ask(key: _Key, questions: Sequence[_Question], access: Access, end: float, begun: set[_Key]) -> _Visits:
    """Return the visits of all who have the credential; none of those for whom no time is left."""
    begun.add(key)
    visits: _Visits = {}
    by_way: dict[object, Visit] = {}
    final: Visit | None = None
    for context, resolution in questions:
        way = _route(context, access, resolution)
        known = final or by_way.get(way)
        left = end - time.monotonic()
        if known is None or (final is None and visit.may_differ(known)):
            if left <= 0:
                break
            known = _visit(context, access._replace(timeout=min(access.timeout, left)), resolution)
        by_way[way] = known
        left = min(known.left, max(0.0, end - time.monotonic()))
        answer = _by_engine(context, known._replace(resolution=resolution, left=left))
        final = next((one for one in (known, answer) if visit.is_final(one)), final)
        visits[resolution.context, resolution.client] = answer
    return visits


def _route(context: Context, access: Access, resolution: Resolution) -> object:
    try:
        return visit.route(context, access, resolution.client, resolution.reference.registry)
    except Exception:  # noqa: BLE001  # the visit says what it is
        return (resolution.context, resolution.client)


def _visit(context: Context, access: Access, resolution: Resolution) -> Visit:
    try:
        return visit.ask(context, access, resolution, asker=plain(context))
    except Exception as error:  # noqa: BLE001  # see trouble_in
        trouble = trouble_in(resolution.context, error)
        step = Step("registry", Outcome.FAILED, resolution.reference.registry, trouble.message, trouble.hint, trouble)
        return visit.Visit(resolution, access, (step,))


def _by_engine(context: Context, made: Visit) -> Visit:
    try:
        return visit.ask_engine(plain(context), made)
    except Exception:  # noqa: BLE001  # see trouble_in
        return made


def _by_answer(
    login: Login, context: Context | None, known: Mapping[str, Visit | None], missing: Login
) -> Iterator[Login]:
    """Yield a login for each different answer that its clients got: one, but where they reach the registry differently."""
    answers: dict[tuple[State, str], Login] = {}
    for client, made in known.items():
        one = missing if made is None or context is None else _answered(login, context, made)
        before = answers.get((one.state, one.detail))
        clients = (*before.clients, client) if before else (client,)
        answers[one.state, one.detail] = (before or one)._replace(clients=clients)
    yield from answers.values()


def _answered(login: Login, context: Context, made: Visit) -> Login:
    """Return a login with the result of a visit."""
    failure, hint = made.failure, None
    if failure is not None:
        hint = remedy(made.resolution, context, failure.error) if failure.error else failure.hint
    step = failure or next(step for step in made.steps if step.outcome is Outcome.OK)
    detail = "" if made.verdict is Verdict.WORKS else step.detail
    return login._replace(state=STATES[made.verdict], detail=detail, hint=hint, asked=made.steps)


def _fetch(looked: Sequence[Looked], now: float) -> list[Looked]:
    """Ask the helpers for the credentials that they hold."""
    held: list[tuple[Context, Login]] = []
    for found in looked:
        if found.context is not None:
            held += [(found.context, login) for login in found.logins if _is_held(login)]
    jobs = [partial(_get, context, login, now) for context, login in held]
    late = f"the helper gave no answer within {HELPER_SECONDS:g} s"
    answers = run_parallel(jobs, workers=HELPERS, each=HELPER_SECONDS + 1)
    fetched: dict[int, Login | str] = {
        id(login): answer or login._replace(state=State.HELPER_FAILED, detail=late)
        for (_, login), answer in zip(held, answers, strict=True)
    }
    return [_with_fetched(found, fetched) for found in looked]


def _with_fetched(found: Looked, fetched: Mapping[int, Login | str]) -> Looked:
    """Return a context with what its helpers gave; a login that its helper does not have becomes a note."""
    logins = [fetched.get(id(login), login) for login in found.logins]
    notes = [note for note in logins if isinstance(note, str)]
    kept = tuple(login for login in logins if not isinstance(login, str))
    return found._replace(logins=kept, notes=(*found.notes, *notes))


def _is_held(login: Login) -> bool:
    held = login.helper is not None and login.state is State.NOT_CHECKED and login.credential is None and login.key
    return bool(held) and asks_helpers(login.context)


def _get(context: Context, login: Login, now: float) -> Login | str:
    """Return a login with the credential that its helper gave; the note about it where the helper has none."""
    assert login.helper is not None  # noqa: S101  # it is held
    try:
        credential = HelperClient(
            helped(context, login.helper), login.helper, timeout=HELPER_SECONDS, named_in=login.path or None
        ).get(login.key)
    except Exception as error:  # noqa: BLE001  # see trouble_in
        return broken(login, helper_error(context, login.helper, "get", error), context)
    if not is_login(credential):
        return f"docker-credential-{login.helper} lists {without_user_info(login.key)}, and has no login for it"
    return dated(login._replace(credential=credential, detail=""), now)
