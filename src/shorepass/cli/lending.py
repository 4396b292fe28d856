"""Make a grant from the flags of ``share`` and ``run --share``."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.contexts.command import command
from shorepass.contexts.containers.engines import used_endpoint
from shorepass.errors import ShorepassError, UsageError, WriteError, printable
from shorepass.grants import file, folder, policy_file
from shorepass.grants.grant import ENGINE, FORWARD, MODES, Grant, check_glob, check_repository
from shorepass.numbers import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts.local import LocalContext

__all__ = ["add_limits", "document", "duration", "lend", "usual_mode"]

UNIX = "unix://"


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the mode, what is lent in it, and the limits of a grant."""
    parser.add_argument("--mode", choices=MODES, help="how (default: forward; see share --explain-modes)")
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
        metavar="TIME",
        help="the grant ends after this time: 30m, 2h, 1d (default: that of the policy, else 2h)",
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


def lend(here: LocalContext, target: str, registries: Sequence[str], arguments: argparse.Namespace) -> Grant:
    """Make a grant, and start the agent if it does not run. ``arguments`` has the limits of ``add_limits``.

    Raises UsageError, WriteError, MalformedFile, ShorepassError: the agent does not serve it.
    """
    policy = policy_file.load(here)
    mode = arguments.mode or policy.mode or FORWARD
    lifetime = policy.seconds if arguments.duration is None else duration(arguments.duration)
    repositories = tuple(map(check_repository, arguments.repositories))
    if mode == FORWARD and (repositories or arguments.push):
        raise UsageError(
            "a helper does not hear the repository: --repo and --push are for another mode",
            hint=command(None, "share", "flags", "--mode", ENGINE, "--repo", "ghcr.io/acme/*"),
        )
    globs = tuple(map(check_glob, registries))
    if repositories:
        repositories = (*repositories, *(f"{glob}/*" for glob in globs))
    globs = tuple(dict.fromkeys((*globs, *(repository.partition("/")[0] for repository in repositories))))
    if not globs:
        raise UsageError("no registry was named", hint=command(None, "share", "flags", "--registry", "ghcr.io"))
    created = time.time()
    id_ = os.urandom(4).hex()
    chosen = here.getenv("DOCKER_CONFIG")
    config = os.path.abspath(chosen) if chosen else ""
    engine = _engine(here) if mode == ENGINE else ""
    grant = Grant(
        id=id_,
        target=target,
        mode=mode,
        registries=globs,
        folder=folder.folder_of(here, id_),
        config=config,
        created=created,
        until=created + lifetime,
        max_uses=arguments.max_uses,
        repositories=repositories,
        push=arguments.push,
        engine=engine,
    )
    if refusal := policy.refusal_of(grant):
        raise ShorepassError(f"not lent: the policy {refusal}", hint=command(None, "policy"))
    file.add(here, grant)
    troubles = _serve(here)
    if id_ in troubles:
        file.remove(here, [id_])
        raise WriteError(grant.folder, printable(str(troubles[id_])))
    return grant


def usual_mode(here: LocalContext, possible: Sequence[str]) -> str:
    """Return the mode without ``--mode``: the policy's if the target can have it, else the first of those that it can have.

    Raises FileError, MalformedFile.
    """
    chosen = policy_file.load(here).mode
    return chosen if chosen in possible else possible[0]


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


def duration(text: str) -> float:
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
