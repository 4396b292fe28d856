"""Where each client's config file is, in a context."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["docker_config_path", "dockercfg_path", "in_the_way", "join", "split"]


def docker_config_path(context: Context) -> tuple[str, str]:
    """Return the path of docker's ``config.json``, and why it is that one (docker/cli ``cli/config/config.go``)."""
    folder = context.getenv("DOCKER_CONFIG")
    if folder:
        return join(context, folder, "config.json"), "DOCKER_CONFIG names its folder"
    home = context.home() or ""  # docker then uses the working directory
    return join(context, home, ".docker", "config.json"), "it is in the home folder, and DOCKER_CONFIG is not set"


def dockercfg_path(context: Context) -> str:
    """Return the path of docker's file of before 2015, which DOCKER_CONFIG does not move."""
    return join(context, context.home() or "", ".dockercfg")


def join(context: Context, folder: str, *names: str) -> str:
    """Return a path below ``folder``, with the separator of the context's platform (not of this machine)."""
    separator = "\\" if context.platform == "windows" else "/"
    start = folder.rstrip(_separators(context)) + separator if folder else ""
    return start + separator.join(names)


def split(context: Context, path: str) -> tuple[str, str]:
    """Return the folder and the name of a path, as ``join`` put them together; the folder of a name alone is empty."""
    at = max(path.rfind(separator) for separator in _separators(context))
    folder = path[:at] if at > 0 else path[: at + 1]  # "/" for what is in it
    return folder, path[at + 1 :]


def _separators(context: Context) -> str:
    return "/\\" if context.platform == "windows" else "/"


def in_the_way(context: Context, path: str) -> str:
    """Return what is not a folder on the way to a file that was not found (ENOTDIR); empty: only the file is missing.

    Raises FileError: a folder on the way may not be looked into.
    """
    folder = split(context, path)[0]
    while folder and not context.is_folder(folder):
        if context.status(folder) is not None:
            return folder
        above = split(context, folder)[0]
        folder = above if above != folder else ""
    return ""
