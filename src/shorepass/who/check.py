"""Ask the registries whether the logins work: each credential once, however many places hold it.

A refused login is never asked again: registries lock accounts. All is asked from here, with the certificates of here.
"""

from __future__ import annotations

from functools import partial

from shorepass.clients.helper_lists import is_login
from shorepass.errors import (
    HelperError,
    LoginRefused,
    PermissionDenied,
    RegistryError,
    ShorepassError,
    without_user_info,
)
from shorepass.helper.advice import log_in
from shorepass.helper.causes import sign_in
from shorepass.resolution import Outcome, Step
from shorepass.shapes import NamedTuple
from shorepass.who.gather import HELPER_SECONDS, HELPERS, asks_helpers, broken, dated, helped
from shorepass.who.login import State
from shorepass.who.together import together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.registry.client import Access
    from shorepass.who.login import Login, Looked

__all__ = ["check"]

PARALLEL = 8  # questions at a time: polite to a registry, and fast enough for some dozens of them


class _Verdict(NamedTuple):
    state: State
    detail: str = ""
    hint: str | None = None
    steps: tuple[Step, ...] = ()


def check(
    looked: Sequence[Looked],
    access: Access,
    here: Context,
    *,
    seconds: float,
    now: float,
    progress: Callable[[int, int], object] = lambda done, total: None,  # noqa: ARG005 -- nobody watches
) -> list[Looked]:
    """Return the same with states that the registries gave, as far as they answered within ``seconds``.

    What a helper holds is asked of the helper first, where helpers are asked. ``progress`` is told how many questions
    are answered, and of how many.
    """
    looked = _fetch(looked, now)
    questions = {
        (login.registry, login.credential): login.clients[0]
        for found in looked
        for login in found.logins
        if login.state is State.NOT_CHECKED and login.credential is not None and login.registry and login.clients
    }
    access = access._replace(timeout=min(access.timeout, seconds))
    jobs = [
        partial(_ask, registry, credential, access._replace(client=client), here)
        for (registry, credential), client in questions.items()
    ]
    answers = together(
        jobs, workers=PARALLEL, all_of_them=seconds, progress=lambda done: progress(done, len(questions))
    )
    late = _Verdict(State.NOT_CHECKED, f"no answer within {seconds:g} s")
    verdicts: dict[tuple[str, Credential | None], _Verdict] = {
        question: answer or late for question, answer in zip(questions, answers, strict=True)
    }
    return [
        found._replace(
            logins=tuple(
                _judged(login, verdicts.get((login.registry, login.credential)), found.context)
                for login in found.logins
            )
        )
        for found in looked
    ]


def _ask(registry: str, credential: Credential, access: Access, here: Context) -> _Verdict:
    from shorepass.registry.client import RegistryClient

    try:
        with RegistryClient(registry, access, here) as client:
            steps = client.check_login(credential).steps
    except (LoginRefused, PermissionDenied) as error:
        step = Step("registry", Outcome.FAILED, registry, error.reason, error.hint)
        return _Verdict(State.REFUSED, error.reason, error.hint, (step,))
    except ShorepassError as error:
        reason = error.reason if isinstance(error, RegistryError) else error.message
        step = Step("registry", Outcome.FAILED, registry, reason, error.hint)
        return _Verdict(State.NOT_CHECKED, reason, error.hint, (step,))
    if len(steps) == 1:  # it greets strangers: whatever was sent would have been taken
        return _Verdict(State.NOT_CHECKED, steps[0].detail, steps=steps)
    return _Verdict(State.WORKS, steps=steps)


def _judged(login: Login, verdict: _Verdict | None, context: Context | None) -> Login:
    if login.state is not State.NOT_CHECKED or login.credential is None:
        return login
    if verdict is None:
        return login._replace(detail=login.detail or "its key names no registry")
    hint = verdict.hint
    if context is not None and verdict.state is State.REFUSED and (hint is None or sign_in(login.helper)):
        hint = log_in(context, login.registry, client=next(iter(login.clients), ""), helper=login.helper)
    return login._replace(state=verdict.state, detail=verdict.detail, hint=hint, asked=verdict.steps)


def _fetch(looked: Sequence[Looked], now: float) -> list[Looked]:
    """Ask the helpers for the credentials that they hold."""
    held = [
        (found.context, login)
        for found in looked
        for login in found.logins
        if found.context is not None and _is_held(login)
    ]
    jobs = [partial(_get, context, login, now) for context, login in held]
    late = f"the helper gave no answer within {HELPER_SECONDS:g} s"
    answers = together(jobs, workers=HELPERS, each=HELPER_SECONDS + 1)
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
    from shorepass.helper.client import HelperClient

    assert login.helper is not None  # noqa: S101  # it is held
    try:
        credential = HelperClient(
            helped(context, login.helper), login.helper, timeout=HELPER_SECONDS, named_in=login.path or None
        ).get(login.key)
    except HelperError as error:
        return broken(login, error, context)
    if not is_login(credential):
        return f"docker-credential-{login.helper} lists {without_user_info(login.key)}, and has no login for it"
    return dated(login._replace(credential=credential, detail=""), now)
