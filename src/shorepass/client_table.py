"""The clients that Shorepass knows, one row each: where their rules are, and the facts that lower rooms need."""

from typing import NamedTuple

__all__ = [
    "DEFAULT",
    "FAMILIES",
    "FILE_FLAG",
    "FOLDER_FLAG",
    "NAMES",
    "ROWS",
    "Row",
    "of_flag",
    "program_of",
    "programs",
    "row_of",
]

FILE_FLAG = "--authfile"  # names the client's file, like REGISTRY_AUTH_FILE
FOLDER_FLAG = "--config"  # names the folder of the client's file, like DOCKER_CONFIG


class Row(NamedTuple):
    """A client: the ``module`` of ``clients`` with its rules, and the ``family`` whose files it reads.

    ``flag`` is FILE_FLAG or FOLDER_FLAG. ``programs``: the names on PATH of the programs that use these rules; for
    a family's first client, those of the whole family.
    """

    module: str
    family: str
    flag: str
    programs: tuple[str, ...]


ROWS = {
    "docker": Row("docker", "docker", FOLDER_FLAG, ("docker",)),
    "podman": Row("containers", "podman", FILE_FLAG, ("podman", "skopeo", "buildah")),
    "skopeo": Row("containers", "podman", FILE_FLAG, ("skopeo",)),
    "buildah": Row("containers", "podman", FILE_FLAG, ("buildah",)),
    "crane": Row("crane", "docker", FOLDER_FLAG, ("crane", "ko", "cosign")),
}
NAMES = tuple(ROWS)
FAMILIES = tuple(name for name, row in ROWS.items() if row.family == name)  # the first client of each family
DEFAULT = NAMES[0]  # its rules apply if no client is named


def program_of(client: str) -> str:
    """Return a client's name without the release: ``docker`` for ``docker@20.10``."""
    return client.partition("@")[0]


def row_of(client: str) -> Row:
    """Return the row of a known client, with or without a release after its name."""
    return ROWS[program_of(client)]


def of_flag(flag: str) -> str:
    """Return the client whose file or folder a flag names."""
    return next(name for name, row in ROWS.items() if row.flag == flag)


def programs() -> list[str]:
    """Return the names of all programs that use the rules of a client."""
    names: dict[str, None] = {}
    for row in ROWS.values():
        names.update(dict.fromkeys(row.programs))
    return list(names)
