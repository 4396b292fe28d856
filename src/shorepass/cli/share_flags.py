"""``shorepass share flags``: the flags with which docker or podman starts a container with a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.lending import document, lend
from shorepass.cli.share_notes import announce
from shorepass.foreign_text import quoted
from shorepass.grants.added_flags import flags

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
    announce(here, grant)
    return 0
