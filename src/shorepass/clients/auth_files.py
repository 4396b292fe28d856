"""Where podman, skopeo and buildah look for logins, in a context."""

from __future__ import annotations

from shorepass.config.locations import AuthFile, join
from shorepass.errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["auth_files"]

DOCKER, PODMAN = "docker", "podman"  # the families whose files these are


def auth_files(context: Context, client: str, *, docker_first: bool) -> list[AuthFile]:
    """Return the auth files of podman, skopeo or buildah in the order in which they are read; the first is also written.

    ``docker_first``: DOCKER_CONFIG names the first file, where it is set: so in podman and buildah, and in every login.
    Sources: containers/image pkg/docker/config/config.go ``getAuthFilePaths``, containers/common pkg/auth/cli.go
    ``GetDefaultAuthFile``.
    """
    home, docker = context.home() or "", context.getenv("DOCKER_CONFIG")
    path = join(context, docker or join(context, home, ".docker"), "config.json")
    files = [_first(context, client, home)]
    if docker and docker_first and not context.getenv("REGISTRY_AUTH_FILE"):
        files = [AuthFile(path, "docker's file: DOCKER_CONFIG names its folder", DOCKER, named=True)]
    config = context.getenv("XDG_CONFIG_HOME")
    folder = config or join(context, home, ".config")
    why = "in XDG_CONFIG_HOME" if config else "in the home's .config"
    files.append(AuthFile(join(context, folder, "containers", "auth.json"), why, PODMAN))
    files.append(AuthFile(path, "docker's file, in DOCKER_CONFIG" if docker else "docker's file", DOCKER))
    files.append(AuthFile(join(context, home, ".dockercfg"), "docker's file of before 2015", DOCKER, legacy=True))
    if files[0].path == path:  # by whatever variable it is named
        files[0] = files[0]._replace(family=DOCKER)
    return [file for index, file in enumerate(files) if file.path not in {other.path for other in files[:index]}]


def _first(context: Context, client: str, home: str) -> AuthFile:
    named = context.getenv("REGISTRY_AUTH_FILE")
    if named:
        return AuthFile(named, "named by --authfile or REGISTRY_AUTH_FILE", PODMAN, named=True)
    if context.platform in ("darwin", "windows"):
        return AuthFile(join(context, home, ".config", "containers", "auth.json"), "in the home's .config", PODMAN)
    runtime = context.getenv("XDG_RUNTIME_DIR")
    if runtime:
        return AuthFile(join(context, runtime, "containers", "auth.json"), "in XDG_RUNTIME_DIR", PODMAN)
    folder = _rootless_runtime(context, client) if context.uid else ""
    if folder:
        path = join(context, folder, "containers", "auth.json")
        return AuthFile(path, f"in the run folder that {client} chooses, as XDG_RUNTIME_DIR is not set", PODMAN)
    path = f"/run/containers/{context.uid}/auth.json"
    return AuthFile(path, "in the user's run folder, as XDG_RUNTIME_DIR is not set", PODMAN)


def _rootless_runtime(context: Context, client: str) -> str:
    """Return what a user's podman or buildah sets XDG_RUNTIME_DIR to when it is not set; empty: nothing (skopeo).

    As podman 4.3 (libpod ``SetXdgDirs``, pkg/util ``GetRuntimeDir``) and buildah 1.28 (containers/storage types/utils.go) do.
    buildah would take ``/run/user/UID``, too, if ``/proc/1/comm`` were ``systemd`` without the line end that it has.
    """
    if client == "buildah":
        return join(context, context.getenv("TMPDIR") or "/var/tmp", f"containers-user-{context.uid}", "containers")  # noqa: S108
    if client != "podman":
        return ""
    folder = f"/run/user/{context.uid}"
    try:
        status = context.status(folder)
    except FileError:
        status = None
    if status is not None and status.uid == context.uid:
        return folder
    return join(context, context.getenv("TMPDIR") or "/tmp", f"podman-run-{context.uid}")  # noqa: S108
