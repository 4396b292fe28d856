"""A client's configuration for one command, in which one account's logins stand before all others.

In a private folder: what is the user's own, by symlinks and without any login, and our helper named for the rest. The
helper has the account's logins in its store, and asks what stood there before for those that the account has not
(``stores.behind``). So no login is in the folder, in an argument or in the environment.
"""

from __future__ import annotations

import json
import os

from shorepass import files
from shorepass.clients import NAMES
from shorepass.config import auth_file, docker_config, document
from shorepass.config.locations import auth_files, docker_config_path
from shorepass.errors import InvalidReference, SourceError, UsageError, WriteError, printable
from shorepass.helper import OURSELVES, PROGRAM
from shorepass.helper.causes import install
from shorepass.shapes import NamedTuple
from shorepass.stores import settings
from shorepass.stores.accounts import spellings
from shorepass.stores.behind import location_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.contexts.local import LocalContext

__all__ = ["Lent", "bring_home", "client_of", "lend", "vanished_logins"]

LOGIN_FIELDS = ("auths", "credsStore", "credHelpers")


class Lent(NamedTuple):
    """``variables``: what the command's environment has beside ours. ``unseen``: keys whose logins it does not see."""

    variables: dict[str, str]
    path: str
    unseen: tuple[str, ...] = ()


def client_of(program: str) -> str:
    """Return the client that a program is, by its name; docker for any other: it may well start that."""
    name = os.path.basename(program).removesuffix(".exe")
    return name if name in NAMES else "docker"


def lend(here: LocalContext, client: str, account: str, keys: Iterable[str], folder: str) -> Lent:
    """Make a client's configuration in ``folder`` in which the logins of ``account`` for ``keys`` come first.

    Raises UsageError: another login would come before them; FileError: what is there now is broken; WriteError.
    """
    lent = _for_docker(here, keys, folder) if client == "docker" else _for_containers(here, client, keys, folder)
    location = here.getenv(location_of(client))
    behind = f"{client}:{os.path.abspath(location) if location else ''}"
    about = {settings.ACCOUNT_VARIABLE: account, settings.BEHIND_VARIABLE: behind}
    return lent._replace(variables={**lent.variables, **about, **_path(here)})


def _path(here: LocalContext) -> dict[str, str]:
    """Return a PATH on which the client finds our helper. Raises UsageError."""
    if here.which(PROGRAM) is not None:
        return {}
    import sys

    folder = os.path.dirname(sys.executable)
    path = f"{here.getenv('PATH') or ''}{os.pathsep}{folder}".lstrip(os.pathsep)
    if here.with_env(PATH=path).which(PROGRAM) is None:
        raise UsageError(f"{PROGRAM} is neither on PATH nor in {folder}", hint=install(OURSELVES))
    return {"PATH": path}


def _for_docker(here: LocalContext, keys: Iterable[str], folder: str) -> Lent:
    _refuse_variable(here, keys)
    theirs = os.path.abspath(docker_config_path(here)[0])
    content = here.read(theirs, document.SIZE_LIMIT)
    config = docker_config.load(content)
    found = document.load(content, first_value_only=True) if content else {}
    kept = {name: value for name, value in found.items() if name not in LOGIN_FIELDS}
    ours = os.path.join(folder, "docker")
    registries = {_registry(key) for key in (*keys, *config.auths, *config.cred_helpers)}
    named = dict.fromkeys(sorted(registries - {""}), OURSELVES)  # for podman in a script, which passes over credsStore
    data = json.dumps({**kept, "credHelpers": named, "credsStore": OURSELVES}, indent="\t").encode()
    path = os.path.join(ours, "config.json")
    files.update(path, lambda _: data)
    there, name_of_it = os.path.split(theirs)
    for name in here.names(there):
        if name != name_of_it:
            files.symlink(os.path.join(ours, name), os.path.join(there, name))
    return Lent({"DOCKER_CONFIG": ours, **_podmans_own(here)}, path)


def _podmans_own(here: LocalContext) -> dict[str, str]:
    """Return what keeps podman's own file where it was in the order: DOCKER_CONFIG would take its place."""
    if here.getenv("DOCKER_CONFIG") or here.getenv("REGISTRY_AUTH_FILE"):
        return {}
    first = {auth_files(here, client, docker_first=False)[0].path for client in NAMES if client != "docker"}
    path = first.pop()
    return {"REGISTRY_AUTH_FILE": path} if not first and here.status(path) else {}  # a file that is missing is an error


def _refuse_variable(here: LocalContext, keys: Iterable[str]) -> None:
    """Raise UsageError where docker finds a login of its own for the account's registry before it asks any helper."""
    try:
        found = docker_config.load_variable(here.getenv("DOCKER_AUTH_CONFIG") or "")
    except SourceError:
        return  # docker says so, and goes on without it
    both = {spelled for key in keys for spelled in spellings(key)} & set(found)
    if both:
        raise UsageError(
            f"DOCKER_AUTH_CONFIG has a login for {printable(', '.join(sorted(both)))}, and docker 28.3 looks there first",
            hint="unset DOCKER_AUTH_CONFIG",
        )


def _for_containers(here: LocalContext, client: str, keys: Iterable[str], folder: str) -> Lent:
    displaced = auth_files(here, client, docker_first=client != "skopeo")[0]
    logins = auth_file.load(here, displaced) or auth_file.Logins({}, {})
    ours = {_registry(key) for key in keys}
    theirs = {_registry(key) for key in (*logins.auths, *logins.helpers) if "/" not in _bare(key)}
    parts = [key for key in logins.auths if "/" in _bare(key) and _registry(key) not in ours]
    path = os.path.join(folder, "containers", "auth.json")
    named = dict.fromkeys(sorted((ours | theirs) - {""}), OURSELVES)
    data = json.dumps({"auths": {}, "credHelpers": named}, indent="\t").encode()
    files.update(path, lambda _: data)
    return Lent({"REGISTRY_AUTH_FILE": path}, path, tuple(sorted(parts)))


def _bare(key: str) -> str:
    """Return what containers compare of a key: a URL is its host alone."""
    bare = key.removeprefix("https://").removeprefix("http://")
    return bare if bare == key else bare.partition("/")[0]


def _registry(key: str) -> str:
    from shorepass.names import registry_of_server

    try:
        return registry_of_server(key)
    except InvalidReference:
        return ""


def bring_home(here: LocalContext, lent: Lent) -> list[WriteError]:
    """Move what the command has made in docker's private folder into the user's own; return what could not be moved.

    A first context, a first builder, a first key that signs images: what it changed in config.json alone goes.
    """
    ours, theirs = os.path.dirname(lent.path), os.path.dirname(os.path.abspath(docker_config_path(here)[0]))
    failed = []
    for name in here.names(ours):
        made = os.path.join(ours, name)
        if made != lent.path and not os.path.islink(made):
            try:
                files.move(made, os.path.join(theirs, name))
            except WriteError as error:
                failed.append(error)
    return failed


def vanished_logins(here: LocalContext, lent: Lent) -> list[str]:
    """Return the keys of logins that the command has written into the private file, and which go with it."""
    try:
        content = here.read(lent.path, document.SIZE_LIMIT)
        auths = document.load(content).get("auths") if content else None
    except SourceError:
        return []
    return sorted(key for key, entry in auths.items() if entry) if isinstance(auths, dict) else []
