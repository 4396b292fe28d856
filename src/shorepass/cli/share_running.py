"""``shorepass share docker:NAME``: a grant for a target that runs, until Ctrl-C or the end of the grant."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.lending import document, lend
from shorepass.cli.revoke import end
from shorepass.errors import ContextError
from shorepass.share.places import running
from shorepass.share.relay import Relay

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext

__all__ = ["share"]


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Lend logins to a target until Ctrl-C or the end of the grant.

    Raises UsageError, ContextError, and what ``lend`` raises.
    """
    target = running(here, arguments.target)
    name = target.context.name
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that the files in the target are removed
    grant, trouble = None, ""
    try:
        grant = lend(here, name, arguments.lent, arguments)
        with Relay(target, grant) as relay:
            if arguments.json:
                console.print_document({**document(grant, 0.0), "flags": []})
            else:
                for variable, value in relay.variables.items():
                    console.out(f"{variable}={value}")
            console.note(f"{name} has the grant {grant.id} until Ctrl-C; its clients need these variables")
            trouble = relay.serve()
    except KeyboardInterrupt:
        pass
    finally:
        if grant is not None:
            end(here, [grant])
    if trouble:
        raise ContextError(name, trouble)
    if grant is not None:
        console.note(f"the grant {grant.id} has ended")
    return 0
