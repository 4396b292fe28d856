"""A client's private configuration for one command: no login is in it, and Shorepass's helper is named for all.

What is the user's own is there by symlinks.
"""

from __future__ import annotations

import json
import os
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass import files
from shorepass.accounts.keys import spellings
from shorepass.clients import FAMILIES, find_all
from shorepass.config import auth_file, docker_config, document
from shorepass.config.locations import docker_config_path
from shorepass.errors import InvalidReference, SourceError, UsageError, printable
from shorepass.helper import OURSELVES
from shorepass.names import registry_of_server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.clients import Client
    from shorepass.config.auth_file import AuthFile
    from shorepass.contexts.local import LocalContext

__all__ = ["Lent", "lend_auth_file", "lend_docker_folder", "registry_of_key"]

LOGIN_FIELDS = ("auths", "credsStore", "credHelpers")


class Lent(NamedTuple):
    """``variables``: what the command's environment has beside Shorepass's. ``unseen``: keys whose logins it does not see.

    ``home``: the user's own folder, into which what the command makes beside ``path`` is moved; empty for none.
    """

    variables: dict[str, str]
    path: str
    unseen: tuple[str, ...] = ()
    home: str = ""


def lend_docker_folder(here: LocalContext, client: Client, keys: Iterable[str], folder: str) -> Lent:
    """Make a folder for DOCKER_CONFIG. Raises UsageError, FileError, WriteError."""
    _refuse_variable(here, client.facts.variable_with_logins, keys)
    theirs = os.path.abspath(docker_config_path(here)[0])
    content = here.read(theirs, document.SIZE_LIMIT)
    config = docker_config.load(content)
    found = document.load(content, first_value_only=True) if content else {}
    kept = {name: value for name, value in found.items() if name not in LOGIN_FIELDS}
    ours = os.path.join(folder, "docker")
    registries = {registry_of_key(key) for key in (*keys, *config.auths, *config.cred_helpers)}
    named = dict.fromkeys(sorted(registries - {""}), OURSELVES)  # for podman in a script, which passes over credsStore
    data = json.dumps({**kept, "credHelpers": named, "credsStore": OURSELVES}, indent="\t").encode()
    path = os.path.join(ours, "config.json")
    files.update(path, lambda _: data)
    there, name_of_it = os.path.split(theirs)
    for name in here.names(there):
        if name != name_of_it:
            files.symlink(os.path.join(ours, name), os.path.join(there, name))
    return Lent({"DOCKER_CONFIG": ours, **_files_of_others(here, client)}, path, home=there)


def _files_of_others(here: LocalContext, client: Client) -> dict[str, str]:
    """Return what keeps podman's own file where it was in the order: DOCKER_CONFIG would take its place."""
    if here.getenv("DOCKER_CONFIG") or here.getenv("REGISTRY_AUTH_FILE"):
        return {}
    others = chain.from_iterable(find_all(family) for family in FAMILIES if family != client.row.family)
    first = {other.own_file(here) for other in others}
    path = first.pop()
    return {"REGISTRY_AUTH_FILE": path} if not first and here.status(path) else {}  # a file that is missing is an error


def _refuse_variable(here: LocalContext, variable: str, keys: Iterable[str]) -> None:
    """Raise UsageError where docker finds a login of its own for the account's registry before it asks any helper."""
    try:
        found = docker_config.load_variable(here.getenv(variable) or "")
    except SourceError:
        return  # docker says so, and goes on without it
    both = set(found).intersection(chain.from_iterable(map(spellings, keys)))
    if both:
        raise UsageError(
            f"{variable} has a login for {printable(', '.join(sorted(both)))}, and docker 28.3 looks there first",
            hint=f"unset {variable}",
        )


def lend_auth_file(here: LocalContext, displaced: Iterable[AuthFile], keys: Iterable[str], folder: str) -> Lent:
    """Make a file for REGISTRY_AUTH_FILE. ``displaced``: files not read beside it. Raises FileError, WriteError."""
    found = [auth_file.load(here, file) or auth_file.Logins({}, {}) for file in displaced]
    entries: set[str] = set().union(*(logins.auths for logins in found))
    helpers: set[str] = set().union(*(logins.helpers for logins in found))
    ours = {registry_of_key(key) for key in keys}
    theirs = {registry_of_key(key) for key in entries | helpers if "/" not in _bare(key)}
    parts = [key for key in entries if "/" in _bare(key) and registry_of_key(key) not in ours]
    path = os.path.join(folder, "containers", "auth.json")
    named = dict.fromkeys(sorted((ours | theirs) - {""}), OURSELVES)
    data = json.dumps({"auths": {}, "credHelpers": named}, indent="\t").encode()
    files.update(path, lambda _: data)
    return Lent({"REGISTRY_AUTH_FILE": path}, path, tuple(sorted(parts)))


def _bare(key: str) -> str:
    """Return what containers compare of a key: a URL is its host alone."""
    bare = key.removeprefix("https://").removeprefix("http://")
    return bare if bare == key else bare.partition("/")[0]


def registry_of_key(key: str) -> str:
    """Return the registry that a key means, empty where it means none."""
    try:
        return registry_of_server(key)
    except InvalidReference:
        return ""
