"""One client's view of one file: as docker reads it, and as podman, skopeo and buildah do. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shorepass.config import auth_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shorepass.clients import Client
    from shorepass.config.docker_config import DockerConfig, Members
    from shorepass.contexts import FileContent
    from shorepass.credential import Credential
    from shorepass.names import Reference

__all__ = ["ContainersView", "DockerView", "FileView"]


class FileView(Protocol):
    """What a client sees in a file, and by which rules it chooses among that.

    ``auths``: the entries by key, not yet decoded. ``helpers``: suffixes by server (``credHelpers``); ``store``: the suffix of
    ``credsStore``, empty for none and for a client that does not read it. ``parts``: what follows HOST/ in keys for a part of
    a registry, by the host.
    """

    client: Client
    auths: Mapping[str, Members]
    helpers: Mapping[str, str]
    store: str
    parts: Mapping[str, list[str]]

    @property
    def name(self) -> str:
        """The client's."""

    def asked(self, registry: str) -> str:
        """Return the key that a helper is asked for."""

    def helper(self, asked: str) -> str:
        """Return the helper that is asked for a key, empty for none."""

    def fitting(self, reference: Reference) -> list[str]:
        """Return the keys among which the client takes one for an image."""

    def credential(self, key: str) -> Credential:
        """Return what an entry holds. Raises BadEntryError."""


class _View:
    """What both have alike."""

    def __init__(self, client: Client, auths: Mapping[str, Members], helpers: Mapping[str, str], store: str) -> None:
        self.client = client
        self.auths = auths
        self.helpers = helpers
        self.store = store
        self.parts: Mapping[str, list[str]] = _parts(auths)

    @property
    def name(self) -> str:
        """The client's."""
        return self.client.name

    def asked(self, registry: str) -> str:
        """Return the key that a helper is asked for."""
        return self.client.asked_for(registry)

    def fitting(self, reference: Reference) -> list[str]:
        """Return the keys that the client may take."""
        return self.client.fitting(self.auths, reference)

    def credential(self, key: str) -> Credential:
        """Return what an entry holds. Raises BadEntryError."""
        return self.client.read_entry(self.auths[key])


class DockerView(_View):
    """The view of a client that reads a file as docker does."""

    def __init__(self, client: Client, config: DockerConfig) -> None:
        super().__init__(client, config.auths, config.cred_helpers, config.creds_store)
        self._config = config

    def helper(self, asked: str) -> str:
        """Return the helper, empty for none."""
        return self._config.helper(asked)


class ContainersView(_View):
    """The view of podman, skopeo and buildah. Raises MalformedFile."""

    def __init__(self, client: Client, content: FileContent, *, legacy: bool = False) -> None:
        logins = auth_file.decode(content, legacy=legacy)
        super().__init__(client, logins.auths, logins.helpers, "")

    def helper(self, asked: str) -> str:
        """Return the helper, empty for none. One with an empty name is asked, too, and fails."""
        return self.helpers[asked] or "''" if asked in self.helpers else ""


def _parts(keys: Iterable[str]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for host, slash, part in (key.partition("/") for key in keys):
        if slash:
            parts.setdefault(host, []).append(part)
    return parts
