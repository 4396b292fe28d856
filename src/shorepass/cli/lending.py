"""Make a grant from the flags of ``share`` and ``run --share``."""

from __future__ import annotations

import argparse
import os
import time
from itertools import chain
from typing import TYPE_CHECKING

from shorepass.agent.served import FIX
from shorepass.agent_client.client import AgentClient, NoAgent
from shorepass.agent_client.own_home import check_own_home
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.grants import file, folder, policy_file
from shorepass.grants.globs import check_exact, check_glob, check_repository
from shorepass.grants.grant import ENGINE, EXPORT, FORWARD, MODES, MOUNT, TOKEN, Grant
from shorepass.numbers import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shorepass.contexts.local import LocalContext

__all__ = ["MODE_GROUPS", "add_limits", "document", "duration", "lend", "planned", "repeated", "usual_mode"]

EXPLAIN = command(None, "share", "--explain-modes")
UNIX = "unix://"
SERVE_SECONDS = 60.0  # for the agent, which may ask registries
# The groups of --help for the flags of `add_limits` that some modes have.
MODE_GROUPS = {
    "Modes forward and engine": ("--confirm", "--max-uses"),
    "Mode forward": ("--own-logins",),
    "Modes engine and token": ("--repo", "--push"),
    "Mode engine": ("--deny",),
    "Mode token": ("--trust-realm",),
    "Mode export": ("--any-user",),
    "Mode mount": ("--image",),
}
# Flags that one mode has. --own-logins and --deny have rules of their own.
OF_ONE_MODE = {"trust_realm": TOKEN, "any_user": EXPORT, "image": MOUNT, "deny": ENGINE}


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the mode, what is lent in it, and the limits of a grant."""
    parser.add_argument(
        "--mode",
        choices=tuple(MODES),
        help="how the container gets the login (default: forward; share --explain-modes compares them)",
    )
    parser.add_argument(
        "--repo",
        dest="repositories",
        action="append",
        default=[],
        metavar="REPOSITORY",
        help="lend it only for this repository; in mode engine, * matches any characters; may be repeated",
    )
    parser.add_argument("--push", action="store_true", help="lend the login for pushes, too")
    parser.add_argument(
        "--trust-realm",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="send the login to this token server too, although it is not the registry's; may be repeated",
    )
    parser.add_argument("--deny", action="store_true", help="pass only calls that give no rights on this machine")
    parser.add_argument("--any-user", action="store_true", help="allow every user of the container to read the logins")
    parser.add_argument(
        "--own-logins",
        action="store_true",
        help="let clients in the container log in, too; it can then write to one folder of this machine",
    )
    parser.add_argument("--image", default="", help="check that the helper can run in a container of this image")
    parser.add_argument(
        "--for",
        dest="duration",
        metavar="TIME",
        help="the grant ends after this time: 30m, 2h, 1d (default: that of the policy, else 2h)",
    )
    parser.add_argument(
        "--confirm", action="store_true", help="ask you before the first use of the login by each container"
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


def lend(
    here: LocalContext, target: str, registries: Sequence[str], arguments: argparse.Namespace, *, is_typed: bool = True
) -> Grant:
    """Make a grant, and start the agent if it does not run. ``arguments`` has the limits of ``add_limits``.

    ``is_typed``: the user has typed the registries, so that a missing login is an error.
    Raises UsageError, WriteError, MalformedFile, ShorepassError: the agent does not lend it.
    """
    check_own_home(here, "share")
    grant = planned(here, target, registries, arguments)
    file.add(here, grant)
    new = grant.id if is_typed else ""
    troubles = _serve(here, new)
    if grant.id in troubles:
        file.remove(here, [grant.id])
        _serve(here, "")
        reason, _, fix = printable(str(troubles[grant.id])).partition(FIX)
        raise ShorepassError(f"nothing is lent: {reason}", hint=fix or None)
    return grant


def planned(here: LocalContext, target: str, registries: Sequence[str], arguments: argparse.Namespace) -> Grant:
    """Return a grant that is not stored. Raises UsageError, ShorepassError: the policy refuses it; MalformedFile."""
    policy = policy_file.load(here)
    mode = arguments.mode or policy.mode or FORWARD
    lifetime = policy.seconds if arguments.duration is None else duration(arguments.duration)
    repositories, globs = _what(mode, registries, arguments)
    for name, only in OF_ONE_MODE.items():
        if getattr(arguments, name) and mode != only:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is for mode {only}, and not for {mode}", hint=EXPLAIN)
    if arguments.own_logins and (mode != FORWARD or any("*" in glob for glob in globs)):
        named = [glob for glob in globs if "*" not in glob] or ["ghcr.io"]
        lent = repeated("--registry", named)
        raise UsageError(
            "--own-logins is for mode forward, and for registries without *",
            hint=command(None, "share", "flags", *lent, "--own-logins"),
        )
    helpers = _mounted_helpers(here, globs, arguments.image) if mode == MOUNT else ()
    created = time.time()
    id_ = os.urandom(4).hex()
    chosen = here.getenv("DOCKER_CONFIG")
    config = os.path.abspath(chosen) if chosen else ""
    engine = _engine(here, deny=arguments.deny) if mode == ENGINE else ""
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
        confirm=arguments.confirm,
        realms=tuple(arguments.trust_realm),
        deny=arguments.deny,
        any_user=arguments.any_user,
        own_logins=arguments.own_logins,
        helpers=helpers,
    )
    if refusal := policy.refusal_of(grant):
        raise ShorepassError(f"not lent: the policy {refusal}", hint=command(None, "policy"))
    if policy.confirm and not MODES[mode].counts:
        reason = f"the policy asks you before the first use, and mode {mode} does not see uses"
        raise ShorepassError(f"not lent: {reason}", hint=command(None, "policy"))
    return grant


def _mounted_helpers(here: LocalContext, registries: Sequence[str], image: str) -> tuple[str, ...]:
    """Return the helper of each registry. Raises UsageError, ContextError: one cannot work in a container of the image."""
    from shorepass.grants.mounted_helper import check_helper, helper_for  # late: `run --share` seldom needs it

    helpers = tuple(helper_for(here, registry) for registry in registries)
    for helper in dict.fromkeys(helpers):
        check_helper(here, helper, image)
    return helpers


def usual_mode(here: LocalContext, possible: Sequence[str]) -> str:
    """Return the mode without ``--mode``: the policy's if the target can have it, else the first of those that it can have.

    Raises FileError, MalformedFile.
    """
    chosen = policy_file.load(here).mode
    return chosen if chosen in possible else possible[0]


def _what(
    mode: str, registries: Sequence[str], arguments: argparse.Namespace
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the repositories and the registries of a new grant. Raises UsageError: not in this mode."""
    rules = MODES[mode]
    named = arguments.repositories
    if not rules.repositories and (named or arguments.push):
        raise UsageError(
            f"mode {mode} lends the login for a whole registry: --repo and --push are for another mode",
            hint=command(None, "share", "flags", "--mode", ENGINE, "--repo", "ghcr.io/acme/*"),
        )
    if not rules.counts and arguments.max_uses:
        raise UsageError(f"mode {mode} does not see uses: --max-uses is for another mode", hint="limit it by --for")
    if not rules.counts and arguments.confirm:
        raise UsageError(
            f"mode {mode} does not see uses: --confirm is for another mode", hint="use mode forward or engine"
        )
    check = check_exact if rules.exact else check_repository
    repositories = tuple(dict.fromkeys(map(check, named)))
    if rules.exact and not repositories:
        raise UsageError(
            f"mode {mode} needs a repository",
            hint=command(None, "share", "flags", "--mode", mode, "--repo", "ghcr.io/acme/app"),
        )
    named_globs = tuple(map(check_glob, registries))
    of_repositories = [repository.partition("/")[0] for repository in repositories]
    if not rules.registries and not set(named_globs) <= set(of_repositories):
        raise UsageError(f"mode {mode} is for repositories, and not for a registry", hint="name each by --repo")
    if repositories and rules.registries:
        repositories = (*repositories, *(f"{glob}/*" for glob in named_globs))
    globs = tuple(dict.fromkeys((*named_globs, *of_repositories)))
    if not globs:
        raise UsageError("no registry was named", hint=command(None, "share", "flags", "--registry", "ghcr.io"))
    if not rules.globs and any("*" in glob for glob in globs):
        raise UsageError(f"mode {mode} needs each registry by its name", hint="name each by a --registry of its own")
    return repositories, globs


def _engine(here: LocalContext, *, deny: bool) -> str:
    """Return the socket of the user's engine. Raises UsageError: this machine has none, or it is not docker's; ContextError."""
    from shorepass.contexts.containers.engines import used_endpoint  # late: HTTP, which other modes do not need

    endpoint = used_endpoint(here)
    if endpoint is None or not endpoint.host.startswith(UNIX):
        raise UsageError(
            "mode engine needs a docker engine with a socket on this machine",
            hint="start docker, or set DOCKER_HOST to unix:// and its socket",
        )
    socket = endpoint.host.removeprefix(UNIX)
    if deny and not endpoint.open(here).is_docker():
        raise UsageError(
            f"--deny is only for docker's own engine, and another one answers at {printable(socket)}",
            hint=EXPLAIN,
        )
    return socket


def _serve(here: LocalContext, new: str) -> dict[str, str]:
    """Let the agent serve the grants of the file, and start it if it does not run; return why it does not serve one.

    ``new``: the grant of which the agent asks whether there is a login, or "".
    """
    client = AgentClient(here, seconds=SERVE_SECONDS)
    try:
        troubles: dict[str, str] = client.manage("grants", new=new)["troubles"]
    except NoAgent:
        from shorepass.agent.process import start_in_background  # late: all of the agent's modules, for a first grant

        start_in_background(here)
        troubles = client.manage("grants", new=new)["troubles"]
    return troubles


def repeated(flag: str, values: Iterable[str]) -> list[str]:
    """Return the words of a flag that is typed once for each value."""
    return list(chain.from_iterable((flag, value) for value in values))


def duration(text: str, flag: str = "--for") -> float:
    """Return a time in seconds. Raises UsageError."""
    found = seconds(text)
    if not found:
        raise UsageError(f"{flag}: {printable(text)!r} is not a time", hint="a time is such as 30m, 2h or 1d")
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
        "deny": grant.deny,
        "created": grant.created,
        "until": grant.until,
        "max_uses": grant.max_uses or None,
        "confirm": grant.confirm,
        "last_use": last_use or None,
    }
