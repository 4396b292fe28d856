"""What stands in the clients' files, whether a client finds it or not."""

from __future__ import annotations

from shorepass.config import auth_file, docker_config
from shorepass.config.auth_entry import read_containers_entry
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import AuthFile
from shorepass.credential import ANONYMOUS
from shorepass.errors import SourceError, UsageError
from shorepass.names import Reference, registry_meant
from shorepass.shapes import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.clients import Client
    from shorepass.config.docker_config import Members
    from shorepass.credential import Credential
    from shorepass.doctor.examination import ConfigFile, Examination

__all__ = ["Stored", "meaning", "read"]


class Stored(NamedTuple):
    """One file as one client reads it.

    ``logins``: by key, only those with a secret. ``helpers``: suffixes by server (``credHelpers``); ``store``: the suffix of
    ``credsStore``, empty for none and for a client that does not read it.
    """

    client: Client
    path: str
    logins: dict[str, Credential]
    helpers: dict[str, str]
    store: str


def read(examination: Examination) -> list[Stored]:
    """Return every file for each client that reads it, but for ``.dockercfg`` and those that are broken or absent."""
    found = [
        _read(examination, client, file)
        for client in examination.clients
        for file in examination.files
        if client.name in file.clients and not file.legacy
    ]
    return [stored for stored in found if stored is not None]


def _read(examination: Examination, client: Client, file: ConfigFile) -> Stored | None:
    context = examination.context
    try:
        if client.name == "docker":
            config = docker_config.load(context.read(file.path, SIZE_LIMIT))
            logins = {key: config.entry(key).credential() for key in config.auths}
            return Stored(client, file.path, _with_secret(logins), config.cred_helpers, config.creds_store)
        found = auth_file.load(context, AuthFile(file.path, file.why))
    except SourceError:
        return None  # other checks say so
    if found is None:
        return None
    logins = {key: _decoded(members) for key, members in found.auths.items()}
    return Stored(client, file.path, _with_secret(logins), found.helpers, "")


def _with_secret(logins: dict[str, Credential]) -> dict[str, Credential]:
    return {key: credential for key, credential in logins.items() if credential != ANONYMOUS}


def _decoded(members: Members) -> Credential:
    try:
        return read_containers_entry(members)
    except ValueError:
        return ANONYMOUS


def meaning(client: str, key: str) -> Reference | None:
    """Return what a person means by a key: a registry, or for podman's kind a part of one; None: no registry's name."""
    part = "" if "://" in key or client == "docker" else key.partition("/")[2].strip("/").partition("@")[0]
    part = part.partition(":")[0]  # no login is for a tag
    if part.partition("/")[0] in ("v1", "v2"):
        part = ""  # the beginning of the registry's API, not a namespace
    try:
        return Reference(registry_meant(key), part)
    except UsageError:
        return None
