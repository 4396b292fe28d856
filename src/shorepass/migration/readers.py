"""What docker, and what podman, skopeo and buildah make of one file: which login is sent for which image. Pure.

The answer of one file is all that has to stay as it was: what comes before and after it in a client's search does not change.
"""

from __future__ import annotations

from shorepass.clients.containers import Containers
from shorepass.clients.docker import DOCKER
from shorepass.config import auth_file, docker_config
from shorepass.config.auth_entry import BadEntryError, read_containers_entry, read_docker_entry
from shorepass.credential import ANONYMOUS, BearerToken, IdentityToken
from shorepass.helper import OURSELVES
from shorepass.names import HUB_API, HUB_REGISTRY, Reference, host_of_key, is_registry, server_url
from shorepass.shapes import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from shorepass.config.docker_config import Members
    from shorepass.contexts import FileContent
    from shorepass.credential import Credential

    Sent: TypeAlias = "frozenset[Credential | str]"
    Stored: TypeAlias = Callable[[str], Credential]

__all__ = ["ContainersReader", "DockerReader", "Reader", "on_the_wire", "references", "registries", "sent"]

INDEX = "index.docker.io"
CONTAINERS = Containers("skopeo")  # all three choose a key alike


class Reader(Protocol):
    """One client's view of a file."""

    name: str
    auths: Mapping[str, Members]
    parts: Mapping[str, list[str]]  # what stands behind HOST/ in keys of a part of a registry, by the host

    def asked(self, registry: str) -> str:
        """Return the key that a helper is asked for."""

    def helper(self, asked: str) -> str:
        """Return the helper that is asked for a key, empty for none."""

    def fitting(self, reference: Reference) -> list[str]:
        """Return the keys among which the client takes one for an image."""

    def credential(self, key: str) -> Credential:
        """Return what an entry holds. Raises BadEntryError."""


class DockerReader:
    """docker's view of its file. Raises MalformedFile."""

    name = "docker"

    def __init__(self, content: FileContent) -> None:
        self._config = docker_config.load(content)
        self.auths: Mapping[str, Members] = self._config.auths
        self.parts: Mapping[str, list[str]] = _parts(self.auths)

    def asked(self, registry: str) -> str:
        """Return the key that docker asks a helper for."""
        return server_url(registry)

    def helper(self, asked: str) -> str:
        """Return the helper, empty for none."""
        return self._config.helper(asked)

    def fitting(self, reference: Reference) -> list[str]:
        """Return the keys that docker may take."""
        return DOCKER.fitting(self.auths, reference)

    def credential(self, key: str) -> Credential:
        """Return what an entry holds."""
        return read_docker_entry(self.auths[key]).credential()


class ContainersReader:
    """The view of podman, skopeo and buildah. Raises MalformedFile."""

    name = "podman"

    def __init__(self, content: FileContent) -> None:
        logins = auth_file.decode(content)
        self.auths: Mapping[str, Members] = logins.auths
        self.parts: Mapping[str, list[str]] = _parts(self.auths)
        self._helpers = logins.helpers

    def asked(self, registry: str) -> str:
        """Return the key that a helper is asked for: the registry."""
        return registry

    def helper(self, asked: str) -> str:
        """Return the helper, empty for none. One with an empty name is asked, too, and fails."""
        return self._helpers[asked] or "''" if asked in self._helpers else ""

    def fitting(self, reference: Reference) -> list[str]:
        """Return the keys that podman may take."""
        return CONTAINERS.fitting(self.auths, reference)

    def credential(self, key: str) -> Credential:
        """Return what an entry holds."""
        return read_containers_entry(self.auths[key])


def sent(reader: Reader, reference: Reference, stored: Stored) -> Sent:
    """Return what a client may send for an image by this file: credentials, and in words a helper or an error.

    ``stored`` says what our own helper has. Where it has nothing, it is as if nobody had named it: a login that was left in the
    file when it was installed is what the client shall find.
    """
    keys = reader.fitting(reference)
    asked = reader.asked(reference.registry)
    helper = reader.helper(asked)
    own = stored(asked) if helper == OURSELVES else ANONYMOUS
    found = frozenset(_outcome(reader, key) for key in keys) or frozenset({ANONYMOUS})
    tokens = frozenset(
        one for one in found if isinstance(one, BearerToken)
    )  # docker keeps them beside a helper's answer
    if tokens or not helper or (helper == OURSELVES and own == ANONYMOUS):
        return found
    return frozenset({on_the_wire(own) if helper == OURSELVES else f"docker-credential-{helper}"})


def _outcome(reader: Reader, key: str) -> Credential | str:
    try:
        return on_the_wire(reader.credential(key))
    except BadEntryError as error:
        return str(error)


def on_the_wire(credential: Credential) -> Credential:
    """Return a credential as a helper gives it: it knows no user name beside an identity token."""
    return IdentityToken(credential.token) if isinstance(credential, IdentityToken) else credential


def registries(key: str) -> list[str]:
    """Return the registries for which a client may take a key, the one that it is named by first; none for no host."""
    hosts = (
        host_of_key(key),
        key.removeprefix("http://").removeprefix("https://").partition("/")[0],
    )  # as podman cuts it
    found = dict.fromkeys(HUB_REGISTRY if host in (INDEX, HUB_API) else host for host in hosts if is_registry(host))
    return [*found, *(host for host in dict.fromkeys(hosts) if host == HUB_API)]


def references(registry: str, reader: Reader) -> Iterator[Reference]:
    """Yield images of a registry: one for each way in which a client may choose among the keys."""
    yield Reference(registry)
    yield Reference(registry, "any")
    for part in reader.parts.get(registry, ()):
        yield Reference(registry, part)
        yield Reference(registry, f"{part}/any")


def _parts(keys: Iterable[str]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for host, slash, part in (key.partition("/") for key in keys):
        if slash:
            parts.setdefault(host, []).append(part)
    return parts
