"""What ``docker build`` does beside docker's own rules: buildx has folders with logins for one registry or repository.

Source: docker/buildx util/dockerutil/dockerconfig/configprovider.go. ``docker pull``, ``push`` and ``run`` know nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients.release import Release, Rule
from shorepass.config.locations import docker_config_path, join, split
from shorepass.errors import FileError
from shorepass.names import HUB_REGISTRY
from shorepass.resolution import Outcome, Step

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.names import Reference

__all__ = ["steps_of_build"]

SCOPED_FOLDERS = Rule(
    "config/HOST[/REPOSITORY][@ACTION,...] below BUILDX_CONFIG has docker's file for those alone",
    Release(0, 31),
    "util/dockerutil/dockerconfig/configprovider.go loadHost, 37e283ceb",
)
HUB_BACKED = Rule(
    "registries of Docker get Docker Hub's login where they have none of their own",
    Release(0, 31),
    "util/dockerutil/dockerconfig/configprovider.go load, f764c6f02",
)
HUB_BACKED_HOSTS = ("dhi.io", "registry.scout.docker.com")
HUB_HOST = "registry-1.docker.io"  # by which buildx asks for Docker Hub
ACTIONS = {"pull": frozenset(("pull",)), "push": frozenset(("pull", "push"))}  # what a build asks a token for


class _Scoped(NamedTuple):
    """A folder with a file for some repositories. ``actions``: all of them must be asked for; none: any."""

    path: str
    actions: frozenset[str]
    has_repository: bool = False


def steps_of_build(context: Context, reference: Reference) -> list[Step]:
    """Return a step for each way in which ``docker build`` finds another login than ``docker pull``."""
    steps = []
    folders = _folders(context, reference)
    for verb, actions in ACTIONS.items():
        fitting = [folder for folder in folders if folder.actions <= actions]
        fitting.sort(key=lambda folder: (not folder.has_repository, -len(folder.actions)))
        if fitting:
            path = join(context, fitting[0].path, "config.json")
            detail = f"docker build ({_since(SCOPED_FOLDERS)}) uses this file for a {verb}, and docker itself does not"
            steps.append(Step("file", Outcome.SKIPPED, path, detail))
    if reference.registry in HUB_BACKED_HOSTS:
        detail = f"docker build ({_since(HUB_BACKED)}) sends Docker Hub's login where this registry has none; docker does not"
        steps.append(Step("key", Outcome.SKIPPED, reference.registry, detail))
    return steps


def _since(rule: Rule) -> str:
    return f"buildx {rule.since} and later"


def _folders(context: Context, reference: Reference) -> list[_Scoped]:
    """Return the folders that are for this registry or this repository."""
    beside = split(context, docker_config_path(context)[0])[0]
    base = join(context, context.getenv("BUILDX_CONFIG") or join(context, beside, "buildx"), "config")
    host = HUB_HOST if reference.registry == HUB_REGISTRY else reference.registry
    found = [_Scoped(path, actions) for path, actions in _named(context, base, host)]
    if reference.repository:
        above, last = split(context, join(context, base, host, reference.repository))
        found += [_Scoped(path, actions, has_repository=True) for path, actions in _named(context, above, last)]
    return [folder for folder in found if "config.json" in _names(context, folder.path)]


def _named(context: Context, folder: str, name: str) -> list[tuple[str, frozenset[str]]]:
    """Return what is called ``NAME`` or ``NAME@ACTION,...`` in a folder, with the actions."""
    found = []
    for each in _names(context, folder):
        plain, _, scope = each.partition("@")
        if plain == name:
            actions = frozenset(action.strip() for action in scope.split(",") if action.strip())
            found.append((join(context, folder, each), actions))
    return found


def _names(context: Context, folder: str) -> list[str]:
    """Return the names in a folder; none in one that cannot be read."""
    try:
        return context.names(folder)
    except FileError:
        return []
