"""Where a login is to be kept: as its client itself would, or in a store of ours, so that it is not plain text by default."""

from __future__ import annotations

from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.errors import printable
from shorepass.helper import OURSELVES
from shorepass.shapes import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.clients import Client, Target
    from shorepass.contexts import Context

__all__ = ["PLAIN", "Decision", "decide", "require_helper"]

PLAIN = "file"  # the store in which a login rests as the client itself keeps it


class Decision(NamedTuple):
    """Where a login is to be kept: ``here``, in a store of ours; None: where the client's own rules say.

    ``remark``: what a person should know after that.
    """

    here: LocalContext | None = None
    remark: str = ""


def decide(context: Context, client: Client, target: Target, store: str | None) -> Decision:
    """Decide where a login is to be kept; ``store`` is what was asked for, None for what is set.

    The client's own rules say it where a file names another helper than ours, in another place than here, where somebody
    wants plain text, in an auth file that was named (a container has no helper of ours), and for a part of a registry, for
    which podman asks no helper. Where ``credsStore`` names ours a login is kept here, too: podman passes over that, and is to
    find the login by ``credHelpers``.

    Raises MalformedFile, FileError, UsageError; ShorepassError: our helper is not on PATH, so no client could ask it.
    """
    if store == PLAIN:
        return Decision()
    named = None if target.detected else target.helper
    if named not in (None, OURSELVES):
        remark = f"docker-credential-{printable(str(named))} keeps it, which {target.path} names"
        return Decision(remark=remark if store else "")
    from shorepass.stores import settings

    is_told = client.facts.warns_of_plain_text or named
    plain = "" if is_told else f"the login stands in {target.path} in plain text"
    if not isinstance(context, LocalContext) or context.name != "me":
        return Decision(remark=plain)
    if named and context.getenv(settings.BEHIND_VARIABLE):
        return Decision()  # the file is of one command, and names our helper for all that it needs
    store = store or settings.load(context).store
    if store == PLAIN:
        return Decision()
    if plain and context.getenv(client.facts.variable):
        return Decision(remark=f"{plain}: a file that is named may be for another place")
    if plain and "/" in target.key:
        return Decision(remark=f"{plain}: {client.name} asks no helper for a part of a registry")
    require_helper(context, client, or_plain_text=not named)
    _require_name(context, store)
    return Decision(context)


def _require_name(here: LocalContext, store: str | None) -> None:
    """Raise UsageError where no store is called that: before the password is sent."""
    from shorepass.contexts.terminal import nobody
    from shorepass.stores.chosen import DEFAULT, named

    named(store or DEFAULT, here, ask=nobody, tell=lambda _: None)


def require_helper(here: LocalContext, client: Client, *, or_plain_text: bool = False) -> None:
    """Raise ShorepassError where our helper is not on PATH, so that the client could not ask it.

    ``or_plain_text``: the login could also stand in the client's file.
    """
    import os
    import sys

    from shorepass.errors import ShorepassError
    from shorepass.helper import PROGRAM

    if here.which(PROGRAM) is not None:
        return
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    plain = command(here, "login", "--store", PLAIN)
    there = f"put its folder there: {os.path.dirname(beside)}" if os.path.exists(beside) else "install it there"
    raise ShorepassError(
        f"{PROGRAM} is not on PATH, so {client.name} could not ask it for this login",
        hint=f"{there}; or, to keep the login in plain text: {plain}" if or_plain_text else there,
    )
