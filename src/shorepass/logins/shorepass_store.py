"""Store a login in a Shorepass store, and name Shorepass's helper in the client's file.

The helper is named for the registry in ``credHelpers``, because podman also reads docker's file but ignores ``credsStore``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from shorepass import settings
from shorepass.accounts.choice import Chooser
from shorepass.accounts.keys import key_of, require_room
from shorepass.config import document
from shorepass.config.registries_conf import REGISTRIES_CONF
from shorepass.contexts.command import command
from shorepass.contexts.terminal import ask
from shorepass.credential import Basic
from shorepass.errors import printable
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.logins.helper_entry import Place, install, named_for
from shorepass.stores.in_use import choose, in_use, use

if TYPE_CHECKING:
    from shorepass.clients import Client, Target
    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.stores import Store

EMPTIED = ("/run/", "/var/run/")  # at each start (file-hierarchy(7)); XDG_RUNTIME_DIR is below it

__all__ = ["Tell", "name_helper", "open_for_login", "store_and_name_helper"]


Tell: TypeAlias = Callable[[str], None]  # what the user should know although the login succeeded


def store_and_name_helper(
    here: LocalContext, client: Client, target: Target, credential: Credential, store: str | None, tell: Tell
) -> Target:
    """Store a login, name Shorepass's helper in the client's file, and remove the login there. Return its target.

    ``store`` is a store's name: the one in use, or it becomes that if none is. Raises UsageError, SourceError, WriteError.
    """
    kept_in = open_for_login(here, store, tell)
    key = _key_of_account(here, target.key, kept_in, tell)
    before = kept_in.get(key)
    kept_in.store(key, credential)
    if isinstance(before, Basic) and isinstance(credential, Basic) and before.username != credential.username:
        tell(
            f"{printable(before.username)!r} was logged in before: {PROGRAM} keeps one login per registry, "
            "for docker and podman"
        )
    if target.path != REGISTRIES_CONF:  # which already names Shorepass's helper in this case
        overrides = not target.detected and target.helper not in (None, OURSELVES)
        name_helper(here, client, target, until_logout=overrides)
        _warn_about_restart(here, client, target, tell)
    return target._replace(helper=OURSELVES, detected=False)


def _warn_about_restart(here: LocalContext, client: Client, target: Target, tell: Tell) -> None:
    """Warn that a restart removes the client's file, with the command that names the helper in a lasting one."""
    if not os.path.abspath(target.path).startswith(EMPTIED):
        return
    own = [file.path for file in client.files(here) if not file.legacy and file.path.endswith(client.facts.file_name)]
    lasting = next((path for path in own if not os.path.abspath(path).startswith(EMPTIED)), None)
    if lasting is None or here.getenv("REGISTRY_AUTH_FILE"):
        return
    lasting_file = command(None, "helper", "install", "--for", target.key, "--authfile", lasting, client=client.name)
    tell(
        f"{client.name} finds the login until the next restart, which empties {EMPTIED[0]}; to keep it longer: {lasting_file}"
    )


def _key_of_account(here: LocalContext, key: str, store: Store, tell: Tell) -> str:
    """Return the store's key for a server URL: that of an account, if one is chosen here and now."""
    choice = Chooser(here, settings.load(here)).for_key(key)
    if choice is None:
        return key
    require_room(store.name)
    tell(f"stored as the account {choice.account!r}: {choice.why}")
    return key_of(key, choice.account)


def open_for_login(here: LocalContext, store: str | None, tell: Tell) -> Store:
    """Return the store for a login, ready for it. Raises as ``keep`` does.

    ``store``: its name, where one was asked for; ``require_usable`` has found that it can be used.
    """
    if store is not None and in_use(here) is None:
        use(here, store)
    return choose(here, ask=ask, tell=tell)


def name_helper(here: LocalContext, client: Client, target: Target, *, until_logout: bool = False) -> None:
    """Name Shorepass's helper for this login, and remove the login from the file, as the client does.

    ``until_logout``: the file names another helper, which is asked again after the logout.
    """
    facts = client.facts
    members: list[tuple[str, ...]] = [("credHelpers", key) for key in named_for(target.key)]
    if facts.reads_creds_store and not _holds_logins(client, here.read(target.path, document.SIZE_LIMIT)):
        members.append(("credsStore",))  # else docker would store its next login in plain text
    for member in members:
        install(here, Place(os.path.abspath(target.path), member), until_logout=until_logout)
    entry = ("auths", target.key)

    def empty(content: FileContent | None) -> bytes | None:
        edited = document.set_member(content, entry, {}) if facts.records else document.remove_member(content, entry)
        return None if content is not None and edited == content.data else edited

    here.update(target.path, empty)


def _holds_logins(client: Client, content: FileContent | None) -> bool:
    """Return whether a client's file has any login or helper. Raises MalformedFile."""
    if content is None:
        return False
    view = client.view(content)
    return bool(view.auths or view.helpers or view.store)
