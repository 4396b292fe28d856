"""One auth config, an entry of ``auths``: from what is written in a client's file to a credential, and back.

Sources: docker/cli ``cli/config/configfile/file.go`` (decodeAuth, encodeAuth) and ``cli/config/types/authconfig.go``.
"""

import binascii
from collections.abc import Iterable
from typing import Any, NamedTuple

from shorepass.config.go_json import NotTextError, text_fields
from shorepass.config.go_json import text as go_text
from shorepass.credential import ANONYMOUS, Anonymous, Basic, BearerToken, Credential, IdentityToken
from shorepass.secret import Secret

__all__ = [
    "SINCE_29",
    "STRICTEST",
    "AuthConfig",
    "BadEntryError",
    "Dialect",
    "decode_auth",
    "read_containers_entry",
    "read_docker_entry",
    "write_entry",
]

NO_SECRET = Secret("")
DOCKER_FIELDS = frozenset(("username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken"))
CONTAINERS_FIELDS = frozenset(("auth", "identitytoken"))


class BadEntryError(ValueError):
    """An entry that its client refuses. The text says why, without the secret."""


class Dialect(NamedTuple):
    """What differs between the programs, and the releases, that read docker's file.

    ``nobody`` lets an empty user name in ``auth`` pass (docker 20.10). ``retired``: lower-case names of fields that are not
    known, no longer or not yet, so that any value passes. ``raw``: the bytes of ``auth`` are sent as they are; else those that
    are not UTF-8 become U+FFFD, one each.
    """

    nobody: bool = False
    retired: frozenset[str] = frozenset()
    raw: bool = False


STRICTEST = Dialect()  # it knows the fields of every release: a file that it finds sound is sound to all
SINCE_29 = Dialect(retired=frozenset(("kubernetes", "stackorchestrator", "experimental", "email")))


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


def read_docker_entry(
    members: Iterable[tuple[str, Any]], *, nobody: bool = False, dialect: Dialect = SINCE_29
) -> AuthConfig:
    """Return what docker makes of an entry; ``members`` as they are written in the file, repetitions included.

    ``auth``, where it is not empty, replaces ``username`` and ``password``. ``nobody`` is as in ``Dialect``.
    Raises BadEntryError.
    """
    try:
        fields = text_fields(members, DOCKER_FIELDS - dialect.retired)
    except NotTextError as error:
        raise BadEntryError(str(error)) from None
    username, password = fields.get("username", ""), fields.get("password", "")
    if fields.get("auth"):
        username, password = decode_auth(fields["auth"], nobody=nobody or dialect.nobody, raw=dialect.raw)
    return AuthConfig(
        username, Secret(password), Secret(fields.get("identitytoken", "")), Secret(fields.get("registrytoken", ""))
    )


def decode_auth(auth: str, *, nobody: bool = False, raw: bool = False) -> tuple[str, str]:
    """Return user name and password of a base64 ``user:password``, cut at the first colon. Raises BadEntryError.

    Go's decoder passes over line ends and demands the padding; docker trims NULs off the password. Bytes that are
    not UTF-8 become U+FFFD, one each, because docker sends the text on as JSON; ``raw``: they are kept (``Dialect``).
    """
    username, colon, password = _decode_base64(auth).partition(b":")
    if not colon:
        raise BadEntryError('"auth" has no colon between user name and password')
    if not username and not nobody:
        raise BadEntryError('"auth" has no user name')
    text = _raw_text if raw else go_text
    return text(username), text(password.strip(b"\0"))


def _decode_base64(text: str) -> bytes:
    text = text.replace("\r", "").replace("\n", "")
    try:
        if not _is_padded(text):
            raise ValueError
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise BadEntryError('"auth" is not base64') from None


def _is_padded(text: str) -> bool:
    """Tell whether base64 has the right length. Python's strict decoder puts up with superfluous padding."""
    return len(text) % 4 == 0 and not text.endswith("===")


def read_containers_entry(members: Iterable[tuple[str, Any]]) -> Credential:
    """Return what podman, skopeo and buildah read in an entry: ``auth`` and ``identitytoken``, nothing else.

    ``auth`` without a colon is never a credential, whatever else is there. Raises BadEntryError: bad base64, or
    something else than text in a field that is read. Source: containers/image pkg/docker/config/config.go.
    """
    try:
        fields = text_fields(members, CONTAINERS_FIELDS)
    except NotTextError as error:
        raise BadEntryError(str(error)) from None
    username, colon, password = _decode_base64(fields.get("auth", "")).partition(b":")
    password = password.strip(b"\0")
    if not colon:
        return ANONYMOUS
    if token := fields.get("identitytoken"):
        return IdentityToken(Secret(token), _raw_text(username))
    return Basic(_raw_text(username), Secret(_raw_text(password))) if username or password else ANONYMOUS


def _raw_text(data: bytes) -> str:
    """Return bytes as text that becomes the same bytes again: Basic authentication sends them as they are."""
    return data.decode(errors="surrogateescape")


def write_entry(credential: Credential, *, docker: bool = True) -> dict[str, str]:
    """Return the entry that a client writes for a credential; ``docker``: into docker's file, which podman may read, too.

    For an identity token without a user name there is no entry that both read: docker takes no ``auth`` with an empty
    user name, and podman no entry without ``auth``.
    """
    match credential:
        case Basic(username, password):
            return {"auth": _encode_auth(username, password)}
        case IdentityToken(token, username):
            auth = {"auth": _encode_auth(username, NO_SECRET)} if username or not docker else {}
            return {**auth, "identitytoken": token.reveal()}
        case BearerToken(token):
            return {"registrytoken": token.reveal()}
        case Anonymous():
            return {}


def _encode_auth(username: str, password: Secret) -> str:
    text = f"{username}:{password.reveal()}"
    return binascii.b2a_base64(text.encode(errors="surrogateescape"), newline=False).decode()
