"""``shorepass share devcontainer``: a grant as members of a ``devcontainer.json``, or as a feature in a folder."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.ending import end
from shorepass.cli.lending import document, lend
from shorepass.cli.share_notes import announce
from shorepass.errors import printable
from shorepass.grants.contents import contents
from shorepass.grants.devcontainer import check_writable_mounts, members
from shorepass.grants.devcontainer_feature import write_feature

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext

__all__ = ["share"]


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Make a grant, and print the members or write the feature. Raises UsageError, WriteError, and what ``lend`` raises."""
    _, _, name = arguments.target.partition(":")
    folder = os.path.abspath(name) if name else ""
    check_writable_mounts(here, folder)
    grant = lend(here, arguments.target, arguments.lent, arguments)
    found = contents(here, grant)
    try:
        text = json.dumps(members(found), indent=2)
        if folder:
            write_feature(here, folder, found)
    except BaseException:
        end(here, [grant])
        raise
    if arguments.json:
        console.print_document({**document(grant, 0.0), "flags": [], "document": text})
        return 0
    if folder:
        console.out(f"wrote the feature {printable(folder)}; it must be in the folder .devcontainer")
        console.out(f'add to devcontainer.json: "features": {{"./{printable(os.path.basename(folder))}": {{}}}}')
    else:
        console.data(f"{text}\n".encode())
    announce(here, grant)
    return 0
