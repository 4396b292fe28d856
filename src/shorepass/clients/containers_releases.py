"""The rules that changed between releases of podman, skopeo and buildah, and the library on which each release is built.

The rules are those of containers/image (since 2025 ``go.podman.io/image``) and containers/common. Each program numbers its
releases differently: ``LIBRARIES`` has the containers/image of each. Source: each program's ``go.mod``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients.followed import Followed
from shorepass.clients.release import Release, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from shorepass.contexts import Context

    Change: TypeAlias = Mapping[str, Rule]  # the rule of each program that has it

__all__ = [
    "ALONE",
    "COMPATIBLE",
    "EACH_ALONE",
    "LIBRARIES",
    "MARK",
    "MAY_BE_MISSING",
    "MIRROR_SLASH",
    "REWRITTEN",
    "STORAGE_RUN",
    "followed_by",
]

# By program: a release, and the containers/image of it and of those after it.
LIBRARIES = {
    "podman": (
        (Release(4, 3), Release(5, 23)),
        (Release(4, 4), Release(5, 24)),
        (Release(4, 5), Release(5, 25)),
        (Release(4, 6), Release(5, 26)),
        (Release(4, 7), Release(5, 28)),
        (Release(4, 8), Release(5, 29)),
        (Release(5, 0), Release(5, 30)),
        (Release(5, 1), Release(5, 31)),
        (Release(5, 2), Release(5, 32)),
        (Release(5, 3), Release(5, 33)),
        (Release(5, 4), Release(5, 34)),
        (Release(5, 5), Release(5, 35)),
        (Release(5, 6), Release(5, 36)),
        (Release(5, 7), Release(5, 38)),
        (Release(5, 8), Release(5, 39)),
        (Release(6, 0), Release(5, 40)),
    ),
    "skopeo": (
        (Release(1, 9), Release(5, 22)),
        (Release(1, 10), Release(5, 23)),
        (Release(1, 11), Release(5, 24)),
        (Release(1, 12), Release(5, 25)),
        (Release(1, 13), Release(5, 26)),
        (Release(1, 14), Release(5, 29)),
        (Release(1, 15), Release(5, 30)),
        (Release(1, 16), Release(5, 32)),
        (Release(1, 17), Release(5, 33)),
        (Release(1, 18), Release(5, 34)),
        (Release(1, 19), Release(5, 35)),
        (Release(1, 20), Release(5, 36)),
        (Release(1, 21), Release(5, 38)),
        (Release(1, 22), Release(5, 39)),
        (Release(1, 23), Release(5, 40)),
    ),
    "buildah": (
        (Release(1, 28), Release(5, 23)),
        (Release(1, 29), Release(5, 24)),
        (Release(1, 30), Release(5, 25)),
        (Release(1, 31), Release(5, 26)),
        (Release(1, 32), Release(5, 28)),
        (Release(1, 33), Release(5, 29)),
        (Release(1, 35), Release(5, 30)),
        (Release(1, 36), Release(5, 31)),
        (Release(1, 37), Release(5, 32)),
        (Release(1, 38), Release(5, 33)),
        (Release(1, 39), Release(5, 34)),
        (Release(1, 40), Release(5, 35)),
        (Release(1, 41), Release(5, 36)),
        (Release(1, 42), Release(5, 38)),
        (Release(1, 43), Release(5, 39)),
        (Release(1, 44), Release(5, 40)),
    ),
}


def _of_library(name: str, since: Release, source: str) -> Change:
    """Return a rule that came with a release of containers/image, for each program."""
    first = {
        program: next(release for release, library in rows if library >= since) for program, rows in LIBRARIES.items()
    }
    return {program: Rule(name, release, source) for program, release in first.items()}


ALONE = _of_library(
    "a file that REGISTRY_AUTH_FILE or --authfile names is read alone",
    Release(5, 24),
    "containers/image pkg/docker/config/config.go getAuthFilePaths",
)
MAY_BE_MISSING = {
    "podman": Rule(
        "a variable may name a file that is not there; only --authfile may not",
        Release(4, 7),
        "podman cmd/podman/images/pull.go: CheckAuthFile only where the flag was given; buildah asks it always, skopeo never",
    ),
}
COMPATIBLE = _of_library(
    "login and logout with DOCKER_CONFIG change docker's file as docker does; of missing files only --authfile stops a logout",
    Release(5, 29),
    "containers/common pkg/auth/auth.go systemContextWithOptions, cli.go GetLogoutFlags, containers/image config.go "
    "modifyDockerConfigJSON",
)
EACH_ALONE = _of_library(
    "logout erases the entry of the file also where a helper of registries.conf fails",
    Release(5, 31),
    "containers/image pkg/docker/config/config.go RemoveAuthentication",
)
STORAGE_RUN = {
    name: Rule(
        "without XDG_RUNTIME_DIR a user's run folder is /run/user/UID, else $TMPDIR/storage-run-UID",
        since,
        "containers/storage pkg/homedir/homedir_unix.go GetRuntimeDir",
    )
    for name, since in (("podman", Release(5, 0)), ("buildah", Release(1, 34)))
}
MARK = _of_library(
    "registries.conf may begin with a byte order mark",
    Release(5, 26),
    "BurntSushi/toml 1.3 parse.go",
)
MIRROR_SLASH = _of_library(
    "a slash at the end of a mirror's location is taken off",
    Release(5, 35),
    "containers/image pkg/sysregistriesv2 postProcessRegistries",
)
REWRITTEN = _of_library(
    "registries.conf is looked for in XDG_CONFIG_HOME, /etc and /usr/share, and has the format of 2019",
    Release(5, 40),
    "go.podman.io/storage pkg/configfile/parse.go, go.podman.io/image pkg/sysregistriesv2",
)


def followed_by(context: Context, program: str, asked: Release | None) -> Followed:
    """Return the release of a program whose rules count in a context."""
    newest, _ = LIBRARIES[program][-1]
    return Followed(context, program, asked, newest)
