"""``shorepass share compose``: a compose file that adds a grant to the services of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.lending import document, lend
from shorepass.cli.share_notes import announce
from shorepass.contexts.engine_family import Family
from shorepass.errors import UsageError
from shorepass.grants.compose import DOCKER_COMPOSE, override, services
from shorepass.grants.contents import contents
from shorepass.grants.start import Start

if TYPE_CHECKING:
    import argparse

    from shorepass.contexts.local import LocalContext

__all__ = ["share"]


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Make a grant and print the file. Raises UsageError, ShorepassError, and what ``lend`` raises."""
    platforms = _services(here, arguments)
    grant = lend(here, arguments.target, arguments.lent, arguments)
    text = override({name: contents(here, grant, platform) for name, platform in platforms.items()})
    if arguments.json:
        console.print_document({**document(grant, 0.0), "flags": [], "document": text})
        return 0
    console.data(text.encode("utf-8", "surrogateescape"))
    announce(here, grant)
    return 0


def _services(here: LocalContext, arguments: argparse.Namespace) -> dict[str, str]:
    """Return the services of the project in the working directory, or those that are named, each with its platform."""
    program = here.which(Family.DOCKER)
    if arguments.services and program is None:
        return dict.fromkeys(arguments.services, "")
    if program is None:
        raise UsageError(
            "docker is not on PATH, so the project's services are unknown", hint="name one: --service NAME"
        )
    words = (Family.DOCKER, "compose", "config")
    return services(here, Start(program, words, len(words), tuple(arguments.services)), DOCKER_COMPOSE)
