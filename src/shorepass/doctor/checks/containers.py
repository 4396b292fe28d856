"""SP601 to SP605: logins that are lent to a container by a mount, and do not arrive there.

What is the container's own is the affair of the other checks, as in every place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.client_table import programs
from shorepass.clients import find_all
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import join, split
from shorepass.contexts.command import command
from shorepass.contexts.containers.container import ContainerContext
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, MalformedFile
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context
    from shorepass.contexts.containers.container import Mount
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check", "is_lent"]

CODES = {
    "SP601": "A container can command an engine, and has no login",
    "SP602": "A config file is mounted where no client in the container looks",
    "SP603": "A config file is mounted, and the helper it names is not in the container",
    "SP604": "A config file is mounted, and the container's user cannot read it",
    "SP605": "A mounted config file was replaced on the host, and the container has the old one",
}

FILES = ("config.json", "auth.json", ".dockercfg")
_LOGINS = (b'"auths"', b'"credsStore"', b'"credHelpers"')


def check(examination: Examination) -> Iterator[Finding]:
    """Look at a container's mounts. In other places there are none."""
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
    """Tell whether a file is only lent to a container: a repair there would change what is somebody else's."""
    return isinstance(context, ContainerContext) and context.mounted.lent(path) is not None


# SP601


def _socket(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    sockets = [mount for mount in context.mounts if mount.is_engine_socket]
    if not sockets or any(examination.entries.values()):
        return
    there = [path for program in programs() if (path := context.which(program))]
    cause = "whoever pulls or pushes through it does so without a login: that of the host stays with the host's user"
    evidence = (f"mounted from {sockets[0].source}", *(f"{path} is there to use it" for path in there))
    advice = Advice(command(context, "login", "REGISTRY"))
    severity = Severity.WARNING if there else Severity.NOTE  # others than clients need no login
    yield Finding("SP601", severity, context.name, sockets[0].target, cause, evidence, advice)


# SP602


def _elsewhere(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    read = {file.path for file in examination.files}
    all_seen = context.unhindered()
    for mount in context.mounts:
        for path in _delivered(all_seen, mount):
            if path in read or any(_is_same(all_seen, path, other) for other in read):
                continue
            evidence = (
                f"mounted from {mount.source}",
                f"HOME is {context.home() or 'not set'}, DOCKER_CONFIG is {context.getenv('DOCKER_CONFIG') or 'not set'}",
                f"looked for: {', '.join(sorted(read))}",
            )
            cause = "it is mounted here, and neither docker nor podman in the container looks here"
            advice = Advice(_where_it_is_seen(context, mount, path, sorted(read)))
            yield Finding("SP602", Severity.ERROR, context.name, path, cause, evidence, advice)


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
    """Yield the config files that a mount brings: itself, or what lies at the top of it or one folder below."""
    if mount.kind not in ("bind", "volume"):
        return
    name = split(context, mount.target)[1]
    folders = dict.fromkeys(folder for client in find_all() for folder in client.facts.folders)
    if name in FILES and not context.is_folder(mount.target):
        paths = [mount.target]
    elif name in folders:
        paths = [join(context, mount.target, file) for file in FILES]
    else:  # a home, perhaps
        paths = [join(context, mount.target, folder, file) for folder in folders for file in FILES]
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
    for helper in examination.helpers:
        mount = context.mounted.lent(helper.path)
        if mount is None or context.which(helper.program) is not None:
            continue
        cause = "the mounted config file names it for the host, and the container has no such program"
        evidence = (f"{helper.path} is mounted from {mount.source}", f"PATH: {context.getenv('PATH')}", helper.why)
        advice = Advice(
            f"give the container a config file of its own: mount nothing at {quoted(mount.target)}, "
            f"then {command(context, 'login', 'REGISTRY')}"
        )
        yield Finding("SP603", Severity.ERROR, context.name, helper.program, cause, evidence, advice)


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
    except FileError:  # a folder of the container's own is closed
        home = context.home()
        example = f": {quoted(home)}, for one" if home else ""
        return Advice(f"mount it below a folder that uid {context.uid} may enter{example}")
    source = mount.source + path[len(mount.target) :]
    words = f"install -D -m 0600 -o {context.uid} {quoted(source)} {quoted('COPY/' + split(context, source)[1])}"
    return Advice(f"mount a copy that is the container's user's: {words}")


# SP605


def _stale(examination: Examination, context: ContainerContext) -> Iterator[Finding]:
    read = {file.path for file in examination.files}
    for mount in context.mounts:
        if not context.mounted.is_stale(mount) or not (
            mount.target in read or split(context, mount.target)[1] in FILES
        ):
            continue
        cause = "the host has replaced it since the container started, which still reads the old one"
        evidence = (
            f"mounted by itself from {mount.source}: a mount holds on to the file, and not to its name",
            "docker, podman and Shorepass save a file by putting a new one in its place",
        )
        family, _, name = context.name.partition(":")
        folder, source = split(context, mount.target)[0], split(context, mount.source)[0]
        advice = Advice(f"{family} restart {quoted(name)}; and for good, {_folder_mount(source, folder, mount)}")
        yield Finding("SP605", Severity.ERROR, context.name, mount.target, cause, evidence, advice)


def _folder_mount(source: str, folder: str, mount: Mount) -> str:
    """Return how a file's folder is mounted instead of the file. Nothing is mounted over the root folder."""
    if folder != "/":
        return f"mount the folder: {quoted(f'{source}:{folder}')}"
    name = mount.target.rpartition("/")[2]
    variable = f"REGISTRY_AUTH_FILE=/logins/{name}" if name == "auth.json" else "DOCKER_CONFIG=/logins"
    return f"mount the folder: {quoted(f'{source}:/logins')}, with --env {variable}"
