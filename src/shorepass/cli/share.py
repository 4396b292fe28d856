"""``shorepass share``: a grant for a target, in the way of the target's kind."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from shorepass.cli.lending import add_limits, usual_mode
from shorepass.cli.share_documents import add_document_flags
from shorepass.cli.share_modes import explain
from shorepass.cli.share_targets import TARGETS, find_target
from shorepass.contexts.command import command
from shorepass.errors import UsageError
from shorepass.grants.grant import ENGINE, MODES
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse

    from shorepass.cli.share_targets import Target

EXAMPLES = """\
shorepass share flags --registry ghcr.io     # prints flags for docker run and podman run
shorepass share flags --registry ghcr.io --registry '*.example.com' --for 30m
shorepass share flags --mode engine --repo 'ghcr.io/acme/*'    # for a container that uses your engine by its socket
shorepass share flags --mode token --repo ghcr.io/acme/app     # a registry token for this repository, and no login
shorepass share compose --registry ghcr.io > lent.yaml    # a compose file; then: docker compose -f compose.yaml -f lent.yaml up
shorepass share devcontainer:.devcontainer/shorepass --registry ghcr.io    # a feature for a dev container
shorepass share docker:web --registry ghcr.io    # for a container that runs, until Ctrl-C
shorepass share k8s --registry ghcr.io --namespace team | kubectl apply -f -    # a Secret with the login itself
shorepass share k8s --registry ghcr.io --apply --refresh --for 8h               # applied again in time, then deleted
shorepass share ssh:build --registry ghcr.io --detach    # for the user there, in the background
shorepass run --share ghcr.io -- docker run -it image     # the same, and the grant ends with the command
shorepass share --explain-modes
"""
NOTES = """\
The container gets the folder of the grant and a small program. A client in it asks Shorepass's agent here for each use, which
`shorepass agent log` shows. It can read a login that it may ask for. After the end of the grant it still pulls public images.

exit codes: 0 done; 1 nothing could be lent; 2 the command line is wrong; 3 the file of the grants or the policy is broken
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    targets = "; ".join(f"{target.shown}: {target.help}" for target in TARGETS)
    parser.add_argument("target", nargs="?", metavar="TARGET", help=targets)
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
        help="compose: only for this service (default: for each service); may be repeated",
    )
    parser.add_argument("--detach", action="store_true", help="a target that runs: return, and lend in the background")
    add_document_flags(parser)
    parser.add_argument("--explain-modes", action="store_true", help="show what a container can do with a lent login")
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
            f"mode {arguments.mode} is not for {target.shown}{reason}", hint=f"its modes are: {', '.join(target.modes)}"
        )
    if arguments.services and target.module != "share_compose":
        raise UsageError(f"--service is not for {target.shown}")
    if arguments.detach and target.module != "share_running":
        raise UsageError(f"--detach is not for {target.shown}", hint="its grant ends at its time, or by revoke")
    share = importlib.import_module(f"shorepass.cli.{target.module}").share
    status: int = share(here, arguments)
    return status


def _possible(target: Target, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the modes from which one is chosen: for repositories, those that can be for a repository.

    Mode ``engine`` gives control of the engine, so that it is never chosen by other flags.
    """
    if not arguments.repositories or ENGINE in target.modes:
        return target.modes
    return tuple(mode for mode in target.modes if MODES[mode].repositories) or target.modes
