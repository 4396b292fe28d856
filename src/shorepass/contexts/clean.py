"""``clean``: this user, with nothing in the environment but HOME and PATH.

It is what ``env -i HOME="$HOME" PATH="$PATH"`` makes.

So runs what a CI job, ``become`` or a script starts without the user's session: there is no XDG_RUNTIME_DIR and no
DOCKER_CONFIG, and podman looks for other files.
"""

from __future__ import annotations

from shorepass.contexts.local import LocalContext
from shorepass.errors import UsageError, printable

__all__ = ["find"]

KEPT = ("HOME", "PATH")


def find(here: LocalContext, kind: str, rest: str) -> LocalContext:
    """Return the context.

    Raises UsageError: it has no name behind a colon.
    """
    if rest:
        raise UsageError(f"{printable(f'{kind}:{rest}')}: {kind} takes no name", hint=f"--in {kind}")
    environ = {name: value for name in KEPT if (value := here.getenv(name)) is not None}
    return LocalContext(environ, uid=here.uid, name=kind)
