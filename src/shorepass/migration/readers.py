"""What docker, and what podman, skopeo and buildah make of one file: which login is sent for which image. Pure.

Only the answer of one file must not change, because the other files of a client's search do not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.config.auth_entry import BadEntryError
from shorepass.credential import ANONYMOUS, BearerToken, IdentityToken
from shorepass.helper import OURSELVES
from shorepass.names import HUB_API, HUB_REGISTRY, Reference, host_of_key, is_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from shorepass.clients.views import FileView
    from shorepass.credential import Credential

    Sent: TypeAlias = "frozenset[Credential | str]"
    Stored: TypeAlias = Callable[[str], Credential]

__all__ = ["on_the_wire", "references", "registries", "sent"]

INDEX = "index.docker.io"


def sent(reader: FileView, reference: Reference, stored: Stored) -> Sent:
    """Return what a client may send for an image by this file: credentials, and in words a helper or an error.

    ``stored`` returns what Shorepass's helper has. If it has no login, it does not count: a login that was left in the
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
    if helper == OURSELVES:
        return frozenset({on_the_wire(own)})
    return frozenset({f"docker-credential-{helper}"})


def _outcome(reader: FileView, key: str) -> Credential | str:
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
    meant = {INDEX: HUB_REGISTRY, HUB_API: HUB_REGISTRY}
    found = dict.fromkeys(meant.get(host, host) for host in hosts if is_registry(host))
    return [*found, *(host for host in dict.fromkeys(hosts) if host == HUB_API)]


def references(registry: str, reader: FileView) -> Iterator[Reference]:
    """Yield images of a registry: one for each way in which a client may choose among the keys."""
    yield Reference(registry)
    yield Reference(registry, "any")
    for part in reader.parts.get(registry, ()):
        yield Reference(registry, part)
        yield Reference(registry, f"{part}/any")
