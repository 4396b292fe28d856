"""Decide where to store a login: as its client would, or in a Shorepass store to avoid plain text."""

import os
import sys
from typing import NamedTuple

from shorepass import settings
from shorepass.clients import DEFAULT, FAMILIES, Client, Target, find
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.registries_conf import REGISTRIES_CONF
from shorepass.contexts import Context
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.terminal import nobody
from shorepass.errors import HelperFailed, ShorepassError, UsageError, printable
from shorepass.files import FileContent
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.helper.known_helpers import sign_in
from shorepass.names import registry_of_server
from shorepass.stores.in_use import DEFAULT as DEFAULT_STORE
from shorepass.stores.in_use import PREFIX, in_use, require_usable
from shorepass.stores.in_use import named as store_named

__all__ = ["PLAIN", "Decision", "decide", "elsewhere", "found_target", "require_helper", "with_alternative"]

EMPTY = FileContent("", b"{}")
PLAIN = "file"  # the store that is the client's own file


class Decision(NamedTuple):
    """Where to store a login.

    ``here``: the context whose Shorepass store gets it, or None. ``in_file``: in the client's file, whatever helper that names.
    Otherwise the client's own rules decide. ``remark``: a message for the user, or "".
    """

    here: LocalContext | None = None
    in_file: bool = False
    remark: str = ""


def found_target(context: Context, client: Client, server: str) -> Target:
    """Return where a login must be stored so that the client finds it. Raises as ``Client.target``.

    docker itself stores a login for ``index.docker.io`` where its pull never looks.
    """
    target = client.target(context, server)
    return client.target(context, target.found_as) if target.found_as else target


def decide(context: Context, client: Client, target: Target, store: str | None) -> Decision:
    """Decide where to store a login. ``store``: the store that the user named, None for the setting.

    A named store overrides the client's file (``credHelpers``, ``credsStore``), or is refused with the reason
    before anything is sent.

    Raises MalformedFile, FileError, UsageError, StoreError, HelperError; ShorepassError: Shorepass's helper is not on PATH.
    """
    helper = None if target.detected else target.helper
    if store is None:
        return _by_the_rules(context, client, target, helper)
    if store == PLAIN:
        return _in_file(context, client, target, helper)
    if helper not in (None, OURSELVES) and store == f"{PREFIX}{helper}":
        return Decision()
    return _in_store(context, client, target, helper, store)


def _by_the_rules(context: Context, client: Client, target: Target, helper: str | None) -> Decision:
    """Decide where to store a login if the user named no store.

    The client's own rules decide in these cases: its file names another helper; the context is not this one; the setting is
    plain text; the auth file was named (a container does not have Shorepass's helper); the key is for a part of a registry,
    because podman asks no helper for that. If ``credsStore`` names Shorepass's helper, the login is still stored here: podman
    ignores ``credsStore``, and must find it by ``credHelpers``.
    """
    if helper not in (None, OURSELVES):
        return Decision()

    warns_itself = client.facts.warns_of_plain_text or helper
    plain = "" if warns_itself else _plain(target)
    if not isinstance(context, LocalContext) or context.name != "me":
        return Decision(remark=plain)
    if helper and context.getenv(settings.BEHIND_VARIABLE):
        return Decision()  # the file belongs to one command, and already names Shorepass's helper
    store = settings.load(context).store
    if store == PLAIN:
        return Decision()
    if plain and context.getenv(client.facts.variable):
        return Decision(remark=f"{plain}: a named file may be meant for another context")
    if plain and "/" in target.key:
        return Decision(remark=f"{plain}: {client.name} asks no helper for a part of a registry")
    require_helper(context, client, or_plain_text=not helper)
    _require_name(context, store)
    return Decision(context)


def _plain(target: Target) -> str:
    return f"the login is stored in {target.path} in plain text"


def _in_file(context: Context, client: Client, target: Target, helper: str | None) -> Decision:
    """Decide for the client's own file. Raises UsageError: it would not be read, or other clients would fail."""
    server = registry_of_server(target.key)
    if target.path == REGISTRIES_CONF:
        raise UsageError(
            f"{client.name} asks docker-credential-{printable(target.helper or '')} first, which {REGISTRIES_CONF} names",
            hint=f'remove "{printable(target.helper or "")}" from credential-helpers there',
        )
    if helper and context.getenv(settings.BEHIND_VARIABLE):
        raise UsageError(
            f"{target.path} belongs to this command and is removed when it ends",
            hint=f"outside of this command: {command(None, 'login', '--store', PLAIN, server)}",
        )
    if helper and client.view(context.read(target.path, SIZE_LIMIT) or EMPTY).store:
        readers = _who_stop_at_an_empty_name(context, client)
        if readers:
            raise UsageError(
                f"{target.path} names docker-credential-{printable(helper)} for all registries; only an empty name excepts "
                f"{server}, and {readers} stops at that",
                hint=f"{_alternative(context, client, server)}; or remove credsStore from {quoted(target.path)}",
            )
    whole = client.target(context, server) if "/" in target.key else target
    if whole.helper and not whole.detected and whole is not target:
        raise UsageError(
            f"{client.name} asks docker-credential-{printable(whole.helper)} for {server} and reads no key for a part of it",
            hint=command(context, "login", "--store", PLAIN, server, client=_flag(client)),
        )
    remark = _no_longer(client, helper, server) if helper else ""
    return Decision(in_file=True, remark=remark)


def _flag(client: Client) -> str:
    """Return the client for ``--client``, "" if no flag is needed."""
    return "" if client.name == DEFAULT else client.name


def _alternative(context: Context, client: Client, server: str) -> str:
    """Return the command that logs in to the vault, or with the helper that the file names."""
    if isinstance(context, LocalContext) and context.name == "me":
        return command(context, "login", "--store", "vault", server, client=_flag(client))
    return command(context, "login", server, client=_flag(client))


def _who_stop_at_an_empty_name(context: Context, client: Client) -> str:
    """Return an installed program that reads the same file and stops at an empty helper name, or ""."""
    for name in FAMILIES:
        other = find(name)
        if other.row.family != client.row.family and client.row.family in other.facts.reads:
            there = [program for program in other.row.programs if context.which(program)]
            if there:
                return there[0]
    return ""


def _no_longer(client: Client, helper: str, server: str) -> str:
    return f"{client.name} no longer asks docker-credential-{printable(helper)} for {server}; its logins remain there"


def _in_store(context: Context, client: Client, target: Target, helper: str | None, store: str) -> Decision:
    """Decide for a Shorepass store. Raises UsageError, StoreError, HelperError, ShorepassError."""
    server = registry_of_server(target.key)
    if not isinstance(context, LocalContext) or context.name != "me":
        raise UsageError(
            f"the store {printable(store)} is not read in {context.name}: Shorepass reads stores only where it runs",
            hint=command(context, "login", server, client=_flag(client)),
        )
    if "/" in target.key:
        raise UsageError(
            f"{client.name} asks no helper for a part of a registry, so it cannot find a login in the store {printable(store)}",
            hint=command(context, "login", "--store", store, server, client=_flag(client)),
        )
    if target.path == REGISTRIES_CONF and helper != OURSELVES:
        raise UsageError(
            f"{client.name} asks docker-credential-{printable(helper or '')} first, which {REGISTRIES_CONF} names",
            hint=f'write "{OURSELVES}" before "{printable(helper or "")}" in credential-helpers there',
        )
    require_helper(context, client, or_plain_text=not helper)
    require_usable(context, store, ask=nobody)
    if helper and context.getenv(settings.BEHIND_VARIABLE):
        return Decision()
    remark = _no_longer(client, helper, server) if helper not in (None, OURSELVES) and helper else ""
    return Decision(context, remark=remark)


def _require_name(here: LocalContext, store: str | None) -> None:
    """Raise UsageError if there is no such store, before the password is sent."""
    store_named(store or DEFAULT_STORE, here, ask=nobody, tell=lambda _: None)


def with_alternative(error: HelperFailed, context: Context, client: Client, target: Target) -> HelperFailed:
    """Return the error of a helper that could not store, with a hint to store the login elsewhere if that helps.

    A locked or missing keyring has its own hint, and so has a helper that gets its logins by itself.
    """
    if not isinstance(context, LocalContext) or context.name != "me" or target.path == REGISTRIES_CONF:
        return error
    is_unknown = error.trouble is None and not error.cause
    if (error.fits_elsewhere or is_unknown) and target.helper != OURSELVES and not sign_in(target.helper):
        error.hint = elsewhere(context, client, registry_of_server(target.key))
    return error


def elsewhere(here: LocalContext, client: Client, registry: str) -> str:
    """Return the command that stores a login in a Shorepass store, whatever helper the client's file names."""
    return command(here, "login", "--store", in_use(here) or DEFAULT_STORE, registry, client=_flag(client))


def require_helper(here: LocalContext, client: Client, *, or_plain_text: bool = False) -> None:
    """Raise ShorepassError if Shorepass's helper is not on PATH, because the client could not ask it.

    ``or_plain_text``: the login could also be stored in the client's file.
    """
    if here.which(PROGRAM) is not None:
        return
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    plain = command(here, "login", "--store", PLAIN)
    there = f"add its folder to PATH: {os.path.dirname(beside)}" if os.path.exists(beside) else "install it there"
    hint = f"{there}; or, to store the login in plain text: {plain}" if or_plain_text else there
    raise ShorepassError(f"{PROGRAM} is not on PATH, so {client.name} could not ask it for this login", hint=hint)
