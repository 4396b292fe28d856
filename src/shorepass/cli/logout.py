"""``shorepass logout``: erases what the client's own logout erases, and says what it found."""

from __future__ import annotations

import sys

from shorepass.cli import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from shorepass.logins import Erasure

EXAMPLES = """\
examples:
  shorepass logout ghcr.io
  shorepass logout --client podman quay.io/acme
  shorepass logout --all --json

As docker logout, a registry without a login is no error for docker; as podman logout, it is one for podman.
"""

PODMAN_FAILURE = 125
USAGE_EXIT_CODE = 125  # docker's and podman's own for a flag they do not know


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("server", nargs="?", metavar="SERVER", help="the registry (default: Docker Hub)")
    parser.add_argument("-a", "--all", action="store_true", help="every login this client could use")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    place.add_client_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Log out; 0 unless a place could not be erased (or, for podman, nothing was found)."""
    from shorepass.errors import UsageError
    from shorepass.logins import log_out, log_out_everywhere

    client = place.find_client(arguments)
    is_docker = client.name == "docker"
    arguments.failure_code = 1 if is_docker else PODMAN_FAILURE
    if arguments.all and arguments.server:
        raise UsageError("--all takes no server")
    if not arguments.all and not arguments.server and not is_docker:
        raise UsageError("no registry was named", hint="name one, or use --all")
    here = place.context(arguments)
    server = arguments.server or "docker.io"
    erasures = log_out_everywhere(here, client) if arguments.all else log_out(here, client, server)
    found = any(erasure.found for erasure in erasures)
    broken = any(erasure.error for erasure in erasures)
    if arguments.json:
        _print_json(erasures)
    else:
        _print_text(erasures, "" if arguments.all else server, found=found, is_docker=is_docker)
    if broken:
        return arguments.failure_code if not is_docker else 1
    return 0 if found or is_docker or arguments.all else PODMAN_FAILURE


def _print_text(erasures: list[Erasure], server: str, *, found: bool, is_docker: bool) -> None:
    from shorepass.cli import print_error
    from shorepass.errors import without_user_info

    server = without_user_info(server)
    if found:
        print("Removing" if is_docker else "Removed", "login credentials for", server or "all registries")
    for erasure in erasures:
        if erasure.found:
            print(f"erased {without_user_info(erasure.target.key)} from {_where(erasure)}")
    sys.stdout.flush()  # what follows is on the other stream
    if not found:
        print(f"not logged into {server or 'any registry'}", file=sys.stderr)
    missing: dict[str, list[str]] = {}
    for erasure in erasures:
        if erasure.error is None and not erasure.found:
            missing.setdefault(_where(erasure), []).append(without_user_info(erasure.target.key))
    for where, keys in missing.items():
        print(f"not found in {where}: {', '.join(keys)}", file=sys.stderr)
    for error in {erasure.error.message: erasure.error for erasure in erasures if erasure.error}.values():
        print_error(error)


def _where(erasure: Erasure) -> str:
    helper = erasure.target.helper
    return f"docker-credential-{helper}" if helper else erasure.target.path


def _print_json(erasures: list[Erasure]) -> None:
    import json

    from shorepass.errors import without_user_info

    rows = [
        {
            "key": without_user_info(erasure.target.key),
            "path": erasure.target.path,
            "helper": erasure.target.helper,
            "found": erasure.found,
            "error": erasure.error.message if erasure.error else None,
        }
        for erasure in erasures
    ]
    print(json.dumps({"erasures": rows}, indent=2))
