"""One auth config, an entry of ``auths``: from what stands in a client's file to a credential, and back.

Sources: docker/cli ``cli/config/configfile/file.go`` (decodeAuth, encodeAuth) and ``cli/config/types/authconfig.go``.
"""

from __future__ import annotations

import binascii
from typing import Any, NamedTuple

from shorepass.credential import ANONYMOUS, Anonymous, Basic, BearerToken, Credential, IdentityToken
from shorepass.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["AuthConfig", "BadEntryError", "decode_auth", "read_containers_entry", "read_docker_entry", "write_entry"]

NO_SECRET = Secret("")
DOCKER_FIELDS = frozenset(
    ("username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken")
)


class BadEntryError(ValueError):
    """An entry that its client refuses. The text says why, without the secret."""


class AuthConfig(NamedTuple):
    """What docker knows of one registry: all that its file or its helper said, before the daemon chooses."""

    username: str = ""
    password: Secret = NO_SECRET
    identity_token: Secret = NO_SECRET
    registry_token: Secret = NO_SECRET

    def credential(self) -> Credential:
        """Return what the daemon uses of it (moby ``registry/auth.go``, ``distribution/registry.go``).

        A registry token is taken before an identity token, that before user name and password, and these only
        when neither is empty.
        """
        if self.registry_token:
            return BearerToken(self.registry_token)
        if self.identity_token:
            return IdentityToken(self.identity_token, self.username)
        if self.username and self.password:
            return Basic(self.username, self.password)
        return ANONYMOUS


def go_field(name: str) -> str:
    """Return the spelling by which Go's JSON decoder finds a struct field: case does not count.

    ``lower`` also turns the Kelvin sign into ``k``, as Go does; the long s it leaves alone, and Go does not.
    """
    return name.lower().replace("\u017f", "s")


def docker_fields(members: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return an entry's text fields as Go decodes them: the last one that is not null counts.

    Raises BadEntryError when a field that docker knows is not a text.
    """
    fields: dict[str, str] = {}
    for name, value in members:
        field = go_field(name)
        if field in DOCKER_FIELDS and value is not None:
            if not isinstance(value, str):
                raise BadEntryError(f'"{field}" is not a text')
            fields[field] = value
    return fields


def read_docker_entry(members: Iterable[tuple[str, Any]]) -> AuthConfig:
    """Return what docker makes of an entry; ``members`` as they stand in the file, repetitions included.

    ``auth``, where it is not empty, replaces ``username`` and ``password``. Raises BadEntryError.
    """
    fields = docker_fields(members)
    username, password = fields.get("username", ""), fields.get("password", "")
    if fields.get("auth"):
        username, password = decode_auth(fields["auth"])
    return AuthConfig(
        username, Secret(password), Secret(fields.get("identitytoken", "")), Secret(fields.get("registrytoken", ""))
    )


def decode_auth(auth: str) -> tuple[str, str]:
    """Return user name and password of a base64 ``user:password``, cut at the first colon. Raises BadEntryError.

    Go's decoder passes over line ends and demands the padding; docker trims NULs off the password. Bytes that are
    not UTF-8 become U+FFFD, one each, because docker sends the text on as JSON.
    """
    username, colon, password = _decode_base64(auth).partition(b":")
    if not colon:
        raise BadEntryError('"auth" has no colon between user name and password')
    if not username:
        raise BadEntryError('"auth" has no user name')
    return go_text(username), go_text(password.strip(b"\0"))


def _decode_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.replace("\r", "").replace("\n", ""), strict_mode=True)
    except ValueError:
        raise BadEntryError('"auth" is not base64') from None


def go_text(data: bytes) -> str:
    """Return bytes as text, each that is not UTF-8 as one U+FFFD: what Go's JSON encoder makes of them."""
    text = data.decode(errors="surrogateescape")
    if text.isascii():
        return text
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def read_containers_entry(entry: Mapping[str, object]) -> Credential:
    """Return what podman, skopeo and buildah read in an entry: ``auth`` and ``identitytoken``, nothing else.

    ``auth`` without a colon is no credential at all, whatever else is there. Raises BadEntryError: bad base64, or
    something else than text in a field that is read. Source: containers/image pkg/docker/config/config.go.
    """
    fields = {go_field(name): value for name, value in entry.items() if value is not None}
    auth, token = fields.get("auth", ""), fields.get("identitytoken", "")
    if not isinstance(auth, str) or not isinstance(token, str):
        raise BadEntryError('"auth" or "identitytoken" is not a text')
    username, colon, password = _decode_base64(auth).partition(b":")
    secret = password.strip(b"\0")
    if token and colon:
        return IdentityToken(Secret(token), go_text(username))
    if not username and not secret:
        return ANONYMOUS
    return Basic(_raw_text(username), Secret(_raw_text(secret))) if colon else ANONYMOUS


def _raw_text(data: bytes) -> str:
    """Return bytes as text that becomes the same bytes again: Basic authentication sends them as they are."""
    return data.decode(errors="surrogateescape")


def write_entry(credential: Credential) -> dict[str, str]:
    """Return the entry that a client writes for a credential."""
    match credential:
        case Basic(username, password):
            return {"auth": _encode_auth(username, password)}
        case IdentityToken(token, username):
            auth = {"auth": _encode_auth(username, NO_SECRET)} if username else {}
            return {**auth, "identitytoken": token.reveal()}
        case BearerToken(token):
            return {"registrytoken": token.reveal()}
        case Anonymous():
            return {}


def _encode_auth(username: str, password: Secret) -> str:
    text = f"{username}:{password.reveal()}"
    return binascii.b2a_base64(text.encode(errors="surrogateescape"), newline=False).decode()
