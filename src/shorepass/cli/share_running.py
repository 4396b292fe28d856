"""``shorepass share docker:NAME``: a grant for a container that runs, until Ctrl-C or the end of the grant."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.lending import document, lend
from shorepass.cli.revoke import end
from shorepass.contexts.containers.container import find
from shorepass.errors import ContextError
from shorepass.grants.contents import INSIDE
from shorepass.grants.folder import CONFIG_FOLDER
from shorepass.share.relay import Relay

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext

__all__ = ["share"]


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Lend logins to a container until Ctrl-C or the end of the grant.

    Raises UsageError, ContextError, and what ``lend`` raises.
    """
    kind, _, name = arguments.target.partition(":")
    container = find(here, kind, name)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that the files in the container are removed
    grant = None
    try:
        grant = lend(here, container.name, arguments.lent, arguments)
        with Relay(container, grant) as relay:
            if arguments.json:
                console.print_document({**document(grant, 0.0), "flags": []})
            else:
                console.out(f"DOCKER_CONFIG={INSIDE}/{CONFIG_FOLDER}")
                console.out(f"REGISTRY_AUTH_FILE={INSIDE}/{CONFIG_FOLDER}/config.json")
            console.note(f"{container.name} has the grant {grant.id} until Ctrl-C; its clients need these variables")
            trouble = relay.serve()
    except KeyboardInterrupt:
        trouble = ""
    finally:
        if grant is not None:
            end(here, [grant])
    if trouble:
        raise ContextError(container.name, trouble)
    if grant is not None:
        console.note(f"the grant {grant.id} has ended")
    return 0
