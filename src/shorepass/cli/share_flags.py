"""``shorepass share flags``: the flags with which docker or podman starts a container with a grant."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.lending import document, lend
from shorepass.clients.registry_tokens import summary
from shorepass.contexts.command import command
from shorepass.errors import printable
from shorepass.foreign_text import quoted
from shorepass.grants.flags import flags
from shorepass.grants.folder import is_on_disk
from shorepass.grants.grant import EXPORT, TOKEN

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext

__all__ = ["share"]


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Make a grant and print its flags. Raises what ``lend`` raises."""
    grant = lend(here, arguments.target, arguments.lent, arguments)
    words = flags(here, grant)
    if arguments.json:
        console.print_document({**document(grant, 0.0), "flags": words})
        return 0
    console.out(" ".join(map(quoted, words)))
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(grant.until))
    what = ", ".join(grant.repositories or grant.registries)
    console.note(f"the grant {grant.id} lends {what} until {until}")
    if grant.mode == TOKEN:
        console.note(summary())
    if grant.mode == EXPORT:
        console.note("the container can read the logins and keep them; a copy ends only with a new password or token")
        if is_on_disk(grant):
            console.note(
                f"the logins are on a disk, in {printable(grant.folder)}; set XDG_RUNTIME_DIR to a folder in memory"
            )
    console.hint(f"{command(None, 'revoke', grant.id)} ends it")
    return 0
