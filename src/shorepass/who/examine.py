"""Look into contexts: every login that a client could use there, one row each, without asking any registry.

If a file names a helper for a key, and the helper has no login, that does not count as a login: a logout or another tool left
the entry. It is a note of the context, not a row.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import FAMILIES, find
from shorepass.clients.helper_lists import is_login, must_be_asked, user_name
from shorepass.contexts import is_untouched
from shorepass.contexts.at_login import as_at_login
from shorepass.contexts.command import command
from shorepass.contexts.discovery import REACH_SECONDS
from shorepass.credential import kind_of
from shorepass.errors import (
    FileError,
    HelperError,
    HelperFailed,
    HelperMissing,
    HelperTimeout,
    MalformedFile,
    SourceError,
    Trouble,
    trouble_in,
    without_user_info,
)
from shorepass.helper.client import HelperClient
from shorepass.helper.protocol import program_name
from shorepass.names import registry_of_key
from shorepass.registry.expiry import expires_at
from shorepass.who.login import BROKEN, Login, Looked, State
from shorepass.who.parallel import run_parallel
from shorepass.who.use import is_looked_up, plain, quiet, remembered, uses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shorepass.clients import Entry
    from shorepass.contexts import Context
    from shorepass.contexts.place import Place
    from shorepass.credential import Credential

__all__ = ["asks_helpers", "broken", "dated", "helped", "helper_error", "leftover", "look"]

HELPER_SECONDS = 3.0  # for a helper to list what it has
WORKERS = 8  # contexts examined at a time: more would wait for each other, and seem unreachable
WORKERS_AT_FIRST = 2  # of them, as long as contexts answer quickly: one computes while an engine works for the other
HELPERS = 32  # helpers run at a time: those that hang only wait
ALL_HELPERS_SECONDS = 30.0  # for all of them: a context may name any number that hang
NOT_USED = "no client uses it: no client reads this key, or another login overrides it"
NOT_ASKED = "its helper may have the login: Shorepass runs no program in a container"


class _Opened(NamedTuple):
    """An opened context, and what each client reads there. ``brief``: the files that a restart of the machine removes."""

    place: Place
    context: Context
    entries: tuple[tuple[str, Entry], ...]
    brief: frozenset[str]


def look(places: Sequence[Place], *, now: float) -> list[Looked]:
    """Examine all contexts at the same time, and keep their order. A broken context is not an exception.

    ``now``: seconds since 1970, for what has expired.
    """
    jobs = [partial(_open, place) for place in places]
    opened = run_parallel(jobs, workers=WORKERS, at_first=WORKERS_AT_FIRST, each=REACH_SECONDS)
    inside = [place for place in opened if isinstance(place, _Opened)]
    lists = _ask_helpers(inside)
    said = _Said(lists, _ask_for_keys(inside, lists))
    looked = []
    for place, found in zip(places, opened, strict=True):
        seen = _looked_into(found, said, now) if isinstance(found, _Opened) else found
        if isinstance(seen, Looked):
            looked.append(seen)
        else:
            trouble, hint = seen or _Closed(f"no answer within {REACH_SECONDS:g} s", command(place.name, "who"))
            looked.append(Looked(place, trouble=trouble, hint=hint))
    return looked


def _looked_into(opened: _Opened, said: _Said, now: float) -> Looked | _Closed:
    """Return the logins of one context. Any error in it is reported for this context only."""
    try:
        logins = tuple(_logins(opened, said, now))
        return Looked(opened.place, opened.context, logins, notes=_leftovers(opened, said))
    except Exception as error:  # noqa: BLE001  # see trouble_in
        return _closed(opened.place.name, error)


def asks_helpers(name: str) -> bool:
    """Return whether helpers are run in the context of that name."""
    return not is_untouched(name)


def _open(place: Place) -> _Opened | _Closed:
    """Return what the clients read in a context, or why it cannot be examined."""
    if place.open is None:
        return _Closed(place.trouble or "it cannot be examined", place.hint)
    try:
        context = remembered(place.open())
        if not asks_helpers(place.name):
            context = quiet(context)
        entries: list[tuple[str, Entry]] = []
        brief: set[str] = set()
        for name in FAMILIES:
            client = find(name)
            entries += [(name, entry) for entry in client.entries(context, ask_helpers=False)]
            brief.update(file.path for file in client.files(context) if file.until_restart)
    except Exception as error:  # noqa: BLE001  # see trouble_in
        return _closed(place.name, error)
    return _Opened(place, context, tuple(entries), frozenset(brief))


_Lists = dict[tuple[str, str], "dict[str, str] | HelperError | None"]
_Gets = dict[tuple[str, str, str], "Credential | HelperError"]


class _Closed(NamedTuple):
    """Why a context cannot be examined, and the next step, which may be None."""

    trouble: str
    hint: str | None


def _closed(name: str, error: Exception) -> _Closed:
    trouble = trouble_in(name, error)
    return _Closed(trouble.reason, trouble.hint)


class _Said(NamedTuple):
    """What the helpers said: their lists by context and suffix, and their answers by context, suffix and key."""

    lists: _Lists
    gets: _Gets


def _ask_helpers(opened: Sequence[_Opened]) -> _Lists:
    """Return what each helper lists, by context and suffix; None if it is not asked."""
    wanted: dict[tuple[str, str], Context] = {}
    for found in opened:
        for _, entry in found.entries:
            if entry.helper and _is_unasked(entry):
                wanted[found.place.name, entry.helper] = found.context
    jobs = [partial(_list, name, context, suffix) for (name, suffix), context in wanted.items()]
    answers = run_parallel(jobs, workers=HELPERS, all_of_them=ALL_HELPERS_SECONDS)
    return {
        (name, suffix): _late(suffix, "list") if answer is None and asks_helpers(name) else answer
        for (name, suffix), answer in zip(wanted, answers, strict=True)
    }


def _late(suffix: str, verb: str) -> HelperError:
    return HelperTimeout(program_name(suffix), verb, f"no answer within {ALL_HELPERS_SECONDS:g} s")


def helped(context: Context, suffix: str) -> Context:
    """Return a context in which a helper is on PATH, if it is on PATH in the user's login shell."""
    program = program_name(suffix)
    return plain(context) if context.which(program) else as_at_login(context, program) or context


def _list(name: str, context: Context, suffix: str) -> dict[str, str] | HelperError | None:

    try:
        helper = HelperClient(helped(context, suffix), suffix, timeout=HELPER_SECONDS)
        if asks_helpers(name):
            return helper.list()
        helper.path()
    except Exception as error:  # noqa: BLE001  # see trouble_in
        return helper_error(context, suffix, "list", error)
    return None


def helper_error(context: Context, suffix: str, verb: str, error: Exception) -> HelperError:
    """Return any exception as that of the helper that was asked."""
    if isinstance(error, HelperError):
        return error
    trouble = trouble_in(context.name, error)
    return HelperFailed(program_name(suffix), verb, trouble.reason, hint=trouble.hint)


def _ask_for_keys(opened: Sequence[_Opened], lists: _Lists) -> _Gets:
    """Return the helpers' answers for keys that a file names them for, if their lists do not show them."""
    wanted: dict[tuple[str, str, str], Context] = {}
    for found in opened:
        for _, entry in found.entries if asks_helpers(found.place.name) else ():
            if entry.helper and entry.key and _is_unasked(entry):
                wanted[found.place.name, entry.helper, entry.key] = found.context
    unsure = {
        question: context
        for question, context in wanted.items()
        if must_be_asked(question[1], question[2], lists[question[:2]])
    }
    jobs = [partial(_get, context, suffix, key) for (_, suffix, key), context in unsure.items()]
    answers = run_parallel(jobs, workers=HELPERS, all_of_them=ALL_HELPERS_SECONDS)
    return {
        question: _late(question[1], "get") if answer is None else answer
        for question, answer in zip(unsure, answers, strict=True)
    }


def _get(context: Context, suffix: str, key: str) -> Credential | HelperError:

    try:
        return HelperClient(helped(context, suffix), suffix, timeout=HELPER_SECONDS).get(key)
    except Exception as error:  # noqa: BLE001  # see trouble_in
        return helper_error(context, suffix, "get", error)


def _logins(opened: _Opened, said: _Said, now: float) -> Iterator[Login]:
    """Yield a context's logins. A login that several clients read is yielded once."""
    found: dict[object, Login] = {}
    own = {(entry.path, entry.key) for _, entry in opened.entries if _is_unasked(entry) and entry.key}
    firsts: dict[str, str] = {}  # the file that a client reads first, of those with logins
    for client, entry in opened.entries:
        first = firsts.setdefault(client, entry.path)
        for login in _of_entry(opened, client, entry, said, own):
            same = (login.key, login.path, login.helper, login.user, login.kind, login.state)
            known = found.setdefault(same, dated(login._replace(clients=()), now))
            sure = not login.kind or login.state in BROKEN or (entry.path == first and is_looked_up(client, login))
            if client not in known.clients and (sure or uses(opened.context, client, login)):
                found[same] = known._replace(clients=(*known.clients, client))
    for login in found.values():
        yield login if login.clients else login._replace(detail=login.detail or NOT_USED)


def _is_unasked(entry: Entry) -> bool:
    return bool(entry.helper) and not entry.kind and entry.error is None


def _of_entry(
    opened: _Opened, client: str, entry: Entry, said: _Said, own: Iterable[tuple[str, str]]
) -> Iterator[Login]:
    """Yield the logins behind an entry: one, all that a helper lists, or nothing if its helper has no login."""
    login = Login(
        opened.place.name,
        (client,),
        entry.key,
        registry_of_key(entry.key),
        entry.username,
        entry.kind,
        entry.path,
        entry.helper,
        State.NOT_CHECKED,
        credential=entry.credential,
        until_restart=entry.path in opened.brief,
    )
    if entry.error is not None:
        yield broken(login, entry.error, opened.context)
        return
    if not _is_unasked(entry):
        yield login
        return
    suffix = entry.helper or ""
    listed = said.lists[opened.place.name, suffix]
    given = said.gets.get((opened.place.name, suffix, entry.key))
    if not entry.path and not isinstance(listed, dict):
        return  # docker chose it by default, but it would name it in its file after storing a login there
    if given is not None:
        yield from _given(login, given, opened.context)
    elif listed is None:
        yield login._replace(detail=NOT_ASKED)
    elif isinstance(listed, HelperError):
        yield broken(login, listed, opened.context)
    elif entry.key:
        user = user_name(suffix, entry.key, listed)
        if user is not None:
            yield _listed(login, entry.key, user)
    else:
        for key, user in listed.items():
            if (entry.path, key) not in own:
                yield _listed(login, key, user)


def _given(login: Login, answer: Credential | HelperError, context: Context) -> Iterator[Login]:
    """Yield the login that a helper returned for a key, nothing if it has no login."""
    if isinstance(answer, HelperError):
        yield broken(login, answer, context)
    elif is_login(answer):
        user = getattr(answer, "username", "")
        yield login._replace(kind=kind_of(answer), user=user, credential=answer)


def _leftovers(opened: _Opened, said: _Said) -> tuple[str, ...]:
    """Return a note for each file that names a helper for keys without a login."""
    keys: dict[tuple[str, str], list[str]] = {}
    for _, entry in opened.entries:
        if entry.helper and entry.key and _is_unasked(entry) and _has_no_login(opened.place.name, entry, said):
            known = keys.setdefault((entry.path, entry.helper), [])
            known += [entry.key] if entry.key not in known else []
    return tuple(leftover(path, suffix, names) for (path, suffix), names in keys.items())


def _has_no_login(name: str, entry: Entry, said: _Said) -> bool:
    suffix = entry.helper or ""
    listed, given = said.lists[name, suffix], said.gets.get((name, suffix, entry.key))
    if given is not None:
        return not isinstance(given, HelperError) and not is_login(given)
    return isinstance(listed, dict) and user_name(suffix, entry.key, listed) is None


def leftover(path: str, suffix: str, keys: Sequence[str]) -> str:
    """Return the note about a helper that a file names for keys without a login."""
    them = "it" if len(keys) == 1 else "them"
    named = ", ".join(map(without_user_info, keys))
    return f"{path} names docker-credential-{suffix} for {named}, but that helper has no login for {them}"


def _listed(login: Login, key: str, user: str) -> Login:
    listed = login._replace(key=key, registry=registry_of_key(key), user=user, kind="password")
    return listed._replace(user="", kind="identity token") if user == "<token>" else listed


def broken(login: Login, error: SourceError, context: Context) -> Login:
    """Return a login with the state for an error of its source."""
    if isinstance(error, HelperError):
        state = _state_of(error)
    elif isinstance(error, MalformedFile):
        state = State.MALFORMED
    else:
        of_root = isinstance(error, FileError) and _is_of_root(context, error.path)
        state = State.ROOT_OWNED if of_root else State.UNREADABLE
    return login._replace(state=state, detail=error.message, hint=error.hint)


def _state_of(error: HelperError) -> State:
    if isinstance(error, HelperMissing):
        return State.HELPER_MISSING
    return State.LOCKED if error.trouble is Trouble.LOCKED else State.HELPER_FAILED


def _is_of_root(context: Context, path: str) -> bool:
    """Tell whether root owns a file, or a folder on the way to it, in a home that is not root's."""
    home = context.home()
    if context.uid in (None, 0) or not home:
        return False
    while path.startswith(home.rstrip("/") + "/"):
        try:
            status = context.status(path)
        except FileError:
            status = None
        if status is not None and status.uid == 0:
            return True
        path = path.rpartition("/")[0]
    return False


def dated(login: Login, now: float) -> Login:
    """Return a login with the expiry of its credential, if that has one."""
    expires = expires_at(login.credential)
    if expires is None:
        return login
    state = State.EXPIRED if expires <= now else login.state
    return login._replace(expires=expires, state=state)
