"""What the clients' files contain, whether a client uses it or not."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import program_of
from shorepass.config.auth_entry import BadEntryError
from shorepass.config.document import SIZE_LIMIT
from shorepass.credential import ANONYMOUS
from shorepass.errors import SourceError, UsageError
from shorepass.names import Reference, registry_meant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shorepass.clients import Client
    from shorepass.clients.views import FileView
    from shorepass.credential import Credential
    from shorepass.doctor.examination import ConfigFile, Examination

__all__ = ["Stored", "judges", "meaning", "meaning_to", "read"]


class Stored(NamedTuple):
    """One file as one client reads it. ``family``: the client that owns the file.

    ``logins``: by key, only those with a secret. ``helpers``: suffixes by server (``credHelpers``); ``store``: the suffix of
    ``credsStore``, "" for none and for a client that does not read it.
    """

    client: Client
    path: str
    family: str
    logins: dict[str, Credential]
    helpers: Mapping[str, str]
    store: str


def read(examination: Examination) -> list[Stored]:
    """Return every file for each client that reads it, but for ``.dockercfg`` and those that are broken or absent."""
    pairs = product(examination.clients, examination.files)
    found = [
        _read(examination, client, file) for client, file in pairs if client.name in file.clients and not file.legacy
    ]
    return [stored for stored in found if stored is not None]


def judges(files: list[Stored]) -> list[Stored]:
    """Return each file once, as its owner reads it, or else its first client."""
    found: dict[str, Stored] = {}
    for file in files:
        if file.path not in found or program_of(file.client.name) == file.family:
            found[file.path] = file
    return list(found.values())


def _read(examination: Examination, client: Client, file: ConfigFile) -> Stored | None:
    try:
        content = examination.context.read(file.path, SIZE_LIMIT)
        view = client.view(content) if content else None
    except SourceError:
        return None  # other checks report it
    if view is None:
        return None
    logins = {key: _decoded(view, key) for key in view.auths}
    return Stored(client, file.path, file.family, _with_secret(logins), view.helpers, view.store)


def _with_secret(logins: dict[str, Credential]) -> dict[str, Credential]:
    return {key: credential for key, credential in logins.items() if credential != ANONYMOUS}


def _decoded(view: FileView, key: str) -> Credential:
    try:
        return view.credential(key)
    except BadEntryError:
        return ANONYMOUS


def meaning_to(client: Client, key: str) -> Reference | None:
    """Return the registry that a key of a client's file means, None if it names none."""
    return meaning(key, part=client.facts.repositories)


def meaning(key: str, *, part: bool = False) -> Reference | None:
    """Return the registry that a key means, or with ``part`` a part of one; None if it names none."""
    rest = key.partition("/")[2].strip("/").partition("@")[0] if part and "://" not in key else ""
    rest = rest.partition(":")[0]  # a login is never for a tag
    if rest.partition("/")[0] in ("v1", "v2"):
        rest = ""  # the beginning of the registry's API, not a namespace
    try:
        return Reference(registry_meant(key), rest)
    except UsageError:
        return None
