"""Log in and out as one account of several for a registry, beside the default login.

The login is in a Shorepass store under the account's key, and the client's file names Shorepass's helper for the registry.
podman also knows keys for a part of a registry, and uses the longest one. If the account has rules for such parts, its login
is in podman's file under those keys and podman chooses. That is plain text, as podman stores it.
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
from shorepass.logins.log_in import Erasure, Login, check_with_form, erase, store_login
from shorepass.logins.placement import PLAIN, found_target, require_helper
from shorepass.names import Reference, registry_meant, registry_of_server
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

__all__ = ["Row", "accounts_left", "erase_all", "keys", "log_in", "log_out", "native_keys", "parts", "stored", "survey"]


def parts(here: LocalContext, client: Client, server: str, account: str) -> list[str]:
    """Return the keys of an account's login in podman's file, [] for a client without such keys.

    The keys are the named one, or those of the account's rules for a part of the registry. Raises UsageError, SourceError.
    """
    if not client.facts.namespaces:
        return []
    key = found_target(here, client, server).key
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
    """Check a login with the registry, and store it for ``account``.

    ``store``: the name of a Shorepass store; None for the one in use, or podman's file if rules need that.

    Raises RegistryError (nothing is stored), SourceError, WriteError, UsageError.
    """
    settings.check_account(account)
    target = found_target(here, client, server)
    new_rule = _new_rule(here, client, target.key, account)
    wanted = parts(here, client, server, account) if store in (None, PLAIN) or "/" in target.key else []
    native = [key for key in wanted if _is_read(here, client, key, account, tell)]
    if not native:
        if "/" in target.key:
            raise UsageError(
                f"{client.name} does not read a key for a part of {target.key.partition('/')[0]}",
                hint=command(None, "login", "--as", account, target.key.partition("/")[0], client=client.name),
            )
        require_room(store or settings.load(here).store or "")
        if target.helper is None or target.detected:
            require_helper(here, client)
        if store is not None:
            require_usable(here, store, ask=nobody)
    registry = registry_of_server(server)
    accepted = check_with_form(here, client, registry, credential, access, tell)
    if native:
        places = [client.target(here, key) for key in native]
        changed = [store_login(here, place, accepted) for place in places]
        for place in places:
            tell(
                f"the login for {place.key} is stored in {place.path} in plain text: {client.name} asks no helper for it"
            )
        if new_rule:
            rules.use(here, new_rule)
            tell(f"the account {account!r} is now used for {new_rule.repository}")
        return Login(registry, accepted, places[0], plain_text=True, changed=any(changed))
    kept_in = shorepass_store.open_for_login(here, store, tell)
    kept_in.store(key_of(target.key, account), accepted)
    _name_helper(here, client, target, kept_in, account, tell)
    return Login(registry, accepted, target._replace(helper=OURSELVES, detected=False), plain_text=False, changed=True)


def _new_rule(here: LocalContext, client: Client, key: str, account: str) -> Rule | None:
    """Return the new rule for the key of a part of a registry, None if no new rule is needed.

    Raises UsageError.
    """
    registry, _, path = key.partition("/")
    if not client.facts.namespaces or not path or key in parts(here, client, registry, account):
        return None
    return Rule(account, rules.repository_of(f"{key}/*"))


def _is_read(here: LocalContext, client: Client, key: str, account: str, tell: Tell) -> bool:
    """Return whether podman uses a key for a part of a registry. It does not if a helper is named for the registry."""
    registry = key.partition("/")[0]
    helper = client.target(here, registry).helper
    if helper is None:
        return True
    tell(
        f"{client.name} asks docker-credential-{printable(helper)} for {registry} and then reads no key such as {key}: "
        f"{command(None, 'run', '--as', account)} chooses the account there"
    )
    return False


def _name_helper(here: LocalContext, client: Client, target: Target, store: Store, account: str, tell: Tell) -> None:
    """Name Shorepass's helper for the registry, unless another is named. Move the default login to the store."""
    if target.helper == OURSELVES:
        shorepass_store.name_helper(here, client, target)  # also for podman, which ignores credsStore
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
    """Move the default login from the client's file to the Shorepass store, where the client now looks."""
    if store.get(key) == ANONYMOUS:
        store.store(key, login)
        tell(f"the default login for {key} is now stored in the {store.name} and no longer in {source.path}")
    else:
        tell(f"the default login for {key} is now the one in the {store.name}; the one in {source.path} was removed")
    erase(here, source)


def stored(here: LocalContext, client: Client, server: str, account: str) -> Credential:
    """Return an account's login, ANONYMOUS if it has no login. Raises SourceError, UsageError."""
    for key in parts(here, client, server, account):
        found = client.resolve(here, Reference(*key.split("/", 1)))
        if found.source is not None and found.source.key == key:
            return found.credential
    store = _chosen(here)
    require_room(store.name)
    for key in spellings(found_target(here, client, server).key):
        if (credential := store.get(key_of(key, account))) != ANONYMOUS:
            return credential
    return ANONYMOUS


def log_out(here: LocalContext, client: Client, server: str, account: str) -> list[Erasure]:
    """Erase an account's login, and no other. Raises UsageError, SourceError, WriteError."""
    settings.check_account(account)
    target = found_target(here, client, server)
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
    """Erase every account's login in the Shorepass store. A failure is in the answer, not an exception."""
    store = _chosen(here)
    try:
        return [Erasure(Target(store.name, key), store.erase(key)) for key in _names(store) if split(key)[1]]
    except ShorepassError as error:
        return [Erasure(Target(store.name, ""), found=False, error=error)]


def accounts_left(here: LocalContext, client: Client, server: str) -> list[str]:
    """Return the accounts that have a login in the Shorepass store. A store that fails or would ask has no accounts."""
    try:
        keys = spellings(found_target(here, client, server).key)
    except ShorepassError:
        return []
    names = known_logins(here) or {}
    return sorted({account for found, account in map(split, names) if account and found in keys})


def _names(store: Store) -> dict[str, str]:
    """Return user names by key, {} for a missing store or one without accounts. Raises SourceError."""
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
    """Return the keys of an account's logins in the Shorepass store. Raises UsageError: it has no login; SourceError."""
    store = _chosen(here)
    require_room(store.name)
    names = _names(store)
    require(account, names)
    return keys_of(names, account)


def native_keys(here: LocalContext, account: str) -> list[str]:
    """Return the keys of an account's logins in podman's file. Raises SourceError."""
    return [entry.key for rule, entry in _native(here, settings.load(here).rules) if rule.account == account]


def survey(here: LocalContext) -> list[Row]:
    """Return the accounts' logins in the Shorepass store, and those of rules in podman's file. Raises SourceError."""
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
    """Yield the logins in podman's file for parts of registries, each with its rule."""
    parts = {"/".join(part_of(rule.repository)): rule for rule in known if part_of(rule.repository)[1]}
    families = FAMILIES if parts else ()
    for client in map(find, families):
        if not client.facts.namespaces:
            continue
        for entry in client.entries(here, ask_helpers=False):
            if entry.kind and entry.key in parts:
                yield parts[entry.key], entry


def _may_choose(rule: Rule, key: str) -> bool:
    return bool(rule.directory) or registry_meant(part_of(rule.repository)[0]) == _meant(key)


def _meant(key: str) -> str:
    try:
        return registry_meant(key)
    except InvalidReference:
        return key
