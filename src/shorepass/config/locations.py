"""Where each client's config file is, in a context."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["docker_config_path", "join"]


def docker_config_path(context: Context) -> tuple[str, str]:
    """Return the path of docker's ``config.json``, and why it is that one (docker/cli ``cli/config/config.go``)."""
    folder = context.getenv("DOCKER_CONFIG")
    if folder:
        return join(context, folder, "config.json"), "DOCKER_CONFIG names its folder"
    home = context.home() or ""  # docker then uses the working directory
    return join(context, home, ".docker", "config.json"), "it is in the home folder, and DOCKER_CONFIG is not set"


def join(context: Context, folder: str, *names: str) -> str:
    """Return a path below ``folder``, with the separator of the context's platform (not of the one we run on)."""
    separator = "\\" if context.platform == "windows" else "/"
    start = folder.rstrip("/\\" if separator == "\\" else "/") + separator if folder else ""
    return start + separator.join(names)
