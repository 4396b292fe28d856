"""Where podman, skopeo and buildah look for logins, in a context."""

from typing import NamedTuple

from shorepass.clients.containers_releases import ALONE, STORAGE_RUN
from shorepass.clients.followed import Followed
from shorepass.config.auth_file import AuthFile
from shorepass.config.locations import join
from shorepass.contexts import Context, FileStatus
from shorepass.errors import FileError

__all__ = ["auth_files", "first_auth_file"]

DOCKER, PODMAN = "docker", "podman"  # the families whose files these are
OWNER_ALL = 0o700  # what the owner of a run folder must be able to do in it


def auth_files(context: Context, followed: Followed, *, docker_first: bool) -> list[AuthFile]:
    """Return the auth files of podman, skopeo or buildah in the order in which they are read; the first is also written.

    ``docker_first``: DOCKER_CONFIG names the first file, where it is set: so in podman and buildah, and in every login.
    A file that a variable names is read alone, except by the releases of before 2023 (``ALONE``).
    Sources: containers/image pkg/docker/config/config.go ``getAuthFilePaths``, containers/common pkg/auth/cli.go
    ``GetDefaultAuthFile``.
    """
    files = [first_auth_file(context, followed, docker_first=docker_first)]
    if files[0].named and followed.has(ALONE):
        return files
    home, docker = context.home() or "", context.getenv("DOCKER_CONFIG")
    config = context.getenv("XDG_CONFIG_HOME")
    folder = config or join(context, home, ".config")
    why = "in XDG_CONFIG_HOME" if config else "in the home's .config"
    files.append(AuthFile(join(context, folder, "containers", "auth.json"), why, PODMAN))
    why = "docker's file, in DOCKER_CONFIG" if docker else "docker's file"
    files.append(AuthFile(_docker_file(context), why, DOCKER))
    files.append(AuthFile(join(context, home, ".dockercfg"), "docker's file of before 2015", DOCKER, legacy=True))
    known = [(file.path, file.legacy) for file in files]
    return [file for index, file in enumerate(files) if (file.path, file.legacy) not in known[:index]]


def first_auth_file(context: Context, followed: Followed, *, docker_first: bool) -> AuthFile:
    """Return the file that a login writes and that is read first.

    ``docker_first``: as in ``auth_files``. No release decides it where REGISTRY_AUTH_FILE or XDG_RUNTIME_DIR is set, so that
    a login starts no program to learn one.
    """
    path = _docker_file(context)
    if context.getenv("DOCKER_CONFIG") and docker_first and not context.getenv("REGISTRY_AUTH_FILE"):
        return AuthFile(path, "docker's file: DOCKER_CONFIG names its folder", DOCKER, named=True)
    file = _first(context, followed, context.home() or "")
    return file._replace(family=DOCKER) if file.path == path else file  # by whatever variable it is named


def _docker_file(context: Context) -> str:
    folder = context.getenv("DOCKER_CONFIG") or join(context, context.home() or "", ".docker")
    return join(context, folder, "config.json")


def _first(context: Context, followed: Followed, home: str) -> AuthFile:
    named = context.getenv("REGISTRY_AUTH_FILE")
    if named:
        return AuthFile(named, "named by --authfile or REGISTRY_AUTH_FILE", PODMAN, named=True)
    if context.platform in ("darwin", "windows"):
        return AuthFile(join(context, home, ".config", "containers", "auth.json"), "in the home's .config", PODMAN)
    runtime = context.getenv("XDG_RUNTIME_DIR")
    if runtime:
        return AuthFile(
            join(context, runtime, "containers", "auth.json"), "in XDG_RUNTIME_DIR", PODMAN, until_restart=True
        )
    if context.uid and followed.program in RUN_FOLDERS:
        folder, why = _run_folder(context, followed, home)
        path = join(context, folder, "containers", "auth.json")
        return AuthFile(path, why, PODMAN, until_restart=not path.startswith(f"{home}/"))
    path = f"/run/containers/{context.uid}/auth.json"
    return AuthFile(path, "in the user's run folder, as XDG_RUNTIME_DIR is not set", PODMAN, until_restart=True)


class _RunFolder(NamedTuple):
    """A folder that podman or buildah may choose for what lives until the next start of the machine.

    ``temporary``: where it is below TMPDIR; empty for one that TMPDIR does not move. ``closed``: bits that others may not have.
    ``itself``: a symlink to a good folder does not count. ``made``: where it is missing, the program creates it.
    """

    path: str
    temporary: str = ""
    closed: int = 0
    itself: bool = False
    made: bool = False


class _RunFolders(NamedTuple):
    """The folders of a program, of which the first good one is taken.

    ``below``: what is added to it. ``last``: what is taken below the home folder where none is good; empty: the program stops.
    """

    folders: tuple[_RunFolder, ...]
    below: str = ""
    last: str = "rundir"


# As podman 4.3 (libpod ``SetXdgDirs``, pkg/util ``GetRuntimeDir``) and buildah 1.28 (containers/storage types/utils.go
# ``getRootlessRuntimeDir``) do it. Everyone can make such a folder below /tmp first: so its owner and mode are looked at.
# buildah would use ``/run/user/UID``, too, if ``/proc/1/comm`` were ``systemd`` without the line end that it has. It sets
# XDG_RUNTIME_DIR to a folder below the one that it chooses.
RUN_FOLDERS = {
    "podman": _RunFolders((_RunFolder("/run/user/{uid}"), _RunFolder("podman-run-{uid}", "/tmp", made=True))),  # noqa: S108
    "buildah": _RunFolders(
        (_RunFolder("containers-user-{uid}", "/var/tmp", 0o066, itself=True, made=True),),  # noqa: S108
        below="containers",
    ),
}
# Both since STORAGE_RUN: containers/storage pkg/homedir/homedir_unix.go ``GetRuntimeDir``.
SINCE_STORAGE_RUN = _RunFolders(
    (
        _RunFolder("/run/user/{uid}", "", 0o022, itself=True),
        _RunFolder("storage-run-{uid}", "/tmp", 0o022, itself=True, made=True),  # noqa: S108
    ),
    last="",
)


def _run_folder(context: Context, followed: Followed, home: str) -> tuple[str, str]:
    """Return what a user's podman or buildah sets XDG_RUNTIME_DIR to when it is not set, and why it is that folder."""
    program = followed.program
    choices = SINCE_STORAGE_RUN if followed.has(STORAGE_RUN) else RUN_FOLDERS[program]
    refused = path = ""
    for choice in choices.folders:
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
            why = f"in the run folder that {program} chooses, as XDG_RUNTIME_DIR is not set{refused}"
            return join(context, path, choices.below).rstrip("/"), why
        refused = f"; {program} does not use {path}: {trouble}"
    if not choices.last:
        return path, f"{program} stops, as XDG_RUNTIME_DIR is not set{refused}"
    why = f"in the run folder below the home folder, as XDG_RUNTIME_DIR is not set{refused}"
    return join(context, home, choices.last, choices.below).rstrip("/"), why


def _trouble(context: Context, choice: _RunFolder, status: FileStatus) -> str:
    """Return why a program does not take a folder that is there; empty: it does."""
    if status.link and choice.itself:
        return "it is a symlink"
    if status.uid != context.uid:
        return f"it belongs to {status.owner or status.uid}"
    if status.mode & OWNER_ALL != OWNER_ALL or status.mode & choice.closed:
        return f"its mode is {status.mode:04o}"
    return ""
