"""``shorepass share docker:NAME``: a grant for a target that runs, until Ctrl-C or the end of the grant."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING

from shorepass import processes
from shorepass.agent.hardening import forbid_core_dumps
from shorepass.cli import console
from shorepass.cli.asking import asking
from shorepass.cli.ending import end
from shorepass.cli.lending import document, lend
from shorepass.contexts.proc import stamp
from shorepass.errors import ContextError
from shorepass.grants import file
from shorepass.share.places import running
from shorepass.share.relay import Relay
from shorepass.share.vscode_helper import TakenOver

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["share"]


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Lend logins to a target until Ctrl-C or the end of the grant.

    Raises UsageError, ContextError, and what ``lend`` raises.
    """
    if arguments.detach:
        return processes.in_background(lambda go_on: _relay(here, arguments, go_on))
    return _relay(here, arguments, lambda: None)


def _relay(here: LocalContext, arguments: argparse.Namespace, go_on: Callable[[], None]) -> int:
    """Lend logins, and call ``go_on`` when the target has them. Raises as ``share``."""
    forbid_core_dumps()  # because it passes logins on
    target = running(here, arguments.target)
    name = target.context.name
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that the files in the target are removed
    grant, trouble, unset = None, "", ""
    try:
        grant = lend(here, name, arguments.lent, arguments)
        attended = nullcontext() if arguments.detach else asking(here, grant)
        with attended, Relay(target, grant) as relay, TakenOver(here, target.context) as taken_over:
            file.note_relay(here, grant.id, stamp(os.getpid()))
            unset = _unset(relay.variables)
            _tell(name, grant, relay.variables, arguments)
            for row in taken_over.files:
                console.note(f"{row.path} there names Shorepass until then, in place of VS Code's helper")
            console.finish()
            go_on()
            trouble = relay.serve()
    except KeyboardInterrupt:
        pass
    finally:
        if grant is not None:
            end(here, [grant])
    if trouble:
        raise ContextError(name, trouble, hint=unset)
    if grant is not None:
        console.note(f"the grant {grant.id} has ended")
        _tell_unset(
            unset, "the folder there is removed, and podman stops at a variable that names it; in each shell there:"
        )
    return 0


def _unset(variables: Mapping[str, str]) -> str:
    """Return the command for the shells in the target after the end, "" if the config file remains there."""
    if "SHOREPASS_SOCK" not in variables:
        return ""
    return " ".join(("unset", *(name for name in variables if name != "PATH")))


def _tell_unset(unset: str, when: str) -> None:
    if unset:
        console.note(when)
        console.hint(unset)


def _tell(name: str, grant: Grant, variables: Mapping[str, str], arguments: argparse.Namespace) -> None:
    """Say that the target has a grant, and what its clients need."""
    if arguments.json:
        console.print_document({**document(grant, 0.0), "flags": []})
    else:
        for variable, value in variables.items():
            console.out(f"{variable}={value}")
    until = "its time or revoke" if arguments.detach else "Ctrl-C"
    console.note(f"{name} has the grant {grant.id} until {until}; its clients need these variables")
    if arguments.detach:
        _tell_unset(
            _unset(variables), "after that, in each shell there, because podman stops at a variable without its file:"
        )
