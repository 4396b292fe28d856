"""Log in and out: check with the registry first, then store where the client itself would.

A login that the registry refuses is not stored. A login that cannot be stored is an error after the check. If the client
would store it in plain text, a Shorepass store stores it instead (``shorepass_store``).
"""

from typing import TYPE_CHECKING, NamedTuple

from shorepass.accounts.choice import choose
from shorepass.clients import Client, Target
from shorepass.config import document
from shorepass.config.auth_entry import write_entry
from shorepass.config.locations import docker_config_path
from shorepass.contexts import Change, Context, FileContent
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic, Credential
from shorepass.errors import (
    HelperError,
    HelperFailed,
    LoginRefused,
    ShorepassError,
    SourceError,
    Trouble,
    UsageError,
    WriteError,
)
from shorepass.helper import OURSELVES
from shorepass.logins import shorepass_store
from shorepass.logins.helper_entry import remember_override, without_helper
from shorepass.logins.placement import decide, found_target, with_alternative
from shorepass.logins.shorepass_store import Tell
from shorepass.names import Reference, registry_of_server
from shorepass.registry.client import Access, RegistryClient
from shorepass.registry.form_advice import login_faults
from shorepass.registry.forms import Fault, is_ended

if TYPE_CHECKING:
    from shorepass.helper.client import HelperClient

__all__ = ["Erasure", "Login", "check_with_form", "erase", "log_in", "log_out", "log_out_everywhere", "store_login"]


class Login(NamedTuple):
    """A login that was accepted and stored. ``plain_text``: the secret is readable in ``target.path``.

    ``changed`` is False if exactly this login was stored before.
    """

    registry: str
    credential: Credential
    target: Target
    plain_text: bool
    changed: bool


class Erasure(NamedTuple):
    """The result for one target of a logout. ``error``: why it could not be erased, or None."""

    target: Target
    found: bool
    error: ShorepassError | None = None


def log_in(
    context: Context,
    client: Client,
    server: str,
    credential: Credential,
    access: Access,
    *,
    store: str | None = None,
    tell: Tell = lambda _: None,
) -> Login:
    """Check ``credential`` with the registry behind ``server`` and store it where ``client`` will find it.

    ``store``: the store's name, ``file`` for the client's own file. None: the helper that this file names, else the store in
    use, else the first that works. ``tell`` gets a message for what was created or replaced.

    Raises RegistryError (nothing is stored), SourceError, WriteError, UsageError.
    """
    target = client.target(context, server)  # a broken config file is found before the password is sent
    decision = decide(context, client, target, store)
    registry = registry_of_server(server)
    accepted = check_with_form(context, client, registry, credential, access, tell)
    if decision.here:
        target = found_target(context, client, server)
        target = shorepass_store.store_and_name_helper(decision.here, client, target, accepted, store, tell)
        changed = True
    elif decision.in_file:
        changed = store_in_file(context, client, target, accepted)
        target = target._replace(helper=None, detected=False)
    else:
        try:
            stored = store_somewhere(context, target, accepted)
        except HelperFailed as error:
            raise with_alternative(error, context, client, target) from None
        changed = stored.changed
        if stored.refused:
            where = stored.target.path
            if stored.target.helper is None:
                where += ", in plain text"
            tell(f"{stored.refused.message}: {client.name} stores the login in {where} then, and so does Shorepass")
        target = stored.target
        if target.helper == OURSELVES:
            _tell_account(context, registry, tell)
    if decision.remark and changed:
        tell(decision.remark)
    if target.found_as:
        there = command(context, "login", target.found_as, client=client.name)
        tell(f"{client.name} stores this login where its pull does not look; to pull with it: {there}")
    return Login(registry, accepted, target, plain_text=target.helper is None, changed=changed)


def check_with_form(
    context: Context, client: Client, registry: str, credential: Credential, access: Access, tell: Tell
) -> Credential:
    """Return what the registry accepted. What cannot be right by its form is reported first, or is not sent at all.

    Raises RegistryError; UsageError: no registry accepts that.
    """
    faults: list[Fault] = []
    if isinstance(credential, Basic):
        faults = login_faults(context, registry, client.name, credential.username, credential.password)
        if is_ended(credential):
            tell("this token has expired already")
    for fault in faults:
        if fault.is_refused:
            raise UsageError(fault.cause, hint=fault.fix)
        if fault.is_certain:
            tell(f"{fault.cause}: {fault.fix}")
    try:
        with RegistryClient(registry, access, context) as asked:
            return asked.check_login(credential).credential
    except LoginRefused as error:
        if faults:
            error.hint = f"{faults[0].cause}: {faults[0].fix}"
        raise


def _tell_account(context: Context, registry: str, tell: Tell) -> None:
    """Tell the account for which Shorepass's helper has stored a login."""
    if choice := choose(context, Reference(registry)):
        tell(f"stored as the account {choice.account!r}: {choice.why}")


def store_in_file(context: Context, client: Client, target: Target, credential: Credential) -> bool:
    """Write a credential into the client's file without a helper; False if nothing changed."""
    entry = _entry(context, target, credential)

    def edit(current: FileContent | None) -> bytes | None:
        data, changed = without_helper(client, current, target)
        if isinstance(context, LocalContext) and context.name == "me":
            remember_override(context, current, changed)
        if not changed and current and _member(document.load(current, first_value_only=True), path) == entry:
            return None
        return document.set_member(data, path, entry)

    path = ("auths", target.key)
    return context.update(target.path, edit)


def _entry(context: Context, target: Target, credential: Credential) -> dict[str, str]:

    return write_entry(credential, docker=target.path == docker_config_path(context)[0])


class _Stored(NamedTuple):
    """Where a login was stored at last. ``refused``: the error of what could not store it before; None: nothing did."""

    target: Target
    changed: bool
    refused: ShorepassError | None = None


def store_login(context: Context, target: Target, credential: Credential) -> bool:
    """Write a credential where the client stores it; False if the file already had exactly that."""
    return store_somewhere(context, target, credential).changed


def store_somewhere(context: Context, target: Target, credential: Credential) -> _Stored:
    """Write a credential to its target, or where the client stores it otherwise. Raises the error of the first target."""
    try:
        return _Stored(target, _store(context, target, credential))
    except (SourceError, WriteError) as error:
        if target.otherwise is None:
            raise
        try:
            stored = store_somewhere(context, target.otherwise, credential)
        except (SourceError, WriteError):
            raise error from None
        return stored._replace(refused=error)


def _store(context: Context, target: Target, credential: Credential) -> bool:
    """Write a credential to its target; False if the file already had exactly that.

    A login in a helper leaves an empty entry in docker's file, as docker does. The entry replaces an older plain-text login,
    and makes docker use a helper that it chose by default.
    """
    if target.helper is None:
        return context.update(target.path, _member_setter(("auths", target.key), _entry(context, target, credential)))

    _helper(context, target.helper).store(target.key, credential)
    if target.records:

        def record(current: FileContent | None) -> bytes | None:
            edited = document.set_member(current or b"", ("auths", target.key), {})
            if target.detected:
                edited = document.set_member(edited, ("credsStore",), target.helper)
            return edited if current is None or edited != current.data else None

        context.update(target.path, record)
    return True


def _helper(context: Context, name: str) -> "HelperClient":
    from shorepass.helper.client import HelperClient  # starts programs; a login in the client's file does not need it

    return HelperClient(context, name)


def _member_setter(path: tuple[str, ...], value: object) -> Change:

    def edit(current: FileContent | None) -> bytes | None:
        if current is not None and _member(document.load(current, first_value_only=True), path) == value:
            return None
        return document.set_member(current or b"", path, value)

    return edit


def _member(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def log_out(context: Context, client: Client, server: str) -> list[Erasure]:
    """Erase what ``client``'s own logout erases. A failure is in the answer, not an exception."""
    done: list[Erasure] = []
    for target in client.erasures(context, server):
        failed = [each.error for each in done if each.error and each.target.helper in target.after]
        if failed:
            done.append(Erasure(target, found=False, error=failed[0]))
        else:
            done.append(erase(context, target))
    return done


def log_out_everywhere(context: Context, client: Client) -> list[Erasure]:
    """Erase every login that ``client`` could use."""
    erased = []
    for entry in client.entries(context):
        if entry.path and entry.path == client.facts.variable_with_logins:
            continue  # a program cannot change its caller's environment
        target = Target(entry.path, entry.key, entry.helper)
        if entry.error:
            erased.append(Erasure(target, found=False, error=entry.error))
        else:
            erased.append(erase(context, target))
    return erased


def erase(context: Context, target: Target) -> Erasure:
    """Erase one target: the helper's login, if there is one, and the entry in the file."""
    found = False
    try:
        if target.helper is not None:
            try:
                found = _helper(context, target.helper).erase(target.key)
            except HelperError as error:
                if not target.detected or error.trouble is not Trouble.NO_STORE:
                    raise
                # docker chose it by default, and a store that was never made has no login

        def edit(current: FileContent | None) -> bytes | None:
            nonlocal found
            if current is None:
                return None
            auths = _member(document.load(current, first_value_only=True), ("auths",))
            if not isinstance(auths, dict) or target.key not in auths:
                return None
            if target.helper is None or auths[target.key]:  # an empty entry only means that the helper may have a login
                found = True
            return document.remove_member(current.data, ("auths", target.key))

        context.update(target.path, edit)
    except SourceError as error:
        return Erasure(target, found=False, error=error)
    return Erasure(target, found=found)


def check_stored(context: Context, client: Client, server: str, access: Access) -> Basic | None:
    """Return the stored user name and password that the registry still accepts, None if no such login is stored.

    Raises LoginRefused: the registry refuses it; SourceError: a source is broken.
    """
    registry = registry_of_server(server)
    stored = client.stored(context, server).credential
    if not isinstance(stored, Basic) or not stored.username or not stored.password:
        return None
    with RegistryClient(registry, access, context) as asked:
        accepted = asked.check_login(stored).credential
    if not isinstance(accepted, Basic):
        raise LoginRefused(registry, "the registry answered the stored login with another kind of credential")
    return accepted
