"""Where podman, skopeo and buildah look for logins, in a context."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import AuthFile, join
from shorepass.errors import FileError

if TYPE_CHECKING:
    from shorepass.contexts import Context, FileStatus

__all__ = ["auth_files"]

DOCKER, PODMAN = "docker", "podman"  # the families whose files these are
OWNER_ALL = 0o700  # what the owner of a run folder must be able to do in it


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
    if context.uid and client in RUN_FOLDERS:
        folder, why = _run_folder(context, client, home)
        return AuthFile(join(context, folder, "containers", "auth.json"), why, PODMAN)
    path = f"/run/containers/{context.uid}/auth.json"
    return AuthFile(path, "in the user's run folder, as XDG_RUNTIME_DIR is not set", PODMAN)


class _RunFolder(NamedTuple):
    """A folder that podman or buildah may choose for what lives until the next start of the machine.

    ``temporary``: where it is below TMPDIR; empty for one that TMPDIR does not move. ``closed``: bits that others may not have.
    ``itself``: a symlink to a good folder is none. ``made``: where it is missing, the program creates it.
    """

    path: str
    temporary: str = ""
    closed: int = 0
    itself: bool = False
    made: bool = False


# As podman 4.3 (libpod ``SetXdgDirs``, pkg/util ``GetRuntimeDir``) and buildah 1.28 (containers/storage types/utils.go
# ``getRootlessRuntimeDir``) do it. Everyone can make such a folder below /tmp first: so its owner and mode are looked at.
# buildah would use ``/run/user/UID``, too, if ``/proc/1/comm`` were ``systemd`` without the line end that it has.
RUN_FOLDERS = {
    "podman": (_RunFolder("/run/user/{uid}"), _RunFolder("podman-run-{uid}", "/tmp", made=True)),  # noqa: S108
    "buildah": (_RunFolder("containers-user-{uid}", "/var/tmp", 0o066, itself=True, made=True),),  # noqa: S108
}
BELOW = {
    "podman": "",
    "buildah": "containers",
}  # buildah sets XDG_RUNTIME_DIR to a folder below the one that it chooses


def _run_folder(context: Context, client: str, home: str) -> tuple[str, str]:
    """Return what a user's podman or buildah sets XDG_RUNTIME_DIR to when it is not set, and why it is that folder."""
    refused = ""
    for choice in RUN_FOLDERS[client]:
        path = choice.path.format(uid=context.uid)
        if choice.temporary:
            path = join(context, context.getenv("TMPDIR") or choice.temporary, path)
        try:
            status = context.status(path)
        except FileError:
            continue
        if status is None and not choice.made:
            continue
        trouble = _trouble(context, choice, status) if status is not None else ""
        if not trouble:
            why = f"in the run folder that {client} chooses, as XDG_RUNTIME_DIR is not set{refused}"
            return join(context, path, BELOW[client]).rstrip("/"), why
        refused = f"; {client} does not use {path}: {trouble}"
    why = f"in the run folder below the home folder, as XDG_RUNTIME_DIR is not set{refused}"
    return join(context, home, "rundir", BELOW[client]).rstrip("/"), why


def _trouble(context: Context, choice: _RunFolder, status: FileStatus) -> str:
    """Return why a program does not take a folder that is there; empty: it does."""
    if status.link and choice.itself:
        return "it is a symlink"
    if status.uid != context.uid:
        return f"it belongs to {status.owner or status.uid}"
    if status.mode & OWNER_ALL != OWNER_ALL or status.mode & choice.closed:
        return f"its mode is {status.mode:04o}"
    return ""
