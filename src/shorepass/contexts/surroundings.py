"""A user of this machine in another environment than a login's.

It is that of a service, a cron job or a running program.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass.contexts.command import as_root
from shorepass.contexts.local import LocalContext
from shorepass.contexts.user import UserContext
from shorepass.errors import ContextError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["in_surroundings"]


def in_surroundings(
    here: LocalContext, name: str, uid: int, environ: Mapping[str, str], directory: str
) -> LocalContext:
    """Return the context ``name`` of a user with that environment.

    Its programs run in ``directory``.

    Raises ContextError: another user's is for root alone, or the user database does not know the user.
    """
    if uid == here.uid or sys.platform == "win32":
        return LocalContext(environ, uid=uid, name=name, directory=directory)
    import pwd

    if os.geteuid() != 0:
        raise ContextError(name, "it is another user's: only root may look into it", hint=as_root("who", "--in", name))
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        raise ContextError(name, f"the user database has no user with the number {uid}") from None
    return UserContext(account, environ, name=name, directory=directory)
