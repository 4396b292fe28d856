"""The programs that start containers: one row each, with how a grant is added to a command."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.command import command
from shorepass.contexts.engine_family import Family
from shorepass.errors import UsageError
from shorepass.grants.added_flags import with_flags
from shorepass.grants.compose import DOCKER_COMPOSE, PODMAN_COMPOSE, project_of, with_override
from shorepass.grants.devcontainer import with_config
from shorepass.grants.image_of_command import image_of
from shorepass.grants.start import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant
    from shorepass.grants.policy import Automatic, Policy

    Add = Callable[[LocalContext, Grant, Start], list[str]]
    FindRow = Callable[[LocalContext, Start, Policy], Automatic | None]

__all__ = ["STARTERS", "Starter", "find_starter"]

DOCKER_FLAGS = (
    *("--config", "-c", "--context", "-H", "--host", "-l", "--log-level"),
    *("--tlscacert", "--tlscert", "--tlskey"),
)
PODMAN_FLAGS = (
    *("--cgroup-manager", "-c", "--connection", "--conmon", "--events-backend", "--hooks-dir", "--identity"),
    *("--imagestore", "--log-level", "--module", "--network-config-dir", "--out", "--root", "--runroot", "--runtime"),
    *("--runtime-flag", "--ssh", "--storage-driver", "--storage-opt", "--tmpdir", "--url", "--volumepath"),
)
COMPOSE_FLAGS = (
    *("--ansi", "--env-file", "-f", "--file", "--parallel", "--profile", "--progress", "--project-directory"),
    *("-p", "--project-name", "--workdir"),
)
PODMAN_COMPOSE_FLAGS = (
    *("--in-pod", "--pod-args", "--env-file", "-f", "--file", "--profile", "-p", "--project-name", "--parallel"),
    *("--podman-path", "--podman-args", "--podman-pull-args", "--podman-push-args", "--podman-build-args"),
    *("--podman-inspect-args", "--podman-run-args", "--podman-start-args", "--podman-stop-args", "--podman-rm-args"),
    "--podman-volume-args",
)
DEVCONTAINER_FLAGS = ("--config", "--docker-compose-path", "--docker-path", "--override-config", "--workspace-folder")
NOUN = "container"  # docker container run


class Starter(NamedTuple):
    """A program that starts containers.

    ``words``: as it is typed, ``docker compose``. ``valued``: its flags before the verb that have a value in the next word.
    ``verbs``: those that start a container; after one of ``lasting`` it outlives the command. ``add``: returns a command with a
    grant. ``services``: the containers are the services of a project. ``find_row``: returns the row of the policy for a
    command; None if the policy has no rows for such commands.
    """

    words: tuple[str, ...]
    valued: tuple[str, ...]
    verbs: tuple[str, ...]
    lasting: tuple[str, ...]
    add: Add
    services: bool = False
    find_row: FindRow | None = None


def _row_of_image(_: LocalContext, start: Start, policy: Policy) -> Automatic | None:
    return policy.automatic_for(image=image_of(start))


def _row_of_project(here: LocalContext, start: Start, policy: Policy) -> Automatic | None:
    return policy.automatic_for(project=project_of(here, start))


RUN = ("run", "create")
UP = ("up", "run", "create")
CREATE = ("create",)
_docker_compose = functools.partial(with_override, compose=DOCKER_COMPOSE)
_podman_compose = functools.partial(with_override, compose=PODMAN_COMPOSE)
STARTERS = (
    Starter((Family.DOCKER,), DOCKER_FLAGS, RUN, CREATE, with_flags, find_row=_row_of_image),
    Starter((Family.PODMAN,), PODMAN_FLAGS, RUN, CREATE, with_flags, find_row=_row_of_image),
    Starter(
        (Family.DOCKER, "compose"), COMPOSE_FLAGS, UP, CREATE, _docker_compose, services=True, find_row=_row_of_project
    ),
    Starter(("docker-compose",), COMPOSE_FLAGS, UP, CREATE, _docker_compose, services=True, find_row=_row_of_project),
    Starter(("devcontainer",), DEVCONTAINER_FLAGS, ("up",), ("up",), with_config),
    Starter(("podman-compose",), PODMAN_COMPOSE_FLAGS, ("up", "run"), (), _podman_compose, services=True),
)


def find_starter(program: str, argv: Sequence[str], services: Sequence[str] = ()) -> tuple[Starter, Start]:
    """Return the row of a command, and its parts. ``program``: the absolute path of ``argv[0]``.

    Raises UsageError: it does not start a container.
    """
    by_words = {starter.words: starter for starter in STARTERS}
    words: tuple[str, ...] = (os.path.basename(argv[0]),)
    skip = False
    for at, word in enumerate(argv[1:], 1):
        starter = by_words.get(words)
        if starter is None:
            break
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in starter.valued
        elif (*words, word) in by_words:
            words = (*words, word)
        elif word in starter.verbs:
            return starter, Start(program, tuple(argv), at + 1, tuple(services))
        elif word != NOUN:
            break
    raise UsageError(
        f"this command starts no container that could get a login; these do: {_known()}",
        hint=command(None, "run", "--help"),
    )


def _known() -> str:
    """Return the commands that can be lent a login, as they are typed."""
    commands = [f"{' '.join(starter.words)} {' or '.join(starter.verbs)}" for starter in STARTERS]
    return "; ".join(commands)
