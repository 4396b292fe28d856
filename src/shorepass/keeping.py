"""Keep a login in a store of ours where its client names no helper, so that it is not plain text by default.

The client finds it by our helper, which is then named for that registry in the client's own file: in ``credHelpers``, since
podman, which reads docker's file, too, passes over ``credsStore``.
"""

from __future__ import annotations

import os
import sys

from shorepass.config import docker_config, document
from shorepass.contexts.local import LocalContext
from shorepass.contexts.terminal import ask
from shorepass.credential import Basic
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.install import PROGRAM, SUFFIX, Place, install
from shorepass.names import HUB_REGISTRY, HUB_SERVER_URL
from shorepass.shapes import NamedTuple
from shorepass.stores import settings
from shorepass.stores.chosen import DEFAULT, choose, use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from shorepass.clients import Client, Target
    from shorepass.contexts import Context, FileContent
    from shorepass.credential import Credential
    from shorepass.stores import Store

    Tell: TypeAlias = Callable[[str], None]  # what a person should know although all went well

__all__ = ["PLAIN", "Decision", "Tell", "decide", "hint", "keep", "name_helper", "opened"]

PLAIN = "file"  # the store in which a login rests as the client itself keeps it


class Decision(NamedTuple):
    """Where a login is to be kept: ``here``, in a store of ours; None: where the client's own rules say.

    ``remark``: what a person should know after that.
    """

    here: LocalContext | None = None
    remark: str = ""


def decide(context: Context, client: Client, target: Target, store: str | None) -> Decision:
    """Decide where a login is to be kept; ``store`` is what was asked for, None for what is set.

    The client's own rules say it where a file names a helper, in another place than here, where somebody wants plain text,
    in an auth file that was named (a container has no helper of ours), and for a part of a registry, for which podman asks
    no helper.

    Raises MalformedFile, FileError; ShorepassError: our helper is not on PATH, so no client could ask it.
    """
    if (target.helper is not None and not target.detected) or store == PLAIN:
        return Decision()
    plain = (
        "" if client.name == "docker" else f"the login stands in {target.path} in plain text"
    )  # docker says it itself
    if not isinstance(context, LocalContext) or context.name != "me":
        return Decision(remark=plain)
    if store is None and settings.load(context).store == PLAIN:
        return Decision()
    if client.name != "docker" and context.getenv("REGISTRY_AUTH_FILE"):
        return Decision(remark=f"{plain}: a file that is named may be for another place")
    if client.name != "docker" and "/" in target.key:
        return Decision(remark=f"{plain}: {client.name} asks no helper for a part of a registry")
    if context.which(PROGRAM) is None:
        raise ShorepassError(f"{PROGRAM} is not on PATH, so {client.name} could not ask it for this login", hint=hint())
    return Decision(context)


def hint() -> str:
    """Return what helps where our helper is not on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    there = f"put its folder there: {os.path.dirname(beside)}" if os.path.exists(beside) else "install it there"
    return f"{there}; or, to keep the login in plain text: shorepass login --store {PLAIN}"


def keep(
    here: LocalContext, client: Client, target: Target, credential: Credential, store: str | None, tell: Tell
) -> Target:
    """Store a login, let the client's file name our helper for it, and take it out of that file. Return where it is.

    ``store`` is a store's name; it must be the one that is in use, or becomes it where there is none. Raises UsageError,
    SourceError, WriteError.
    """
    kept_in = opened(here, store, tell)
    before = kept_in.get(target.key)
    kept_in.store(target.key, credential)
    if isinstance(before, Basic) and isinstance(credential, Basic) and before.username != credential.username:
        tell(
            f"{printable(before.username)!r} was logged in there: {PROGRAM} keeps one login for a registry, "
            "for docker and podman alike"
        )
    name_helper(here, client, target)
    return target._replace(helper=SUFFIX, detected=False)


def opened(here: LocalContext, store: str | None, tell: Tell) -> Store:
    """Return the store for a login, ready for it; ``store``: its name, where one was asked for. Raises as ``keep`` does."""
    if store is not None:
        _agree(here, store)
    return choose(here, ask=ask, tell=tell)


def _agree(here: LocalContext, store: str) -> None:
    """Set the store, unless another one is in use. Raises UsageError."""
    from shorepass.stores.vault import Vault

    name = settings.load(here).store
    in_use = name or (DEFAULT if Vault(here, ask=ask, tell=lambda _: None).exists() else None)
    if in_use is None:
        use(here, store)
    elif in_use != store:
        raise UsageError(f"the store in use is {printable(in_use)!r}", hint=f"shorepass stores use {store}")


def name_helper(here: LocalContext, client: Client, target: Target) -> None:
    """Let the client ask our helper for this login, and leave nothing of it in the file, as the client itself does."""
    is_docker = client.name == "docker"
    keys = [target.key, *([HUB_REGISTRY] if target.key == HUB_SERVER_URL else [])]
    members: list[tuple[str, ...]] = [("credHelpers", key) for key in keys]
    if is_docker and not docker_config.load(here.read(target.path, document.SIZE_LIMIT)).holds_auth:
        members.append(("credsStore",))  # or docker would keep the next login that it makes itself in plain text
    for member in members:
        install(here, Place(target.path, member))
    entry = ("auths", target.key)

    def empty(content: FileContent | None) -> bytes | None:
        edited = document.set_member(content, entry, {}) if is_docker else document.remove_member(content, entry)
        return None if content is not None and edited == content.data else edited

    here.update(target.path, empty)
