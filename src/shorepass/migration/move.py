"""Move logins from files into a store: recorded, stored, read back, and only then removed from the file."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.accounts.keys import spellings
from shorepass.config import document
from shorepass.contexts.command import command
from shorepass.credential import IdentityToken
from shorepass.errors import ShorepassError, UsageError
from shorepass.helper import OURSELVES
from shorepass.logins.helper_entry import Place, held
from shorepass.migration.entries import holds_secret
from shorepass.migration.journal import Journal, Moved, Named, Record
from shorepass.migration.plan import Group, Stay, plan_file, readers_of
from shorepass.migration.readers import on_the_wire
from shorepass.migration.sources import Source, Stock, as_asked, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.migration.readers import Stored
    from shorepass.migration.sources import Plan
    from shorepass.stores import Store

__all__ = ["Done", "had", "move", "moving", "store_all"]

GIVES_ANOTHER = "the store returned something else than it was given, so the login stays"
CHANGED = "another program changed it meanwhile"


class Done(NamedTuple):
    """What came of it: the ``name`` in the journal, None where nothing moved; which logins moved; and what stays."""

    name: str | None
    moved: Mapping[Moved, Credential]
    stays: tuple[Stay, ...]


def move(here: LocalContext, plan: Plan, open_store: Callable[[], Store], step: Callable[[int, int], None]) -> Done:
    """Make the planned move. ``step`` gets the number of stored logins and their total.

    Raises SourceError, WriteError: the store cannot be used, or the journal not be written; then no file has changed.
    """
    store, journal = open_store(), Journal(here)
    earlier = journal.unfinished(store.name, "")
    if not plan.sources:
        if earlier:
            journal.write(earlier[0], earlier[1]._replace(done=True))  # all that it had to do is done
        return Done(None, {}, plan.stays)
    name = earlier[0] if earlier else journal.new_name()
    record = _record(here, plan, store)
    record = record.after(earlier[1]) if earlier else record
    journal.write(name, record)
    refused = store_all(plan.stored, record.had, open_store, step)
    moved: dict[Moved, Credential] = {}
    stays: list[Stay] = []
    for source in plan.sources:
        _take_out(here, source, Stock(open_store()), refused, moved, stays)
    _forget_others(here, plan, moved, record.had, open_store())
    kept = {*moved, *(earlier[1].moved if earlier else ())}
    record = record.only(kept)
    if not record.moved:
        journal.forget(name)
        return Done(None, {}, (*plan.stays, *stays))
    journal.write(name, record._replace(done=True))
    return Done(name, moved, (*plan.stays, *stays))


def _forget_others(
    here: LocalContext, plan: Plan, moved: Iterable[Moved], before: tuple[str, ...], store: Store
) -> None:
    """Erase what was stored for logins that did not move, because it may be out of date."""
    needed = {*chain.from_iterable(map(spellings, chain.from_iterable(one.under for one in moved)))}
    for source in plan.sources:
        for group in source.plan.groups:
            for key, credential in group.stored.items():
                is_from_plan = (
                    key not in needed and key not in before and on_the_wire(store.get(key)) == on_the_wire(credential)
                )
                if is_from_plan and not _is_taken_over(here, source, group, key):
                    store.erase(key)


def _is_taken_over(here: LocalContext, source: Source, group: Group, key: str) -> bool:
    """Return whether clients now use Shorepass's helper: another program logged in, or moved the login."""
    try:
        content = here.read(source.path, document.SIZE_LIMIT)
        readers = readers_of(content, source.owner) if content else []
    except ShorepassError:
        return True  # a login too many is better than a lost one
    if any(holds_secret(readers[0].auths.get(login.key, ())) for login in group.logins if readers):
        return False
    return any(reader.helper(key) == OURSELVES for reader in readers)


def _record(here: LocalContext, plan: Plan, store: Store) -> Record:
    named = []
    for source in plan.sources:
        content = here.read(source.path, document.SIZE_LIMIT)
        for group in source.plan.groups:
            places = [Place(source.path, ("credHelpers", asked)) for asked in group.names]
            named += [Named(place, held(content, place)) for place in places]
    return Record(store.name, "", tuple(moving(plan)), had(plan.stored, store), tuple(named))


def had(keys: Iterable[str], store: Store) -> tuple[str, ...]:
    """Return what a store has of these keys, in whatever spelling. Raises SourceError."""
    names = store.list()
    known = [spelled for spelled in chain.from_iterable(map(spellings, keys)) if spelled in names]
    return tuple(dict.fromkeys(known))


def moving(plan: Plan) -> dict[Moved, Credential]:
    """Return every login that moves, as the journal names it."""
    found: dict[Moved, Credential] = {}
    for source in plan.sources:
        for group in source.plan.groups:
            found.update(_of(source, group))
    return found


def _of(source: Source, group: Group) -> Iterator[tuple[Moved, Credential]]:
    for key, credential, under in group.logins:
        username = credential.username if isinstance(credential, IdentityToken) else ""
        yield Moved(source.path, key, under, username), credential


def store_all(
    wanted: Mapping[str, Credential],
    before: tuple[str, ...],
    open_store: Callable[[], Store],
    step: Callable[[int, int], None],
) -> dict[str, str]:
    """Store what the store has not, and read all of it back; return why not by key. Raises SourceError, WriteError."""
    store, refused = as_asked(open_store()), {}
    for done, (key, credential) in enumerate(wanted.items()):
        step(done, len(wanted))
        if on_the_wire(store.get(key)) != on_the_wire(credential):
            try:
                store.store(key, credential)
            except UsageError as error:
                refused[key] = error.message
    step(len(wanted), len(wanted))
    store = as_asked(open_store())
    for key, credential in wanted.items():
        if key not in refused and on_the_wire(store.get(key)) != on_the_wire(credential):
            refused[key] = GIVES_ANOTHER
            if key not in before:
                open_store().erase(key)
    return refused


def _take_out(
    here: LocalContext,
    source: Source,
    stored: Stored,
    refused: Mapping[str, str],
    moved: dict[Moved, Credential],
    stays: list[Stay],
) -> None:
    """Take the secrets out of one file, in one write, as far as they are still those that are stored."""
    groups = []
    for group in source.plan.groups:
        reason = next((refused[key] for key in group.stored if key in refused), None)
        if reason is None:
            groups.append(group)
        else:
            stays += [Stay(source.path, login.key, reason) for login in group.logins]
    taken: list[Group] = []

    def edit(content: FileContent | None) -> bytes | None:
        if content is None:
            return None
        now = plan_file(content, owner=source.owner, stored=stored, only=groups)
        taken.extend(group for group in now.groups if group not in taken)
        return now.edited

    try:
        here.update(source.path, edit)
    except ShorepassError as error:
        stays.append(failure(source.path, error))
        return
    for group in groups:
        if group in taken:
            moved.update(_of(source, group))
        else:
            stays += [
                Stay(source.path, login.key, CHANGED, hint=command(None, "migrate", "--apply"))
                for login in group.logins
            ]
