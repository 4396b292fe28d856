"""How the forwarder is brought to a target that runs, and started there: a row per kind of target.

A container gets it by the engine's archive call. If that is not possible, and in all other targets, a shell there makes a
private folder, and writes to it what arrives on its standard input. What a target says is not trusted.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.agent_client.forwarder_file import path_for
from shorepass.bounded_json import loads
from shorepass.config.locations import docker_config_path, join
from shorepass.contexts.containers.archive import Entry, packed
from shorepass.contexts.containers.container import ContainerContext
from shorepass.contexts.find import find
from shorepass.contexts.shells.shell import ShellContext
from shorepass.contexts.shells.transport import Booted
from shorepass.errors import ContextError, SourceError, UsageError, printable
from shorepass.grants.contents import HELPER_INSIDE, INSIDE
from shorepass.grants.folder import CONFIG_FOLDER
from shorepass.helper import PROGRAM
from shorepass.share.wires import Ended, EngineWire, ProgramWire
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shorepass.contexts.local import LocalContext
    from shorepass.share.wires import Wire

    Target = ContainerContext | ShellContext
    Way = Callable[[Target], "Place"]

__all__ = ["NotThere", "Place", "Running", "missing_helpers", "running", "why_ended"]

START_SECONDS = 30.0  # for a shell to write the program and to start it
STOP_SECONDS = 2.0  # for an engine to know that a container has stopped
POLL_SECONDS = 0.1
NOISE_LIMIT = 64 * 1024  # bytes that a login there may print before
MARK = b"(shorepass forwarder)"
PROGRAM_LIMIT = 1024 * 1024  # bytes
CONFIG_LIMIT = 1024 * 1024  # bytes
NAMES = 13  # further names that a forwarder takes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)  # of a helper
FOLDER = re.compile(r"/[A-Za-z0-9._/-]{1,90}", re.ASCII)  # of a forwarder: the user's shell may read its name
PREFIX = "docker-credential-"
# Of those in which the shell makes a folder. Where others have one mounted, too, they could ask the forwarder.
FOLDERS = ("/run", "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # the folder below has a random name

# Brings the program to the first folder that takes files and runs programs. The names have no character of a shell's.
_PLACE = r"""
umask 022
sp_w=; sp_b=
for sp_d in "$XDG_RUNTIME_DIR" /run /tmp /var/tmp "$HOME" /dev/shm; do
    case $sp_d in *[!A-Za-z0-9._/-]*|/) continue;; /*) ;; *) continue;; esac
    [ ${#sp_d} -le 60 ] || continue
    case " SHARED " in *" $sp_d "*) sp_w="$sp_w $sp_d: is mounted from elsewhere;"; continue;; esac
    sp_f=${sp_d%/}/NAME
    mkdir -m MODE "$sp_f" 2>/dev/null || { sp_w="$sp_w $sp_d: takes no files;"; continue; }
    sp_p=$sp_f/PROGRAM
    if [ "$sp_b" ]; then cp "$sp_b/PROGRAM" "$sp_p"; rm -r "$sp_b"; else dd bs=1 count=SIZE of="$sp_p" 2>/dev/null; fi
    sp_b=$sp_f
    [ "$(wc -c <"$sp_p")" -eq SIZE ] || { sp_w="$sp_w $sp_d: is full"; break; }
    chmod 755 "$sp_p"
    case $("$sp_p" 2>/dev/null </dev/null) in Usage*) sp_say ready "$sp_f"; exec "$sp_p" --relay "$sp_f";; esac
    sp_w="$sp_w $sp_d: runs no programs (noexec);"
done
[ "$sp_b" ] && rm -r "$sp_b"
sp_say failed "$sp_w"
"""


class NotThere(ContextError):
    """The forwarder cannot be here, but perhaps elsewhere in the same target."""


class Place(NamedTuple):
    """A forwarder that has started. ``folder``: of its socket. ``program``: its path, for errors.

    ``variables``: what its clients need. ``owner``: the numbers of the user, and of the group, who may change the config file;
    None for who runs it. ``early``: output that has arrived already.
    """

    name: str
    wire: Wire
    folder: str
    program: str
    variables: dict[str, str]
    owner: tuple[int, int] | None = None
    early: bytes = b""


class Running(NamedTuple):
    """A target that runs, and the ways to bring a forwarder there, the best one first."""

    context: Target
    ways: tuple[Way, ...]


def running(here: LocalContext, target: str) -> Running:
    """Return a target by its name. Raises ContextError, UnknownWord."""
    found = find(target, here)
    if isinstance(found, ContainerContext):
        if not found.is_running:
            raise ContextError(found.name, "it does not run", hint=_start_of(target, found))
        return Running(found, (_by_engine, _by_shell))
    if isinstance(found, ShellContext):
        return Running(found, (_by_shell,))
    raise UsageError(f"{printable(target)} is not a target that runs elsewhere")


def _start_of(target: str, container: ContainerContext) -> str:
    kind, _, name = target.partition(":")
    if kind == "compose":
        return f"docker compose up -d {name.rpartition('/')[2]}"
    return f"{container.engine.family} start {name}"


def why_ended(target: Target) -> str:
    """Return why the streams of a forwarder have ended."""
    if not isinstance(target, ContainerContext):
        return "it does not answer any more, or its forwarder has ended"
    deadline = time.monotonic() + STOP_SECONDS
    try:
        while target.goes_on():
            if time.monotonic() > deadline:
                return "its forwarder has ended"
            time.sleep(POLL_SECONDS)
    except ContextError as error:
        return error.reason
    return "it was stopped, or started again"


def missing_helpers(target: Target) -> list[str]:
    """Return the helpers that the target's own config files name and that it does not have."""
    names: dict[str, None] = {}
    for path_of in (_docker_config, _auth_file):
        with contextlib.suppress(SourceError, ValueError):  # who uses the file hears of it there
            content = target.read(path_of(target), CONFIG_LIMIT)
            if content is not None:
                names |= dict.fromkeys(_named(loads(content.data)))
    return [name for name in names if target.which(PREFIX + name) is None][:NAMES]


def _docker_config(target: Target) -> str:
    return docker_config_path(target)[0]


def _auth_file(target: Target) -> str:
    return join(target, target.home() or "/", ".config", "containers", "auth.json")


def _owner(container: ContainerContext) -> tuple[int, int] | None:
    """Return the user and the group of a container's programs; None for root, or if its files do not say."""
    with contextlib.suppress(SourceError):
        if container.uid:
            return container.uid, container.gid or 0
    return None


def _named(config: object) -> Iterator[str]:
    """Yield the names of helpers in a config file."""
    if not isinstance(config, dict):
        return
    helpers = config.get("credHelpers")
    for name in (config.get("credsStore"), *(helpers.values() if isinstance(helpers, dict) else ())):
        if isinstance(name, str) and NAME.fullmatch(name):
            yield name


def _program(target: Target) -> bytes:
    """Return the forwarder for a target's machine. Raises UsageError."""
    path = path_for(target.platform, target.machine)
    if path is None or target.platform != "linux":
        machine = f"{printable(target.platform)} on {printable(target.machine)}"
        raise UsageError(f"this installation has no forwarder for {machine}")
    found = files.read(path, PROGRAM_LIMIT)
    return found.data if found else b""


def _config_variables(folder: str) -> dict[str, str]:
    config = f"{folder}/{CONFIG_FOLDER}"
    return {"DOCKER_CONFIG": config, "REGISTRY_AUTH_FILE": f"{config}/config.json"}


def _by_engine(container: Target) -> Place:
    """Copy the program into a container by the engine, and start it. Raises NotThere, ContextError, UsageError."""
    assert isinstance(container, ContainerContext)  # noqa: S101  # as the table of the ways has it
    program, engine = _program(container), container.engine
    for folder in map(os.path.dirname, (INSIDE, HELPER_INSIDE)):
        _check_own(container, folder)
    there = engine.fetch(container.id, HELPER_INSIDE, PROGRAM_LIMIT)
    if there is not None and MARK not in there:
        raise ContextError(container.name, f"{HELPER_INSIDE} is there already, and is not Shorepass's forwarder")
    entries, parent = [], "/"
    for name in HELPER_INSIDE.strip("/").split("/")[:-1]:
        parent = os.path.join(parent, name)
        if engine.stat(container.id, parent) is None:
            entries.append(Entry(parent.strip("/"), None, 0o755))
    entries.append(Entry(HELPER_INSIDE.strip("/"), program, 0o755))
    try:
        engine.put(container.id, "/", packed(entries, (0, 0)))
    except ContextError as error:
        reason = f"the forwarder cannot be copied to {HELPER_INSIDE}: {error.reason}"
        raise NotThere(container.name, reason) from None
    wire = EngineWire(engine.attach(container.id, [HELPER_INSIDE, "--relay", INSIDE]))
    return Place(container.name, wire, INSIDE, HELPER_INSIDE, _config_variables(INSIDE), _owner(container))


def _check_own(container: ContainerContext, folder: str) -> None:
    """Raise NotThere if a folder is mounted from elsewhere: others could ask there, or lose a file of the same name."""
    mount = container.mounted.lent(folder)
    if mount is not None:
        raise NotThere(container.name, f"{folder} is mounted from {printable(mount.source)}")


def _shared(container: ContainerContext) -> list[str]:
    return [folder for folder in FOLDERS if container.mounted.lent(folder)]


def _by_shell(target: Target) -> Place:
    """Send the program to a shell of the target, which starts it in a folder. Raises NotThere, UsageError."""
    program = _program(target)
    is_container = isinstance(target, ContainerContext)
    words = {
        "NAME": f"shorepass-{os.urandom(8).hex()}",
        "MODE": "755" if is_container else "700",  # in a container, the engine starts it as root, for every user
        "PROGRAM": PROGRAM,
        "SIZE": str(len(program)),
        "SHARED": " ".join(_shared(target)) if isinstance(target, ContainerContext) else "",
    }
    script = _PLACE
    for word, meant in words.items():
        script = script.replace(word, meant)
    booted = Booted.of(script)
    mark = booted.mark.strip()
    if isinstance(target, ContainerContext):
        wire: Wire = EngineWire(target.engine.attach(target.id, booted.command), mark)
    else:
        wire = ProgramWire(target.stream(booted), mark)
    try:
        with Wait(target.name):
            with contextlib.suppress(Ended):  # it may have said why before it ended
                wire.send(booted.text + program)
            folder, early = _started(target.name, wire, booted.mark)
            if isinstance(target, ContainerContext):
                _check_own(target, folder)
    except Ended:
        wire.close()
        raise NotThere(target.name, wire.said or "its shell has ended") from None
    except BaseException:
        wire.close()
        raise
    variables = {
        "SHOREPASS_SOCK": f"{folder}/agent.sock",
        "PATH": f"{folder}:$PATH",
        **_config_variables(folder),
    }
    owner = _owner(target) if isinstance(target, ContainerContext) else None
    return Place(target.name, wire, folder, f"{folder}/{PROGRAM}", variables, owner, early)


def _started(name: str, wire: Wire, mark: bytes) -> tuple[str, bytes]:
    """Return the folder that the shell names, and what arrives behind it. Raises NotThere, Ended."""
    deadline = time.monotonic() + START_SECONDS
    data = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotThere(name, f"its shell has not started the forwarder within {START_SECONDS:g} s")
        data += wire.receive(left)
        _, found, said = data.partition(mark)
        line, ended, early = said.partition(b"\n")
        if found and ended:
            break
        if len(data) > NOISE_LIMIT:
            raise NotThere(name, "its shell has printed too much")
    word, _, rest = line.decode("utf-8", "replace").partition(" ")
    if word == "ready" and FOLDER.fullmatch(rest):
        return rest, early
    if word == "failed":
        raise NotThere(name, f"no folder there can have the forwarder: {printable(rest.strip(' ;'))}")
    raise NotThere(name, "its shell does not say where the forwarder is")
