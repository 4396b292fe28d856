"""``shorepass accelerate``: put the forwarder in front of credential helpers, so that the agent answers for them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from shorepass.acceleration import front
from shorepass.acceleration.front import State
from shorepass.acceleration.plan import check_user, plan
from shorepass.agent_client.forwarder_file import path_for
from shorepass.cli import console
from shorepass.clients import find_all
from shorepass.contexts.command import command
from shorepass.doctor.named import named
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.helper import OURSELVES
from shorepass.helper.protocol import program_name
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.acceleration.plan import Plan
    from shorepass.contexts.local import LocalContext

EXAMPLES = """\
shorepass accelerate gcloud       # docker-credential-gcloud: the agent answers, and asks the original if it must
shorepass accelerate --all        # every helper that docker's or podman's files name
shorepass accelerate --list       # the helpers, and whether PATH still leads to the forwarder
shorepass accelerate --undo gcloud
shorepass accelerate --undo       # all of them
"""
NOTES = """\
A symlink to the forwarder is created in a folder of PATH before the helper's own. The helper itself does not change. Without an
agent, the forwarder starts it. --json without --yes changes nothing.

exit codes: 0 done; 1 a helper could not be changed, or --list shows a problem; 2 the command line is wrong
"""
IN_FRONT, PLANNED, REMOVED, FAILED = "in front", "planned", "removed", "failed"
NOT_IN_FRONT = "the forwarder was not in front of it"
COLOURS = {IN_FRONT: "green"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("helpers", nargs="*", metavar="NAME", help="the helper docker-credential-NAME; may be repeated")
    parser.add_argument("--all", action="store_true", help="every helper that docker's or podman's files name")
    parser.add_argument(
        "--undo", action="store_true", help="remove the forwarder, from all helpers if no NAME is given"
    )
    parser.add_argument("--list", action="store_true", help="show the helpers, and change nothing")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Show the changes, ask, and make them; or list the helpers."""
    here = current()
    check_user(here)
    if arguments.list:
        return _list(arguments, here)
    if OURSELVES in arguments.helpers:
        action = "disable" if arguments.undo else "enable"
        raise UsageError("accelerate is for helpers of other programs", hint=command(None, "agent", action))
    if arguments.undo:
        return _undo(arguments, here)
    plans, states = plans_of(here, _names(arguments, here))
    changes = [one for one in plans if not one.is_done]
    states += [State(one.name, one.link, one.original, PLANNED) for one in changes]
    states += [State(one.name, one.link, one.original, IN_FRONT) for one in plans if one.is_done]
    if arguments.json and not arguments.yes:
        _print_json("planned", states)
        return _exit_code(states)
    forwarder = forwarder_of(here)
    if not arguments.json:
        show(plans)
    if changes:
        confirm(arguments, "create these symlinks?")
    done = [state for state in states if state.state == FAILED] + [put(here, one, forwarder) for one in plans]
    _print("done", done, as_json=arguments.json)
    return _exit_code(done)


def _names(arguments: argparse.Namespace, here: LocalContext) -> list[str]:
    """Return the NAMEs that the command line means. Raises UsageError: it has none."""
    if not arguments.all:
        if not arguments.helpers:
            raise UsageError("no helper was named", hint=command(None, "accelerate", "--all"))
        return list(dict.fromkeys(arguments.helpers))
    suffixes = [helper.suffix for helper in named(here, find_all()) if not helper.chosen]
    names = [name for name in dict.fromkeys([*arguments.helpers, *suffixes]) if name != OURSELVES]
    if not names:
        raise UsageError("no file of docker or podman names a helper of another program")
    return names


def plans_of(here: LocalContext, names: Sequence[str]) -> tuple[list[Plan], list[State]]:
    """Return how the forwarder gets in front of helpers, and the state of each for which it cannot.

    Raises ShorepassError if there is only one helper, and it cannot.
    """
    plans, failed = [], []
    for name in names:
        try:
            plans.append(plan(here, name))
        except ShorepassError as error:
            if len(names) == 1:
                raise
            failed.append(_failed(name, error))
    return plans, failed


def _failed(name: str, error: ShorepassError) -> State:
    hint = f" (hint: {error.hint})" if error.hint else ""
    return State(name, "", "", FAILED, f"{error.message}{hint}")


def forwarder_of(here: LocalContext) -> str:
    """Return the forwarder of this installation. Raises UsageError: it has no forwarder for this machine."""
    path = path_for(here.platform, here.machine)
    if path is None:
        raise UsageError(
            f"this installation has no forwarder for {here.platform} on {here.machine or 'this processor'}",
            hint="install a wheel of Shorepass that has one, or install it again where the package ziglang can be had",
        )
    return path


def show(plans: Sequence[Plan]) -> None:
    """Print what changes for each helper."""
    for one in plans:
        program = program_name(one.name)
        if one.is_done:
            console.out(f"{printable(program)}: PATH already leads to the forwarder at {one.link}")
        else:
            verb = "create" if one.before is None else "replace"
            console.out(f"{verb} {one.link}: a symlink to the forwarder, which runs {one.original} without an agent")


def confirm(arguments: argparse.Namespace, question: str) -> None:
    """Ask before a change. Raises UsageError: the user declined, or there is no terminal."""
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("not a terminal: nothing was changed", hint="--yes skips the question")
    if not console.agrees(f"{question} [y/N]: "):
        raise UsageError("nothing was changed")


def put(here: LocalContext, one: Plan, forwarder: str) -> State:
    """Put the forwarder in front of a helper, and return what became of it."""
    try:
        front.put(here, one, forwarder)
    except ShorepassError as error:
        return _failed(one.name, error)
    return State(one.name, one.link, one.original, IN_FRONT)


def _undo(arguments: argparse.Namespace, here: LocalContext) -> int:
    known = {state.name: state for state in front.states(here) if state.name != OURSELVES}
    wanted = list(dict.fromkeys(arguments.helpers)) or list(known)
    states = [known.get(name) or _unknown(here, name) for name in wanted]
    if arguments.json and not arguments.yes:
        _print_json("planned", states)
        return 0
    if not arguments.json:
        for state in states:
            if state.link:
                console.out(f"remove {state.link}: the forwarder of {program_name(printable(state.name))}")
    if not wanted:
        console.out("the forwarder is in front of no helper")
        return 0
    if any(state.link for state in states):
        confirm(arguments, "remove the forwarder?")
    done = [remove(here, state) for state in states]
    _print("done", done, as_json=arguments.json)
    return _exit_code(done)


def _unknown(here: LocalContext, name: str) -> State:
    """Return the state of a helper of which nothing is recorded. Its ``link`` is the first on PATH, "" without one."""
    links = front.links(here, name)
    detail = "" if links else NOT_IN_FRONT
    return State(name, next(iter(links), ""), "", REMOVED, detail)


def remove(here: LocalContext, state: State) -> State:
    """Remove the forwarder from in front of a helper, and return what became of it."""
    try:
        links = front.remove(here, state.name)
    except ShorepassError as error:
        return _failed(state.name, error)
    if not links:
        return state._replace(state=REMOVED, detail=NOT_IN_FRONT)
    return state._replace(state=REMOVED, link=links[0], detail="")


def _list(arguments: argparse.Namespace, here: LocalContext) -> int:
    states = front.states(here)
    if arguments.json:
        _print_json("listed", states)
    elif states:
        console.print_table(["HELPER", "STATE", "SYMLINK", "ORIGINAL", "WHY"], [_row(state) for state in states])
    else:
        console.out("the forwarder is in front of no helper")
    return _exit_code(states)


def _row(state: State) -> list[str | console.Painted]:
    painted = console.Painted(state.state, COLOURS.get(state.state, "yellow"))
    return [state.name, painted, state.link, state.original, state.detail]


def _exit_code(states: Sequence[State]) -> int:
    return int(any(state.state not in (IN_FRONT, PLANNED, REMOVED) for state in states))


def _print(state: str, states: Sequence[State], *, as_json: bool) -> None:
    if as_json:
        _print_json(state, states)
        return
    for one in states:
        program = printable(program_name(one.name))
        if one.state == FAILED:
            console.err(f"shorepass: {program}: {one.detail}")
        elif one.state == REMOVED:
            console.out(f"{program}: {one.detail or 'removed the forwarder'}")
        else:
            console.out(f"{program}: the forwarder is in front of {one.original}")


def _print_json(state: str, states: Sequence[State]) -> None:
    """Print one document. What is documented in docs/reference/json.md stays."""
    console.print_document({"state": state, "helpers": [one._asdict() for one in states]})
