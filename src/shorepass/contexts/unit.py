"""``unit:NAME``: the user and environment in which systemd starts a unit.

A unit is a service, or a file of Quadlet.

A system unit's environment has no HOME where no ``User=`` is set, and never an XDG_RUNTIME_DIR; a unit of a user has what that
user's own systemd hands on. ``unit:user@NAME/UNIT`` names a unit of another user, which needs root.

Where systemd runs, ``systemctl show`` says what the unit has. Elsewhere its file and its drop-in files are read.
Sources: systemd.unit(5), systemd.exec(5), podman-systemd.unit(5); tests compare with a real systemd 252.
"""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatch
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from shorepass import numbers
from shorepass.config.unit_files import assignments, environment_file, expanded, settings
from shorepass.contexts.command import as_root
from shorepass.contexts.surroundings import in_surroundings
from shorepass.contexts.user import login_environment
from shorepass.errors import ContextError, FileError, printable
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    import pwd
    from collections.abc import Mapping

    from shorepass.config.unit_files import Settings
    from shorepass.contexts.local import LocalContext

__all__ = ["find"]

LIMIT = 1024 * 1024  # bytes of a unit's file, and of what systemctl prints
SECONDS = 5.0  # for systemctl to answer
FILES_LIMIT = 100  # drop-in files of a unit, and environment files of one pattern
BOOTED = "/run/systemd/system"  # sd_booted(3)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what systemd was built with

# Folders of units and of Quadlet's files, the first that has the name counts. systemd.unit(5), podman-systemd.unit(5)
SYSTEM_FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
)
SYSTEM_QUADLETS = ("/run/containers/systemd", "/etc/containers/systemd", "/usr/share/containers/systemd")
USER_FOLDERS = ("{}/.config/systemd/user", "/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user")
USER_QUADLETS = (
    "{}/.config/containers/systemd",
    "/etc/containers/systemd/users/{uid}",
    "/etc/containers/systemd/users",
)
QUADLETS = (".container", ".image", ".build", ".kube")
SUFFIXES = (".service", ".socket", ".timer", ".mount", ".path", *QUADLETS)
AUTH_FILE = "AuthFile"  # of Quadlet's sections Image and Build: becomes --authfile
SHOWN = ("LoadState", "Environment", "EnvironmentFiles", "UnsetEnvironment", "User", "WorkingDirectory", "SourcePath")
NO_HOMES = ("/", "/nonexistent")  # systemd sets no HOME for these


class Unit(NamedTuple):
    """What a unit says about its surroundings.

    ``files``: environment files; a ``-`` before one: it may be missing.
    """

    environment: Mapping[str, str]
    files: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    user: str = ""
    directory: str = ""
    auth_file: str = ""


class Manager(NamedTuple):
    """The systemd that starts the unit.

    It is the system's if ``account`` is None, or else a user's own.
    """

    here: LocalContext
    account: pwd.struct_passwd | None = None

    def folders(self, system: tuple[str, ...], user: tuple[str, ...]) -> list[str]:
        """Return the folders of this one."""
        if self.account is None:
            return list(system)
        return [folder.replace("{uid}", str(self.account.pw_uid)).replace("{}", self.account.pw_dir) for folder in user]


def find(here: LocalContext, kind: str, rest: str) -> LocalContext:
    """Return the context in which a unit runs.

    Raises ContextError: no such unit, or not to be looked into.
    """
    name = printable(f"{kind}:{rest}")
    if sys.platform == "win32":
        raise ContextError(name, "Windows has no systemd")
    owner, slash, unit = rest.rpartition("/")
    unit = unit if unit.endswith(SUFFIXES) else f"{unit}.service"
    if slash:
        account = _account(name, owner.removeprefix("user@"))
        managers = [
            Manager(in_surroundings(here, name, account.pw_uid, login_environment(account), account.pw_dir), account)
        ]
    else:
        managers = [Manager(here), Manager(here, _account(name, str(here.uid)))]
    for manager in managers:
        found = _shown(manager, unit) or _read(manager, unit)
        if found is not None:
            return _context(here, name, manager, found)
    raise ContextError(name, "there is no such unit", hint="systemctl list-unit-files lists those of the system")


def _account(name: str, user: str) -> pwd.struct_passwd:
    """Return a user, by name or number.

    Raises ContextError.
    """
    import pwd

    number = numbers.whole(user)
    try:
        return pwd.getpwnam(user) if number is None else pwd.getpwuid(number)
    except (KeyError, ValueError):
        raise ContextError(name, f"there is no user {printable(user)!r}", hint="getent passwd lists them all") from None


def _context(here: LocalContext, name: str, manager: Manager, unit: Unit) -> LocalContext:
    """Return the context of a unit's programs."""
    if manager.account is not None:
        account, environ = manager.account, _of_manager(manager)
    else:
        account, environ = _account(name, unit.user or "0"), _of_system(here)
        if unit.user:
            environ |= {"USER": account.pw_name, "LOGNAME": account.pw_name}
            if account.pw_dir not in NO_HOMES:
                environ |= {"HOME": account.pw_dir, "SHELL": account.pw_shell or "/bin/sh"}
    environ |= unit.environment
    for path in unit.files:
        environ |= _from_file(name, manager.here, path)
    if unit.auth_file:
        environ["REGISTRY_AUTH_FILE"] = unit.auth_file
    for variable in unit.unset:
        environ.pop(variable.partition("=")[0], None)
    return in_surroundings(here, name, account.pw_uid, environ, unit.directory.lstrip("-+") or os.sep)


def _of_manager(manager: Manager) -> dict[str, str]:
    """Return the environment that a user's systemd hands on."""
    assert manager.account is not None  # noqa: S101  # it is a user's
    shown = _systemctl(manager, "show-environment")
    if shown:
        return assignments(shown.splitlines())
    return login_environment(manager.account) | {"XDG_RUNTIME_DIR": f"/run/user/{manager.account.pw_uid}"}


def _of_system(here: LocalContext) -> dict[str, str]:
    """Return the environment that the system's systemd hands on."""
    shown = _systemctl(Manager(here), "show-environment")
    return assignments(shown.splitlines()) if shown else {"PATH": SYSTEM_PATH}


def _from_file(name: str, context: LocalContext, pattern: str) -> dict[str, str]:
    """Return the variables of the environment files of a pattern.

    Raises ContextError: one cannot be read, or is missing.
    """
    optional, path = pattern.startswith("-"), pattern.lstrip("-")
    folder, _, last = path.rpartition("/")
    paths = [path]
    if any(char in last for char in "*?["):
        paths = [f"{folder}/{one}" for one in context.names(folder) if fnmatch(one, last)][:FILES_LIMIT]
    found: dict[str, str] = {}
    for one in paths:
        try:
            content = context.read(one, LIMIT)
        except FileError as error:
            hint = as_root("who", "--in", name) if os.geteuid() else None
            raise ContextError(name, f"its environment file {error.message}", hint=hint) from None
        if content is None and not optional:
            raise ContextError(name, f"its environment file {printable(one)} is missing, so systemd does not start it")
        found |= environment_file(content.data.decode("utf-8", "surrogateescape")) if content else {}
    return found


def _systemctl(manager: Manager, *words: str) -> str:
    """Return what systemctl prints.

    The answer is empty where systemd does not run or does not answer.
    """
    here = manager.here
    program = here.which("systemctl")
    if program is None or not here.is_folder(BOOTED):
        return ""
    scope = ["--system"] if manager.account is None else ["--user"]
    try:
        done = here.run([program, *scope, *words], b"", timeout=SECONDS, limit=LIMIT)
    except ProcessError:
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.status == 0 else ""


def _shown(manager: Manager, name: str) -> Unit | None:
    """Return what systemd says of a unit.

    Return None where it does not run, or does not know the unit.
    """
    kind = next((kind for kind in QUADLETS if name.endswith(kind)), "")
    properties = [f"--property={one}" for one in SHOWN]
    service = name if not kind else _service_of(name, kind)
    values: dict[str, list[str]] = {}
    for line in _systemctl(manager, "show", *properties, "--", service).splitlines():
        key, equals, value = line.partition("=")
        if equals and value:
            values.setdefault(key, []).append(value)
    if values.get("LoadState") != ["loaded"]:
        return None
    source = "".join(values.get("SourcePath", ()))
    quadlet = _read_files(manager, source, ()) if source.endswith(QUADLETS) else None
    return Unit(
        assignments(values.get("Environment", ())),
        tuple(map(_environment_file, values.get("EnvironmentFiles", ()))),
        tuple(" ".join(values.get("UnsetEnvironment", ())).split()),
        "".join(values.get("User", ())),
        "".join(values.get("WorkingDirectory", ())),
        _auth_file(quadlet, {}),
    )


def _environment_file(shown: str) -> str:
    """Return an environment file as a unit's file names it.

    systemctl prints it as ``PATH (ignore_errors=yes)``.
    """
    path, _, flag = shown.partition(" (ignore_errors=")
    return f"-{path}" if flag.startswith("yes") else path


def _service_of(name: str, kind: str) -> str:
    """Return the service that Quadlet makes of a file."""
    between = "" if kind == ".container" else f"-{kind[1:]}"
    return f"{name.removesuffix(kind)}{between}.service"


def _read(manager: Manager, name: str) -> Unit | None:
    """Return what the files of a unit say.

    Return None where it has no file.
    """
    stem, dot, suffix = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    names = [name, f"{prefix}@{dot}{suffix}"] if at else [name]
    paths = [f"{folder}/{one}" for one, folder in product(names, manager.folders(SYSTEM_FOLDERS, USER_FOLDERS))]
    made_of = name if name.endswith(QUADLETS) else f"{stem}.container"  # Quadlet makes services of these files
    paths += [f"{folder}/{made_of}" for folder in manager.folders(SYSTEM_QUADLETS, USER_QUADLETS)]
    found = next((path for path in paths if manager.here.status(path) is not None), "")
    kind = found.rpartition(".")[2]
    said = _read_files(manager, found, tuple(f"{path}.d" for path in paths if path.endswith(f".{kind}")))
    if said is None:
        return None
    specifiers = _specifiers(manager, name, prefix, instance)
    return Unit(
        assignments(said.all("Service", "Environment"), specifiers),
        tuple(expanded(path, specifiers) for path in said.all("Service", "EnvironmentFile")),
        tuple(" ".join(said.all("Service", "UnsetEnvironment")).split()),
        expanded(said.last("Service", "User"), specifiers),
        expanded(said.last("Service", "WorkingDirectory"), specifiers).replace("~", specifiers["h"]),
        _auth_file(said, specifiers),
    )


def _read_files(manager: Manager, path: str, folders: tuple[str, ...]) -> Settings | None:
    """Return the settings of a unit's file and of its drop-in files.

    Drop-in files are read in the order of their names, whatever their folder.
    """
    content = manager.here.read(path, LIMIT) if path else None
    if content is None:
        return None
    dropped: dict[str, str] = {}
    for folder in reversed(folders):
        dropped |= {one: f"{folder}/{one}" for one in manager.here.names(folder)[:FILES_LIMIT] if one.endswith(".conf")}
    contents = [content, *(manager.here.read(dropped[one], LIMIT) for one in sorted(dropped))]
    return settings(one.data.decode("utf-8", "surrogateescape") for one in contents if one)


def _auth_file(said: Settings | None, specifiers: Mapping[str, str]) -> str:
    """Return the AuthFile= of Quadlet, empty where it is not set."""
    if said is None:
        return ""
    return expanded(said.last("Image", AUTH_FILE) or said.last("Build", AUTH_FILE), specifiers)


def _specifiers(manager: Manager, name: str, prefix: str, instance: str) -> dict[str, str]:
    """Return what the usual specifiers mean.

    systemd.unit(5) has them all. In a system unit ``%h`` is root's home.
    """
    account = manager.account or _account("unit", "0")
    stem = name.rpartition(".")[0]
    runtime = "/run" if manager.account is None else f"/run/user/{account.pw_uid}"
    own = (("h", account.pw_dir), ("u", account.pw_name), ("U", str(account.pw_uid)), ("t", runtime))
    names = (("n", name), ("N", stem), ("p", prefix), ("i", instance), ("I", instance), ("%", "%"))
    return dict((*own, *names, ("H", manager.here.host_name())))
