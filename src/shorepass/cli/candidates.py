"""The values that a flag or an argument may have, as completion offers them.

Only files and local sockets are looked at: no registry is asked, no helper or other program is started, and no user is asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from shorepass import settings
from shorepass.accounts.keys import accounts_of
from shorepass.accounts.known import known_logins
from shorepass.clients import FAMILIES, find
from shorepass.contexts import user
from shorepass.contexts.containers.engines import endpoints
from shorepass.contexts.engine_family import Family
from shorepass.contexts.find import FORMS
from shorepass.doctor import codes
from shorepass.errors import SourceError, without_user_info
from shorepass.foreign_text import quoted
from shorepass.grants import file as grants_file
from shorepass.names import registry_of_key
from shorepass.stores.in_use import DEFAULT, NAMES, PREFIX
from shorepass.stores.survey import helpers as helpers_on_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shorepass.clients import Entry
    from shorepass.contexts.containers.engines import Endpoint
    from shorepass.contexts.local import LocalContext

__all__ = ["LIMIT", "SOURCES", "Candidate", "is_typed_as_it_is"]

Candidate: TypeAlias = tuple[str, str]  # a value, and what it means

LIMIT = 500  # values: no one reads more
ENGINE_SECONDS = 0.5  # for an engine's list of its containers
BEGINNING = re.compile("[a-z-]+:?")  # of a context's form: what comes before NAME
SCHEMES = ("http://", "https://")


def contexts(here: LocalContext) -> Iterator[Candidate]:
    """Yield the names that ``--in`` accepts, and the beginnings of those that are not known here."""
    for form, meaning in FORMS.items():
        beginning = BEGINNING.match(form)
        if beginning:
            yield beginning[0], meaning
    for place in user.discover(here, ENGINE_SECONDS):
        yield place.name, "a user of this machine"
    for family in Family:
        for endpoint in endpoints(here, family):
            yield from containers(here, endpoint)


def containers(here: LocalContext, endpoint: Endpoint) -> Iterator[Candidate]:
    """Yield the containers of an engine that is there: none is started for this question."""
    if not endpoint.host:
        return
    try:
        engine = endpoint.open(here, timeout=ENGINE_SECONDS)
        found = engine.containers(timeout=ENGINE_SECONDS)
    except SourceError:
        return
    for summary in found:
        yield f"{engine.family}:{summary.name}", f"a container ({summary.state})"


def accounts(here: LocalContext) -> Iterator[Candidate]:
    """Yield the accounts that a rule names, and those in the vault if it opens without a passphrase."""
    found = settings.load(here)
    keys = known_logins(here) if found.store in (None, DEFAULT) else None
    names = {rule.account for rule in found.rules}
    for name in sorted(names.union(accounts_of(keys or ()))):
        yield name, "an account"


def registries(here: LocalContext) -> Iterator[Candidate]:
    """Yield the registries that docker's and podman's files name."""
    entries: list[Entry] = []
    for name in FAMILIES:
        entries += find(name).entries(here, ask_helpers=False)
    keys = [without_user_info(entry.key) for entry in entries]
    named = {registry_of_key(key) if key.startswith(SCHEMES) else key for key in keys}
    for name in sorted(named):
        yield name, "a login is stored"


def stores(here: LocalContext) -> Iterator[Candidate]:
    """Yield the stores: Shorepass's own, and each credential helper on PATH."""
    for name in NAMES:
        if not name.startswith(PREFIX):
            yield name, ""
    for name, meaning in helpers(here):
        yield PREFIX + name, meaning


def helpers(here: LocalContext) -> Iterator[Candidate]:
    """Yield the credential helpers on PATH."""
    for name in helpers_on_path(here):
        yield name, "a credential helper"


def grants(here: LocalContext) -> Iterator[Candidate]:
    """Yield the grants."""
    for id_, grant in grants_file.load(here).items():
        yield id_, f"lends {', '.join(grant.registries)} to {grant.target}"


def targets(here: LocalContext) -> Iterator[Candidate]:
    """Yield what a login can be lent to."""
    yield "flags", "flags for docker run and podman run"
    for family in Family:
        for endpoint in endpoints(here, family):
            yield from containers(here, endpoint)


def findings(_: LocalContext) -> Iterable[Candidate]:
    """Return the codes of findings."""
    return codes().items()


def is_typed_as_it_is(value: str) -> bool:
    """Tell whether a value can be typed into a shell: names come from files, containers and other programs."""
    return bool(value) and not value.startswith("-") and quoted(value) == value


# By the name that the parsers give a flag or an argument.
SOURCES: dict[str, Callable[[LocalContext], Iterable[Candidate]]] = {
    "place": contexts,
    "places": contexts,
    "account": accounts,
    "server": registries,
    "reference": registries,
    "registry": registries,
    "repository": registries,
    "store": stores,
    "to": stores,
    "helper": helpers,
    "helpers": helpers,
    "lent": registries,
    "repositories": registries,
    "share": registries,
    "grants": grants,
    "target": targets,
    "explain": findings,
}
