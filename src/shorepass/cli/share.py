"""``shorepass share``: a grant, printed as the flags with which a container gets it."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.cli import console
from shorepass.contexts.command import command
from shorepass.contexts.containers.engines import used_endpoint
from shorepass.errors import UsageError, WriteError, printable
from shorepass.foreign_text import quoted
from shorepass.grants import file, folder
from shorepass.grants.flags import flags
from shorepass.grants.grant import ENGINE, FORWARD, MODES, Grant, check_glob, check_repository
from shorepass.numbers import seconds
from shorepass.profile import current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts.local import LocalContext

__all__ = ["add_limits", "document", "lend"]

EXAMPLES = """\
shorepass share flags --registry ghcr.io     # prints flags for docker run and podman run
shorepass share flags --registry ghcr.io --registry '*.example.com' --for 30m
shorepass share flags --mode engine --repo 'ghcr.io/acme/*'    # for a container that uses your engine by its socket
shorepass share docker:web --registry ghcr.io    # for a container that runs, until Ctrl-C
shorepass run --share ghcr.io -- docker run -it image     # the same, and the grant ends with the command
shorepass share --explain-modes
"""
NOTES = """\
The container gets the folder of the grant and a small program. A client in it asks Shorepass's agent here for each use, which
`shorepass agent log` shows. It can read a login that it may ask for. After the end of the grant it still pulls public images.

exit codes: 0 done; 1 the agent does not serve the grant; 2 the command line is wrong; 3 the file of the grants is broken
"""
FLAGS = "flags"
UNIX = "unix://"
DEFAULT_TIME = "2h"
HEADINGS = ["MODE", "THE CONTAINER CAN", "STORED IN IT", "ENDS WITH", "SHOWN IN"]
MODE_ROWS = [
    [
        FORWARD,
        "ask for the lent logins and read them; push with them, if the login may",
        "nothing",
        "revoke, its time, lock",
        "the audit log",
    ],
    [
        ENGINE,
        "pull with the lent logins, push with --push, and never read them; control the engine, and so this machine",
        "nothing",
        "revoke, its time, lock",
        "the audit log",
    ],
]
OTHERS = [
    [
        "your config.json mounted",
        "use and read every login in it",
        "the whole file",
        "a new password",
        "nothing",
    ],
    [
        "docker run --use-api-socket",
        "use and read every login of yours, and control the engine",
        "a copy of every login",
        "a new password",
        "nothing",
    ],
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="flags: print the flags for docker run and podman run; docker:NAME or podman:NAME: a container that runs",
    )
    add_limits(parser)
    parser.add_argument(
        "--registry",
        dest="lent",
        action="append",
        default=[],
        metavar="REGISTRY",
        help="lend the login for this registry; * matches any characters; may be repeated",
    )
    parser.add_argument("--explain-modes", action="store_true", help="show what a container can do with a lent login")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the mode, what is lent in it, and the limits of a grant."""
    parser.add_argument(
        "--mode", choices=MODES, default=FORWARD, help="how (default: forward; see share --explain-modes)"
    )
    parser.add_argument(
        "--repo",
        dest="repositories",
        action="append",
        default=[],
        metavar="REPOSITORY",
        help="mode engine: only for this repository; * matches any characters; may be repeated",
    )
    parser.add_argument("--push", action="store_true", help="mode engine: lend the login for pushes, too")
    parser.add_argument(
        "--for",
        dest="duration",
        default=DEFAULT_TIME,
        metavar="TIME",
        help=f"the grant ends after this time: 30m, 2h, 1d (default: {DEFAULT_TIME})",
    )
    parser.add_argument(
        "--max-uses",
        type=_count,
        default=0,
        metavar="N",
        help="the grant ends after N answers; one pull may need more than one",
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 10 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{printable(text)!r} is not a number from 1")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Make a grant and print its flags, or explain the modes."""
    if arguments.explain_modes:
        if arguments.json:
            raise UsageError("--explain-modes is a text for people, and has no JSON")
        _explain()
        return 0
    if arguments.target is None:
        raise UsageError("no target was named", hint=command(None, "share", FLAGS, "--registry", "ghcr.io"))
    here = current()
    if arguments.target != FLAGS:
        from shorepass.cli.share_running import share_running  # late: flags are asked for before a container starts

        return share_running(here, arguments)
    grant = lend(here, arguments.target, arguments.lent, arguments)
    words = flags(here, grant)
    if arguments.json:
        console.print_document({**document(grant, 0.0), "flags": words})
        return 0
    console.out(" ".join(map(quoted, words)))
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(grant.until))
    console.note(f"the grant {grant.id} lends {', '.join(grant.registries)} until {until}")
    console.hint(f"{command(None, 'revoke', grant.id)} ends it")
    return 0


def lend(here: LocalContext, target: str, registries: Sequence[str], arguments: argparse.Namespace) -> Grant:
    """Make a grant, and start the agent if it does not run. ``arguments`` has the limits of ``add_limits``.

    Raises UsageError, WriteError, MalformedFile, ShorepassError: the agent does not serve it.
    """
    repositories = tuple(map(check_repository, arguments.repositories))
    if arguments.mode == FORWARD and (repositories or arguments.push):
        raise UsageError(
            "a helper does not hear the repository: --repo and --push are for another mode",
            hint=command(None, "share", FLAGS, "--mode", ENGINE, "--repo", "ghcr.io/acme/*"),
        )
    registries = [*registries, *(repository.partition("/")[0] for repository in repositories)]
    if not registries:
        raise UsageError("no registry was named", hint=command(None, "share", FLAGS, "--registry", "ghcr.io"))
    globs = tuple(dict.fromkeys(map(check_glob, registries)))
    created = time.time()
    id_ = os.urandom(4).hex()
    chosen = here.getenv("DOCKER_CONFIG")
    config = os.path.abspath(chosen) if chosen else ""
    engine = _engine(here) if arguments.mode == ENGINE else ""
    grant = Grant(
        id=id_,
        target=target,
        mode=arguments.mode,
        registries=globs,
        folder=folder.folder_of(here, id_),
        config=config,
        created=created,
        until=created + _duration(arguments.duration),
        max_uses=arguments.max_uses,
        repositories=repositories,
        push=arguments.push,
        engine=engine,
    )
    file.add(here, grant)
    troubles = _serve(here)
    if id_ in troubles:
        file.remove(here, [id_])
        raise WriteError(grant.folder, printable(str(troubles[id_])))
    return grant


def _engine(here: LocalContext) -> str:
    """Return the socket of the user's engine. Raises UsageError: this machine has none."""
    endpoint = used_endpoint(here)
    if endpoint is None or not endpoint.host.startswith(UNIX):
        raise UsageError(
            "mode engine needs a docker engine with a socket on this machine",
            hint="start docker, or set DOCKER_HOST to unix:// and its socket",
        )
    return endpoint.host.removeprefix(UNIX)


def _serve(here: LocalContext) -> dict[str, str]:
    """Let the agent serve the grants of the file, and start it if it does not run; return why it does not serve one."""
    client = AgentClient(here)
    try:
        troubles: dict[str, str] = client.manage("grants")["troubles"]
    except NoAgent:
        from shorepass.agent.process import start_in_background  # late: all of the agent's modules, for a first grant

        start_in_background(here)
        troubles = client.manage("grants")["troubles"]
    return troubles


def _duration(text: str) -> float:
    """Return a time in seconds. Raises UsageError."""
    found = seconds(text)
    if not found:
        raise UsageError(f"--for: {printable(text)!r} is not a time", hint="a time is such as 30m, 2h or 1d")
    return found


def document(grant: Grant, last_use: float) -> dict[str, object]:
    """Return the members of a grant in JSON. ``last_use``: seconds since 1970, 0 without one."""
    return {
        "id": grant.id,
        "target": grant.target,
        "mode": grant.mode,
        "registries": list(grant.registries),
        "repositories": list(grant.repositories),
        "push": grant.push,
        "created": grant.created,
        "until": grant.until,
        "max_uses": grant.max_uses or None,
        "last_use": last_use or None,
    }


def _explain() -> None:
    console.print_table(HEADINGS, MODE_ROWS)
    console.out("")
    console.out("Without Shorepass:")
    console.print_table(["WAY", *HEADINGS[1:]], OTHERS)
