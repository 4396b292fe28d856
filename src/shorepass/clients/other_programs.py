"""Programs that read the file of a client, and that Shorepass has no rules for: tables, one row per program.

``docs/concepts/who-reads-what.md`` has the same programs, and more, for users. The comment above a row is the source that was
compared with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import join
from shorepass.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context

__all__ = [
    "OWN_FILES",
    "PROJECTS",
    "RUNTIME_FILE",
    "TOOLS",
    "OwnFile",
    "Project",
    "Tool",
    "in_use",
    "logins_of_runtime",
    "own_path",
    "projects",
    "tool_of",
]


class Tool(NamedTuple):
    """A program that usually runs in a container, and reads docker's file there.

    ``image``: a part of the image's name, "" if it runs in any image. ``path``: the file that it reads, unless the container's
    DOCKER_CONFIG names another folder.
    """

    name: str
    image: str
    path: str


TOOLS = (
    # https://github.com/containrrr/watchtower: pkg/registry/trust.go, and the same file of the fork nicholas-fedor/watchtower
    Tool("watchtower", "watchtower", "/config.json"),
    # https://github.com/GoogleContainerTools/kaniko: deploy/Dockerfile sets DOCKER_CONFIG to this folder, except in slim
    Tool("kaniko", "kaniko", "/kaniko/.docker/config.json"),
    # https://github.com/tektoncd/pipeline: pkg/credentials/writer/writer.go; it copies this file to the home of each step
    Tool("Tekton", "", "/tekton/creds/.docker/config.json"),
)


def tool_of(image: str) -> Tool | None:
    """Return the tool that an image contains, None if it is not a known one."""
    return next((tool for tool in TOOLS if tool.image and tool.image in image), None)


class OwnFile(NamedTuple):
    """A program that keeps logins in a file of docker's form at its own place, and looks there before docker's file.

    ``variable``: names the file. ``folders``: variables that name a folder, and the file below it; the first that is set is
    used. ``path``: the file below the home, if no variable is set. ``logout``: the command that removes its login for
    ``{registry}``.
    """

    program: str
    variable: str
    folders: tuple[tuple[str, str], ...]
    path: str
    logout: str
    why: str


OWN_FILES = (
    # https://github.com/helm/helm (4, and 3.21): pkg/registry/client.go, pkg/cli/environment.go, pkg/helmpath/lazypath.go. On
    # macOS the folder is Library/Preferences/helm.
    OwnFile(
        "helm",
        "HELM_REGISTRY_CONFIG",
        (("HELM_CONFIG_HOME", "registry/config.json"), ("XDG_CONFIG_HOME", "helm/registry/config.json")),
        ".config/helm/registry/config.json",
        "helm registry logout {registry}",
        "helm registry login stored it; Shorepass has no rules for helm, and did not ask whether it works",
    ),
)


# https://github.com/containerd/containerd/blob/main/docs/cri/registry.md: the login is in registry.configs."HOST".auth, for the
# CRI plugin. ctr reads no file with logins: https://github.com/containerd/containerd/issues/5246
RUNTIME_FILE = "/etc/containerd/config.toml"
RUNTIME_LOGIN = re.compile(r"""registry\.configs\.(?:"([^"]+)"|'([^']+)'|([\w-]+))\.auth\]""")


def own_path(context: Context, own: OwnFile) -> str:
    """Return the path of a program's own file."""
    named = context.getenv(own.variable)
    if named:
        return named
    for variable, path in own.folders:
        folder = context.getenv(variable)
        if folder:
            return join(context, folder, path)
    return join(context, context.home() or "/", own.path)


def logins_of_runtime(context: Context) -> list[str]:
    """Return the registries that containerd's own file has a login for."""
    try:
        content = context.read(RUNTIME_FILE, COMPOSE_LIMIT)
    except SourceError:
        return []
    found = RUNTIME_LOGIN.findall(content.data.decode("utf-8", "replace")) if content else []
    return ["".join(names) for names in found]


class Project(NamedTuple):
    """A program that reads docker's file for the images of a project, and the files in the project's folder that show it.

    ``marks``: a text that such a file contains, with the registry for ``{registry}``. ``variable``: holds logins, and is read
    instead of docker's file; "" for none.
    """

    program: str
    files: tuple[str, ...]
    marks: str
    variable: str = ""


PROJECTS = (
    # https://github.com/compose-spec/compose-go: cli/options.go
    Project("compose", ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"), "{registry}/"),
    # https://github.com/GoogleContainerTools/skaffold: pkg/skaffold/docker/auth.go, cmd/skaffold/app/cmd/commands.go
    Project("skaffold", ("skaffold.yaml", "skaffold.yml"), "{registry}/"),
    # https://github.com/devcontainers/cli: src/spec-configuration/configurationCommonUtils.ts
    Project("dev containers", (".devcontainer/devcontainer.json", ".devcontainer.json"), "{registry}/"),
    # The sources of https://java.testcontainers.org and its kin are in docs/concepts/who-reads-what.md
    Project(
        "Testcontainers",
        (
            *("pom.xml", "build.gradle", "build.gradle.kts", "gradle/libs.versions.toml"),
            *("go.mod", "package.json", "requirements.txt", "pyproject.toml"),
        ),
        "testcontainers",
        "DOCKER_AUTH_CONFIG",
    ),
)
ENGINE_VARIABLE, OTHER_SOCKET = "DOCKER_HOST", "podman"  # podman-system-service(1): its socket is podman.sock
COMPOSE_LIMIT = 256 * 1024  # bytes of a project's file


def in_use(context: Context, registry: str) -> str:
    """Return a program that reads docker's file here for a registry, "" if none is seen.

    These programs ask an engine, also that of podman, and send what docker's file has.
    """
    if OTHER_SOCKET in (context.getenv(ENGINE_VARIABLE) or ""):
        return f"a program that finds podman's socket by {ENGINE_VARIABLE}"
    found = next(projects(context, registry), None)
    return f"{found[0].program}, for {found[1]}," if found else ""


def projects(context: Context, registry: str) -> Iterator[tuple[Project, str]]:
    """Yield the programs that a file in this folder shows for a registry, each with the path of that file."""
    folder = context.cwd()
    for project in PROJECTS if folder else ():
        mark = project.marks.replace("{registry}", registry).encode()
        for name in project.files:
            path = join(context, folder or "", *name.split("/"))
            try:
                content = context.read(path, COMPOSE_LIMIT)
            except SourceError:
                continue
            if content is not None and mark in content.data:
                yield project, path
                break
