"""Log in and out as one account of several for a registry, beside the default login.

The login rests in a store of ours under the account's key, and the client's file names our helper for the registry.
podman also knows keys for a part of a registry, of which it takes the longest: where rules of the account are for such parts,
its login stands in podman's file under their names, and podman itself chooses. That is plain text, as podman does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass import settings
from shorepass.accounts import rules
from shorepass.accounts.choice import part_of
from shorepass.accounts.keys import WITHOUT_ROOM, key_of, keys_of, require, require_room, spellings, split
from shorepass.accounts.known import known_logins
from shorepass.clients import FAMILIES, Target, find
from shorepass.contexts.command import command
from shorepass.contexts.terminal import ask, nobody
from shorepass.credential import ANONYMOUS, Basic, Credential, IdentityToken
from shorepass.errors import InvalidReference, ShorepassError, StoreMissing, UsageError, printable
from shorepass.helper import OURSELVES
from shorepass.logins import shorepass_store
from shorepass.logins.log_in import Erasure, Login, erase, store_login
from shorepass.logins.placement import PLAIN, require_helper
from shorepass.names import Reference, registry_meant, registry_of_server
from shorepass.registry.client import RegistryClient
from shorepass.settings import Rule
from shorepass.stores.in_use import chosen as store_in_use
from shorepass.stores.in_use import require_usable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shorepass.clients import Client, Entry
    from shorepass.contexts.local import LocalContext
    from shorepass.logins.shorepass_store import Tell
    from shorepass.registry.client import Access
    from shorepass.stores import Store

__all__ = ["Row", "erase_all", "keys", "left", "log_in", "log_out", "native_keys", "parts", "stored", "survey"]


def parts(here: LocalContext, client: Client, server: str, account: str) -> list[str]:
    """Return the keys under which podman's file would have an account's login: none where the client knows no such keys.

    The one that was named, or those of the account's rules for a part of that registry. Raises UsageError, SourceError.
    """
    if not client.facts.namespaces:
        return []
    key = client.target(here, server).key
    if "/" in key:
        return [key]
    found = []
    for rule in settings.load(here).rules:
        host, path = part_of(rule.repository)
        if rule.account == account and path and registry_meant(host) == registry_meant(key):
            found.append(f"{key}/{path}")
    return list(dict.fromkeys(found))


def log_in(
    here: LocalContext,
    client: Client,
    server: str,
    credential: Credential,
    access: Access,
    account: str,
    *,
    store: str | None,
    tell: Tell,
) -> Login:
    """Check a login with the registry and keep it as that of ``account``.

    ``store``: that of ours by its name; None for the one in use, where it is not podman's file that is to have the login.

    Raises RegistryError (nothing is stored), SourceError, WriteError, UsageError.
    """
    settings.check_account(account)
    target = client.target(here, server)
    new_rule = _new_rule(here, client, target.key, account)
    wanted = parts(here, client, server, account) if store in (None, PLAIN) or "/" in target.key else []
    native = [key for key in wanted if _is_looked_at(here, client, key, account, tell)]
    if not native:
        if "/" in target.key:
            raise UsageError(
                f"{client.name} does not look at a key for a part of {target.key.partition('/')[0]}",
                hint=command(None, "login", "--as", account, target.key.partition("/")[0], client=client.name),
            )
        require_room(store or settings.load(here).store or "")
        if target.helper is None or target.detected:
            require_helper(here, client)
        if store is not None:
            require_usable(here, store, ask=nobody)
    registry = registry_of_server(server)
    with RegistryClient(registry, access, here) as asked:
        accepted = asked.check_login(credential).credential
    if native:
        places = [client.target(here, key) for key in native]
        changed = [store_login(here, place, accepted) for place in places]
        for place in places:
            tell(
                f"the login for {place.key} stands in {place.path} in plain text: {client.name} asks no helper for that"
            )
        if new_rule:
            rules.use(here, new_rule)
            tell(f"the account {account!r} is used for {new_rule.repository} from now on")
        return Login(registry, accepted, places[0], plain_text=True, changed=any(changed))
    kept_in = shorepass_store.open_for_login(here, store, tell)
    kept_in.store(key_of(target.key, account), accepted)
    _name_helper(here, client, target, kept_in, account, tell)
    return Login(registry, accepted, target._replace(helper=OURSELVES, detected=False), plain_text=False, changed=True)


def _new_rule(here: LocalContext, client: Client, key: str, account: str) -> Rule | None:
    """Return the rule that says whose login a key for a part of a registry is; None: it is no such key, or a rule says it.

    Raises UsageError.
    """
    registry, _, path = key.partition("/")
    if not client.facts.namespaces or not path or key in parts(here, client, registry, account):
        return None
    return Rule(account, rules.repository_of(f"{key}/*"))


def _is_looked_at(here: LocalContext, client: Client, key: str, account: str, tell: Tell) -> bool:
    """Tell whether podman takes a key for a part of a registry: not where its file names a helper for the registry."""
    registry = key.partition("/")[0]
    helper = client.target(here, registry).helper
    if helper is None:
        return True
    tell(
        f"{client.name} asks docker-credential-{printable(helper)} for {registry}, and then looks at no key such as {key}: "
        f"{command(None, 'run', '--as', account)} chooses the account there"
    )
    return False


def _name_helper(here: LocalContext, client: Client, target: Target, store: Store, account: str, tell: Tell) -> None:
    """Let the client ask our helper for the registry, unless it asks another one. Its default login moves to our store."""
    if target.helper == OURSELVES:
        shorepass_store.name_helper(here, client, target)  # for podman, too, which passes over credsStore
        return
    resolution = client.resolve(here, Reference(registry_of_server(target.key)))
    before, source = resolution.credential, resolution.source
    if target.helper is not None and (not target.detected or before != ANONYMOUS):
        tell(
            f"{client.name} asks docker-credential-{printable(target.helper)} for {target.key}, so there neither "
            f"{settings.ACCOUNT_VARIABLE} nor a rule chooses the account: {command(None, 'run', '--as', account)} does"
        )
        return
    if isinstance(before, Basic | IdentityToken) and source is not None and source.path == target.path:
        _move(here, Target(source.path, source.key), target.key, before, store, tell)
    shorepass_store.name_helper(here, client, target)


def _move(here: LocalContext, source: Target, key: str, login: Credential, store: Store, tell: Tell) -> None:
    """Bring the default login from the client's file to our store, where the client looks from now on."""
    if store.get(key) == ANONYMOUS:
        store.store(key, login)
        tell(f"the default login for {key} is kept in the {store.name} from now on, and no longer in {source.path}")
    else:
        tell(f"the default login for {key} is now the one in the {store.name}, and no longer that in {source.path}")
    erase(here, source)


def stored(here: LocalContext, client: Client, server: str, account: str) -> Credential:
    """Return an account's login, ANONYMOUS where there is none. Raises SourceError, UsageError."""
    for key in parts(here, client, server, account):
        found = client.resolve(here, Reference(*key.split("/", 1)))
        if found.source is not None and found.source.key == key:
            return found.credential
    store = _chosen(here)
    require_room(store.name)
    for key in spellings(client.target(here, server).key):
        if (credential := store.get(key_of(key, account))) != ANONYMOUS:
            return credential
    return ANONYMOUS


def log_out(here: LocalContext, client: Client, server: str, account: str) -> list[Erasure]:
    """Erase an account's login, and nobody else's. Raises UsageError, SourceError, WriteError."""
    settings.check_account(account)
    target = client.target(here, server)
    native = [Target(target.path, key) for key in parts(here, client, server, account)]
    erasures = [erase(here, place) for place in native]
    if "/" in target.key:
        return erasures
    store = _chosen(here)
    if not native:
        require_room(store.name)
    keys = [key_of(key, account) for key in spellings(target.key)]
    names = _names(store)
    there = [key for key in keys if key in names] or ([] if native else keys[:1])
    return erasures + [Erasure(Target(store.name, key), key in names and store.erase(key)) for key in there]


def erase_all(here: LocalContext) -> list[Erasure]:
    """Erase every account's login in our store. What cannot be erased is in the answer, not an exception."""
    store = _chosen(here)
    try:
        return [Erasure(Target(store.name, key), store.erase(key)) for key in _names(store) if split(key)[1]]
    except ShorepassError as error:
        return [Erasure(Target(store.name, ""), found=False, error=error)]


def left(here: LocalContext, client: Client, server: str) -> list[str]:
    """Return the accounts that have a login there in our store. A store that would ask a person, or fails, has none."""
    try:
        keys = spellings(client.target(here, server).key)
    except ShorepassError:
        return []
    names = known_logins(here) or {}
    return sorted({account for found, account in map(split, names) if account and found in keys})


def _names(store: Store) -> dict[str, str]:
    """Return user names by key; a store that is not there yet, or keeps no accounts, has none. Raises SourceError."""
    if store.name in WITHOUT_ROOM:
        return {}
    try:
        return store.list()
    except StoreMissing:
        return {}


def _chosen(here: LocalContext) -> Store:

    return store_in_use(here, ask=ask, tell=lambda _: None)


class Row(NamedTuple):
    """One login of an account, and the rules that choose it. ``stored_in``: a store's name, or podman's file.

    An account that has only rules, or rules for a registry where it has no login, has a row without ``username``.
    """

    account: str
    registry: str
    username: str
    stored_in: str
    rules: tuple[Rule, ...]


def keys(here: LocalContext, account: str) -> list[str]:
    """Return the keys for which an account has a login in our store. Raises UsageError: it has none; SourceError."""
    store = _chosen(here)
    require_room(store.name)
    names = _names(store)
    require(account, names)
    return keys_of(names, account)


def native_keys(here: LocalContext, account: str) -> list[str]:
    """Return the keys under which podman's own file has an account's logins. Raises SourceError."""
    return [entry.key for rule, entry in _native(here, settings.load(here).rules) if rule.account == account]


def survey(here: LocalContext) -> list[Row]:
    """Return the accounts' logins: those in our store, and those in podman's file that rules speak of. Raises SourceError."""
    known, rows = settings.load(here).rules, []
    store = _chosen(here)
    for key, username in _names(store).items():
        plain, account = split(key)
        if account:
            chosen = tuple(rule for rule in known if rule.account == account and _may_choose(rule, plain))
            rows.append(Row(account, _meant(plain), username, store.name, chosen))
    rows += [Row(rule.account, entry.key, entry.username, entry.path, (rule,)) for rule, entry in _native(here, known)]
    idle = [rule for rule in known if not any(rule in row.rules for row in rows)]
    rows += [Row(rule.account, part_of(rule.repository)[0], "", "", (rule,)) for rule in idle]
    return sorted(rows)


def _native(here: LocalContext, known: Iterable[Rule]) -> Iterator[tuple[Rule, Entry]]:
    """Yield the logins in podman's file for parts of registries, each with the rule that says whose it is."""
    parts = {"/".join(part_of(rule.repository)): rule for rule in known if part_of(rule.repository)[1]}
    for client in map(find, FAMILIES if parts else ()):
        for entry in client.entries(here, ask_helpers=False) if client.facts.namespaces else ():
            if entry.kind and entry.key in parts:
                yield parts[entry.key], entry


def _may_choose(rule: Rule, key: str) -> bool:
    return bool(rule.directory) or registry_meant(part_of(rule.repository)[0]) == _meant(key)


def _meant(key: str) -> str:
    try:
        return registry_meant(key)
    except InvalidReference:
        return key
