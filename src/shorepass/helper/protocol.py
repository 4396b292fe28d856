"""The words of the credential helper protocol, both ways. No I/O.

Source: docker-credential-helpers credentials/credentials.go, credentials/error.go, client/client.go. A helper is
called ``docker-credential-NAME VERB`` and reads one value from standard input; it answers on standard output, and
failures are text there with exit status 1.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from shorepass.credential import Anonymous, Basic, BearerToken, IdentityToken
from shorepass.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.credential import Credential

__all__ = [
    "NOT_FOUND",
    "NO_SERVER_URL",
    "NO_USERNAME",
    "Answer",
    "ProtocolError",
    "credential_of",
    "decode_answer",
    "decode_list",
    "encode_answer",
    "program_name",
]

NOT_FOUND = "credentials not found in native keychain"
NO_SERVER_URL = "no credentials server URL"
NO_USERNAME = "no credentials username"

TOKEN_USERNAME = "<token>"  # noqa: S105  # the protocol's word for "the secret is an identity token"
BEARER_USERNAME = "<bearer>"  # ours, for `get` alone: the protocol has no word for a registry token

PREFIX = "docker-credential-"


class ProtocolError(ValueError):
    """An answer that is not what the protocol says. The text quotes nothing of it."""


class Answer(NamedTuple):
    """What ``get`` answered, before anybody gave it a meaning."""

    username: str
    secret: Secret


def program_name(suffix: str) -> str:
    """Return the name of a helper's program."""
    return PREFIX + suffix


def encode_answer(server_url: str, credential: Credential) -> bytes:
    """Return the JSON line of a ``get`` answer, which is also what ``store`` is given."""
    username, secret = _on_the_wire(credential)
    fields = {"ServerURL": server_url, "Username": username, "Secret": secret.reveal()}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":  # Go's encoder writes these so
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace") + b"\n"


def _on_the_wire(credential: Credential) -> tuple[str, Secret]:
    if isinstance(credential, Basic):
        return credential.username, credential.password
    if isinstance(credential, IdentityToken):
        return TOKEN_USERNAME, credential.token
    if isinstance(credential, BearerToken):
        return BEARER_USERNAME, credential.token
    raise TypeError("an anonymous credential has no words on the wire")


def decode_answer(stdout: bytes) -> Answer:
    """Return a ``get`` answer: names without regard to case, unknown ones ignored, null as empty. Raises ProtocolError."""
    fields = {name.lower(): value for name, value in _object(stdout).items()}
    username, secret = (_text(fields.get(name)) for name in ("username", "secret"))
    return Answer(username, Secret(secret))


def decode_list(stdout: bytes) -> dict[str, str]:
    """Return a ``list`` answer: user names by server URL. Raises ProtocolError."""
    return {url: _text(username) for url, username in _object(stdout).items()}


def credential_of(answer: Answer) -> Credential:
    """Return what an answer means."""
    if answer.username == TOKEN_USERNAME:
        return IdentityToken(answer.secret)
    if not answer.username and not answer.secret:
        return Anonymous()
    return Basic(answer.username, answer.secret)


def _object(stdout: bytes) -> dict[str, Any]:
    text = stdout.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        value = json.JSONDecoder().raw_decode(text)[0]  # as Go's Decoder: what follows the first value is not read
    except (ValueError, RecursionError):
        raise ProtocolError("it printed something else than JSON") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtocolError("it printed JSON that is not an object")
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ProtocolError("it printed an object with something else than text in it")
    return value
