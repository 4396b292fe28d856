"""``shorepass share``: a grant for a target, in the way of the target's kind."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from shorepass.cli.lending import MODE_GROUPS, add_limits, repeated, usual_mode
from shorepass.cli.share_document_flags import DOCUMENT_GROUPS, add_document_flags
from shorepass.cli.share_modes import explain
from shorepass.cli.share_targets import TARGET_FLAGS, TARGETS, find_target, shown_targets
from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.grants.grant import ENGINE, MODES
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse

    from shorepass.cli.share_targets import Target

EXAMPLES = """\
shorepass run --share ghcr.io -- docker run -it image    # start a container; the grant ends with the command
shorepass share docker:web --registry ghcr.io            # lend to a container that runs, until Ctrl-C
shorepass share ssh:build --registry ghcr.io --detach    # lend to the user there, in the background
shorepass share flags --registry ghcr.io --registry '*.example.com' --for 30m    # print flags for docker run
shorepass share flags --mode engine --repo 'ghcr.io/acme/*'    # for a container that uses your engine by its socket
shorepass share flags --mode token --repo ghcr.io/acme/app     # a registry token for this repository, and no login
shorepass share compose --registry ghcr.io > lent.yaml    # then: docker compose -f compose.yaml -f lent.yaml up
shorepass share devcontainer:.devcontainer/lent --registry ghcr.io    # a feature for a dev container
shorepass share k8s --registry ghcr.io --namespace team | kubectl apply -f -    # a Secret with the login itself
shorepass share k8s --registry ghcr.io --apply --refresh --for 8h               # kept fresh, then deleted
shorepass share --explain-modes                           # compare the modes
"""
NOTES = f"""\
Targets, with the modes that each can have:
{shown_targets()}

The container gets the folder of the grant and a small program. A client in it asks Shorepass's agent here for each use, which
`shorepass agent log` shows. The container can read a login that it may ask for. After the end of the grant it still pulls
public images. A target with mode export gets a copy of the login, and `shorepass revoke` cannot end a copy.

exit codes: 0 done; 1 nothing could be lent; 2 the command line is wrong; 3 the file of the grants or the policy is broken
"""
FLAG_GROUPS = {
    **MODE_GROUPS,
    "Target compose": ("--service",),
    "Targets that run": ("--detach",),
    **DOCUMENT_GROUPS,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("target", nargs="?", metavar="TARGET", help="what gets the login: one of the targets below")
    add_limits(parser)
    parser.add_argument(
        "--registry",
        dest="lent",
        action="append",
        default=[],
        metavar="REGISTRY",
        help="lend the login for this registry; * matches any characters; may be repeated",
    )
    parser.add_argument(
        "--service",
        dest="services",
        action="append",
        default=[],
        metavar="SERVICE",
        help="lend it only to this service (default: to each service); may be repeated",
    )
    parser.add_argument("--detach", action="store_true", help="return, and lend in the background")
    add_document_flags(parser)
    parser.add_argument(
        "--explain-modes", action="store_true", help="compare the modes: what a container can do in each"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Make a grant and bring it to its target, or explain the modes."""
    if arguments.explain_modes:
        if arguments.json:
            raise UsageError("--explain-modes is a text for people, and has no JSON")
        explain()
        return 0
    if arguments.target is None:
        raise UsageError("no target was named", hint=command(None, "share", "flags", "--registry", "ghcr.io"))
    target = find_target(arguments.target)
    here = current()
    arguments.mode = arguments.mode or usual_mode(here, _possible(target, arguments))
    if arguments.mode not in target.modes:
        reason = f": {target.why}" if target.why else ""
        raise UsageError(
            f"mode {arguments.mode} is not for {target.shown}{reason}",
            hint=_without(arguments, "--mode", target.modes[0]),
        )
    for name, flag in TARGET_FLAGS.items():
        if getattr(arguments, name) and name not in target.flags:
            users = ", ".join(one.shown for one in TARGETS if name in one.flags)
            raise UsageError(f"{flag} is not for {target.shown}; it is for {users}", hint=_without(arguments))
    share = importlib.import_module(f"shorepass.cli.{target.module}").share
    status: int = share(here, arguments)
    return status


def _without(arguments: argparse.Namespace, *words: str) -> str:
    """Return the command with its target and registries, and with ``words`` in place of the other flags."""
    return command(None, "share", arguments.target, *words, *repeated("--registry", arguments.lent or ["ghcr.io"]))


def _possible(target: Target, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the modes from which one is chosen: for repositories, those that can be for a repository.

    Mode ``engine`` gives control of the engine, so that it is never chosen by other flags.
    """
    if not arguments.repositories or ENGINE in target.modes:
        return target.modes
    return tuple(mode for mode in target.modes if MODES[mode].repositories) or target.modes
