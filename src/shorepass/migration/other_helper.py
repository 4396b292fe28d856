"""Move the logins of another credential helper into the store, and back.

Shorepass's helper replaces it in docker's and podman's files. Only then its logins are erased there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import find_all
from shorepass.config import document
from shorepass.credential import ANONYMOUS
from shorepass.errors import ShorepassError, SourceError, UsageError, WriteError, printable, without_user_info
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.helper.client import HelperClient
from shorepass.logins.helper_entry import Place, held, installing, restore
from shorepass.migration.journal import Journal, Moved, Named, Record
from shorepass.migration.move import CHANGED, Done, had, store_all
from shorepass.migration.plan import Stay
from shorepass.migration.readers import on_the_wire
from shorepass.migration.sources import Stock, client_files, failure
from shorepass.migration.undo import HAS_ANOTHER, by_key, erase_all, logins_of
from shorepass.stores import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores import Store

__all__ = ["HelperPlan", "helper_moving", "move_from_helper", "plan_helper", "undo_to_helper"]

FOR_ALL = "docker asks that helper for every registry, and not all of its logins can move"
SAME_PLACE = {"keychain": ("secretservice",)}  # stores that keep their logins where a helper does


class HelperPlan(NamedTuple):
    """What moves (``logins`` by key), the members that will name Shorepass's helper (``places``), and what stays."""

    helper: str
    logins: dict[str, Credential]
    places: tuple[Place, ...]
    stays: tuple[Stay, ...]


def plan_helper(here: LocalContext, suffix: str, store: Store | None) -> HelperPlan:
    """Return what of a helper's logins moves. Raises UsageError: not from this one; SourceError."""
    if suffix == OURSELVES:
        raise UsageError("that is Shorepass's own helper: its logins are already in the store")
    if store and (store.name == f"helper:{suffix}" or suffix in SAME_PLACE.get(store.name, ())):
        raise UsageError(f"the store {store.name} is where docker-credential-{printable(suffix)} keeps its logins")
    client, stock = HelperClient(here, suffix, named_in="", as_program=True), Stock(store)
    logins: dict[str, Credential] = {}
    stays = []
    for key in client.list():
        try:
            logins[key] = _movable_login(client, key, stock)
        except UsageError as error:
            stays.append(Stay("", key, error.message, error.hint))
        except SourceError as error:
            stays.append(Stay("", key, error.message, error.hint, broken=True))
    places = tuple(_places(here, suffix, {stay.key for stay in stays}))
    if stays and any(place.member == ("credsStore",) for place in places):
        hint = f"erase it there (printf KEY | {quoted(client.program)} erase), then migrate again"
        return HelperPlan(suffix, {}, (), (*stays, *(Stay("", key, FOR_ALL, hint) for key in logins)))
    return HelperPlan(suffix, logins, places, tuple(stays))


def _movable_login(client: HelperClient, key: str, stock: Stock) -> Credential:
    credential = client.get(key)
    if credential == ANONYMOUS:
        raise UsageError("the helper lists it but does not have it")
    check(key, credential)
    if on_the_wire(stock(key)) not in (ANONYMOUS, credential):
        raise UsageError(f"the store has another login for {without_user_info(key)}")
    return credential


def _places(here: LocalContext, suffix: str, stuck: set[str]) -> Iterator[Place]:
    """Yield where docker and podman name the helper. Raises UsageError: Shorepass must not change that file; SourceError."""
    for path, owner, legacy in client_files(here):
        content = None if legacy else here.read(path, document.SIZE_LIMIT)
        if content is None:
            continue
        found = document.load(content, first_value_only=True)
        if owner.facts.reads_creds_store and found.get("credsStore") == suffix:
            yield Place(path, ("credsStore",))
        helpers = found.get("credHelpers")
        for key, name in helpers.items() if isinstance(helpers, dict) else ():
            if name == suffix and key not in stuck:
                yield Place(path, ("credHelpers", key))
    for client in find_all():
        target = client.target(here, "") if client.facts.chooses_store else None
        if target and target.detected and target.helper == suffix:
            yield Place(os.path.abspath(target.path), ("credsStore",))
    for client in find_all():
        _refuse_common_helper(client.common_helpers(here), suffix)


def _refuse_common_helper(helpers: list[str], suffix: str) -> None:
    """Raise UsageError where a file without logins names the old helper, and not Shorepass's."""
    if suffix in helpers and OURSELVES not in helpers:
        line = ", ".join(f'"{name}"' for name in (*helpers, OURSELVES))
        raise UsageError(
            f"registries.conf names docker-credential-{printable(suffix)}, and Shorepass does not change that file",
            hint=f"change it to: {quoted(f'credential-helpers = [{line}]')}, then migrate",
        )


def helper_moving(plan: HelperPlan) -> dict[Moved, Credential]:
    """Return every login that moves, as the journal names it."""
    return {Moved("", key, (key,)): credential for key, credential in plan.logins.items()}


def move_from_helper(
    here: LocalContext, plan: HelperPlan, open_store: Callable[[], Store], step: Callable[[int, int], None]
) -> Done:
    """Make the planned move: store, read back, name Shorepass's helper, erase. Raises SourceError, WriteError."""
    store, journal = open_store(), Journal(here)
    earlier = journal.unfinished(store.name, plan.helper)
    if not plan.logins:
        if earlier:
            journal.write(earlier[0], earlier[1]._replace(done=True))
        return Done(None, {}, plan.stays)
    name = earlier[0] if earlier else journal.new_name()
    named = [Named(place, held(here.read(place.path, document.SIZE_LIMIT), place)) for place in plan.places]
    record = Record(store.name, plan.helper, tuple(helper_moving(plan)), had(plan.logins, store), tuple(named))
    record = record.after(earlier[1]) if earlier else record
    journal.write(name, record)
    refused = store_all(plan.logins, record.had, open_store, step)
    if refused:  # our helper is named for all or for none
        return Done(None, {}, (*plan.stays, *(Stay("", key, refused.get(key, FOR_ALL)) for key in plan.logins)))
    stays = _name(here, plan.places)
    moved = {} if stays else _erase(here, plan, stays)
    if not stays:
        journal.write(name, record._replace(done=True))
    return Done(name, moved, (*plan.stays, *stays))


def _name(here: LocalContext, places: tuple[Place, ...]) -> list[Stay]:
    failed = []
    for place in places:
        try:
            here.update(place.path, installing(place))
        except (SourceError, WriteError) as error:
            failed.append(failure(place.path, error))
    return failed


def _erase(here: LocalContext, plan: HelperPlan, stays: list[Stay]) -> dict[Moved, Credential]:
    """Erase at the helper what it still has as it was stored; add to ``stays`` what it has not."""
    client = HelperClient(here, plan.helper, named_in="", as_program=True)
    moved = {}
    for one, credential in helper_moving(plan).items():
        try:
            if client.get(one.key) != credential:
                stays.append(Stay("", one.key, CHANGED, hint="migrate again"))
                continue
            client.erase(one.key)
            moved[one] = credential
        except SourceError as error:
            stays.append(Stay("", one.key, error.message, error.hint, broken=True))
    return moved


def undo_to_helper(here: LocalContext, name: str, record: Record, open_store: Callable[[], Store]) -> Done:
    """Give the logins of a migration back to the helper. Raises SourceError, WriteError: the store cannot be used."""
    store, journal = open_store(), Journal(here)
    logins = {one: login for one, login in logins_of(record, store).items() if login != ANONYMOUS}
    client = HelperClient(here, record.helper, named_in="", as_program=True)
    stays = [stay for one, login in logins.items() if (stay := _give_back(client, one.key, login))]
    stays = stays or _name_again(here, record)
    if stays:
        return Done(name, {}, tuple(stays))
    erase_all(record, (), by_key(logins), store, journal, name)
    journal.forget(name)
    return Done(name, logins, ())


def _give_back(client: HelperClient, key: str, login: Credential) -> Stay | None:
    try:
        now = client.get(key)
        if now == ANONYMOUS:
            client.store(key, login)
            now = client.get(key)
    except ShorepassError as error:
        return Stay("", key, error.message, error.hint, broken=True)
    return None if now == on_the_wire(login) else Stay("", key, HAS_ANOTHER)


def _name_again(here: LocalContext, record: Record) -> list[Stay]:
    failed = []
    for place, before in record.named:
        try:
            restore(here, place, before)
        except (SourceError, WriteError) as error:
            failed.append(failure(place.path, error))
    return failed
