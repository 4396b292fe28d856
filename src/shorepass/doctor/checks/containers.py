"""SP601 to SP605: logins that are mounted into a container but do not work there.

The other checks look at the container's own files, as in every context.
"""

from __future__ import annotations

import posixpath
from itertools import chain, product
from typing import TYPE_CHECKING

from shorepass.client_table import DEFAULT, FOLDER_FLAG, programs
from shorepass.clients import find, find_all
from shorepass.clients.other_programs import TOOLS, tool_of
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import join, split
from shorepass.contexts.command import command
from shorepass.contexts.containers.container import ContainerContext
from shorepass.doctor import stored
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, MalformedFile, SourceError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.helper.protocol import program_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context
    from shorepass.contexts.containers.container import Mount
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check", "is_lent"]

CODES = {
    "SP601": "A container can control an engine but has no login",
    "SP602": "A config file is mounted where no client in the container looks",
    "SP603": "A mounted config file names a helper that is not in the container",
    "SP604": "The container's user cannot read a mounted config file",
    "SP605": "A container still has the old version of a mounted config file",
}

TOOL_PATHS = {tool.path: tool.name for tool in TOOLS}
FOLDER_VARIABLE = find(DEFAULT).facts.variable
FILES = ("config.json", "auth.json", ".dockercfg")
_LOGINS = (b'"auths"', b'"credsStore"', b'"credHelpers"')


def check(examination: Examination) -> Iterator[Finding]:
    """Look at a container's mounts. Other contexts have no mounts."""
    context = examination.context
    if not isinstance(context, ContainerContext):
        return
    elsewhere = list(_elsewhere(examination, context))
    yield from elsewhere
    yield from _stale(examination, context)
    yield from _closed(examination, context)
    yield from _helpers(examination, context)
    if not elsewhere:
        yield from _socket(examination, context)


def is_lent(context: Context, path: str) -> bool:
    """Return whether a file is mounted into a container: a fix there would change the host's file."""
    return isinstance(context, ContainerContext) and context.mounted.lent(path) is not None


# SP601


def _socket(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    sockets = [mount for mount in context.mounts if mount.is_engine_socket]
    if not sockets or any(examination.entries.values()):
        return
    there = [path for program in programs() if (path := context.which(program))]
    cause = "pulls and pushes through it have no login: the logins of the host's user are not in the container"
    evidence = (f"mounted from {sockets[0].source}", *(f"{path} can use it" for path in there))
    advice = Advice(command(context, "login", "REGISTRY"))
    severity = Severity.WARNING if there else Severity.NOTE  # others than clients need no login
    yield Finding("SP601", severity, context.name, sockets[0].target, cause, evidence, advice)


# SP602


def _elsewhere(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    read = {file.path for file in examination.files}
    tool = tool_of(context.image_name)
    if tool is not None and not context.getenv(FOLDER_VARIABLE):
        read = {tool.path}
    all_seen = context.unhindered()
    for mount in context.mounts:
        for path in _delivered(all_seen, mount):
            if path in read or any(_is_same(all_seen, path, other) for other in read):
                continue
            evidence = [
                f"mounted from {mount.source}",
                f"HOME is {context.home() or 'not set'}, DOCKER_CONFIG is {context.getenv('DOCKER_CONFIG') or 'not set'}",
                f"looked for: {', '.join(sorted(read))}",
            ]
            severity = Severity.ERROR
            if tool is None and path in TOOL_PATHS and not context.getenv(FOLDER_VARIABLE):
                severity = Severity.NOTE  # an unknown image may contain one of these tools
                evidence.append(f"{TOOL_PATHS[path]} reads this file, if it is in this image")
            cause = "it is mounted here, but no client in the container looks here"
            advice = Advice(_where_it_is_seen(context, mount, path, sorted(read)))
            yield Finding("SP602", severity, context.name, path, cause, tuple(evidence), advice)


def _where_it_is_seen(context: ContainerContext, mount: Mount, path: str, read: list[str]) -> str:
    folder, name = split(context, path)
    ways = []
    if name != ".dockercfg":
        variable = f"REGISTRY_AUTH_FILE={path}" if name == "auth.json" else f"DOCKER_CONFIG={folder}"
        ways.append(f"run the container with --env {quoted(variable)}")
    expected = next((file for file in read if split(context, file)[1] == name), read[0])
    if path == mount.target:
        ways.append(f"mount it at {quoted(expected)}")
    elif folder == mount.target:
        ways.append(f"mount its folder at {quoted(split(context, expected)[0])}")
    return "; or ".join(ways) or f"run the container with --env {quoted('HOME=' + folder)}"


def _delivered(context: ContainerContext, mount: Mount) -> Iterator[str]:
    """Yield the config files of a mount: the mount itself, or files at its top or one folder below."""
    if mount.kind not in ("bind", "volume"):
        return
    name = split(context, mount.target)[1]
    folders = dict.fromkeys(chain.from_iterable(client.facts.folders for client in find_all()))
    if name in FILES and not context.is_folder(mount.target):
        paths = [mount.target]
    elif name in folders:
        paths = [join(context, mount.target, file) for file in FILES]
    else:  # perhaps a home folder
        paths = [join(context, mount.target, folder, file) for folder, file in product(folders, FILES)]
    yield from (path for path in paths if _holds_logins(context, path))


def _holds_logins(context: ContainerContext, path: str) -> bool:
    try:
        content = context.read(path, SIZE_LIMIT)
    except FileError:
        return False
    return content is not None and any(mark in content.data for mark in _LOGINS)


def _is_same(context: ContainerContext, path: str, other: str) -> bool:
    try:
        one, two = context.status(path), context.status(other)
    except FileError:
        return False
    return one is not None and two is not None and one.identity is not None and one.identity == two.identity


# SP603


def _helpers(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    yield from _helpers_of_tools(examination, context)
    for helper in examination.helpers:
        mount = context.mounted.lent(helper.path)
        if mount is None or context.which(helper.program) is not None:
            continue
        cause = "the mounted config file names it, but the container does not have this program"
        evidence = (f"{helper.path} is mounted from {mount.source}", f"PATH: {context.getenv('PATH')}", helper.why)
        advice = Advice(
            f"give the container its own config file: mount nothing at {quoted(mount.target)}, "
            f"then {command(context, 'login', 'REGISTRY')}"
        )
        yield Finding("SP603", Severity.ERROR, context.name, helper.program, cause, evidence, advice)


def _helpers_of_tools(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    """Find a helper in a file that only a tool reads, where the tool's container does not have it."""
    read = {file.path for file in examination.files}
    for mount in context.mounts:
        if mount.target in read or mount.target not in TOOL_PATHS:
            continue
        try:
            content = context.read(mount.target, SIZE_LIMIT)
            view = find(DEFAULT).view(content) if content else None
        except SourceError:
            continue  # other checks report it
        if view is None:
            continue
        suffixes = {view.store, *view.helpers.values()} - {""}
        missing = [name for name in map(program_name, sorted(suffixes)) if context.which(name) is None]
        tool = next(tool.name for tool in TOOLS if tool.path == mount.target)
        first = stored.meaning(next(iter(view.auths), ""))
        registry = first.registry if first else "REGISTRY"
        for program in missing:
            evidence = (f"{mount.target} is mounted from {mount.source}", f"{tool} reads it, and has no such program")
            cause = "the mounted config file names it, but the container does not have this program"
            advice = _plain_copy(mount, registry)
            yield Finding("SP603", Severity.ERROR, context.name, program, cause, evidence, advice)


def _plain_copy(mount: Mount, registry: str) -> Advice:
    """Return how to make a file for the container that has the login itself."""
    folder = f"{posixpath.dirname(mount.source)}/for-containers"
    login = command(None, "login", "--store", "file", FOLDER_FLAG, folder, registry)
    return Advice(f"{login}; then mount {quoted(f'{folder}/config.json:{mount.target}')}")


# SP604


def _closed(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    for file in examination.files:
        mount = context.mounted.lent(file.path)
        if mount is None:
            continue
        try:
            context.read(file.path, SIZE_LIMIT)
        except MalformedFile:
            continue  # SP103
        except FileError as error:
            facts = (f"owner {error.owner}, mode {error.mode}",) if error.owner else (error.hint or "",)
            evidence = (f"mounted from {mount.source}", *facts, f"the container's user is {context.uid}")
            advice = _readable_copy(context, mount, file.path)
            yield Finding("SP604", Severity.ERROR, context.name, file.path, error.reason, evidence, advice)


def _readable_copy(context: ContainerContext, mount: Mount, path: str) -> Advice:
    try:
        context.status(mount.target)
    except FileError:  # the container's user cannot enter one of its folders
        home = context.home()
        example = f", for example {quoted(home)}" if home else ""
        return Advice(f"mount it in a folder that uid {context.uid} can enter{example}")
    source = mount.source + path[len(mount.target) :]
    words = f"install -D -m 0600 -o {context.uid} {quoted(source)} {quoted('COPY/' + split(context, source)[1])}"
    return Advice(f"mount a copy that the container's user owns: {words}")


# SP605


def _stale(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    read = {file.path for file in examination.files}
    for mount in context.mounts:
        if not context.mounted.is_stale(mount) or not (
            mount.target in read or split(context, mount.target)[1] in FILES
        ):
            continue
        cause = "the host replaced the file after the container started, so the container still reads the old one"
        evidence = (
            f"mounted as a single file from {mount.source}: such a mount keeps the old file when a new one gets its name",
            "docker, podman and Shorepass save a file by replacing it",
        )
        family, _, name = context.name.partition(":")
        folder, source = split(context, mount.target)[0], split(context, mount.source)[0]
        advice = Advice(f"{family} restart {quoted(name)}; to prevent this, {_folder_mount(source, folder, mount)}")
        yield Finding("SP605", Severity.ERROR, context.name, mount.target, cause, evidence, advice)


def _folder_mount(source: str, folder: str, mount: Mount) -> str:
    """Return how to mount the file's folder instead of the file. The root folder cannot be mounted over."""
    if folder != "/":
        return f"mount the folder: {quoted(f'{source}:{folder}')}"
    name = mount.target.rpartition("/")[2]
    variable = f"REGISTRY_AUTH_FILE=/logins/{name}" if name == "auth.json" else "DOCKER_CONFIG=/logins"
    return f"mount the folder: {quoted(f'{source}:/logins')}, with --env {variable}"
