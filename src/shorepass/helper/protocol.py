"""The words of the credential helper protocol, both ways. No I/O.

A helper is called as ``docker-credential-NAME VERB``, reads one value from standard input and answers on standard
output; a failure is exit status 1 and a sentence on standard output, and three sentences have a fixed meaning. Sources:
docker-credential-helpers credentials/credentials.go, credentials/error.go, client/client.go; what an answer means:
docker/cli cli/config/credentials/native_store.go. JSON is read and written as Go's encoding/json does.
"""

import json
import re
from enum import StrEnum
from typing import NamedTuple

from shorepass.config import go_json
from shorepass.config.spans import JsonSyntaxError
from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import UsageError
from shorepass.secret import Secret

__all__ = [
    "FIX",
    "LIST_INPUT",
    "Answer",
    "ProtocolError",
    "Refusal",
    "Verb",
    "answer_fields",
    "as_go_writes",
    "credential_of",
    "decode_answer",
    "decode_list",
    "encode_answer",
    "encode_request",
    "program_name",
    "refusal_of",
    "says_it_was_not_there",
]

FIX = "; fix: "  # between an error and its hint: the protocol has one line for both
LIST_INPUT = b"unused"  # what docker writes to ``list``, which reads nothing

TOKEN_USERNAME = "<token>"  # noqa: S105  # the protocol's word for "the secret is an identity token"
BEARER_USERNAME = "<bearer>"  # only in `shorepass get`: the protocol has no word for a registry token

# How the helpers of pass and osxkeychain report that ``erase`` found no login.
NOTHING_TO_ERASE = ("is not in the password store", "The specified item could not be found in the keychain")


class Verb(StrEnum):
    """What a helper can be asked to do."""

    GET = "get"
    STORE = "store"
    ERASE = "erase"
    LIST = "list"
    VERSION = "version"


class Refusal(StrEnum):
    """The failures with a fixed sentence. NOT_FOUND is an answer: there is no such login."""

    NOT_FOUND = "credentials not found in native keychain"
    NO_SERVER_URL = "no credentials server URL"
    NO_USERNAME = "no credentials username"


class ProtocolError(ValueError):
    """An answer that does not follow the protocol. The text does not quote it."""


class Answer(NamedTuple):
    """What ``get`` answers and ``store`` reads, without an interpretation."""

    username: str
    secret: Secret
    server_url: str = ""


def program_name(suffix: str) -> str:
    """Return the name of a helper's program. A config file names only its suffix."""
    return f"docker-credential-{suffix}"


def refusal_of(stdout: bytes) -> Refusal | None:
    """Return the fixed sentence that a failed call printed, None if it printed something else."""
    text = stdout.decode("utf-8", "replace").strip()
    return next((refusal for refusal in Refusal if refusal == text), None)


def says_it_was_not_there(stdout: bytes) -> bool:
    """Return whether a failed ``erase`` reports that there was no login."""
    text = stdout.decode("utf-8", "replace")
    return refusal_of(stdout) is Refusal.NOT_FOUND or any(words in text for words in NOTHING_TO_ERASE)


def answer_fields(server_url: str, credential: Credential) -> dict[str, str]:
    """Return the members of what ``get`` prints: ``ServerURL``, ``Username`` and ``Secret``, with the secret in plain text."""
    username, secret = _on_the_wire(credential)
    return {"ServerURL": server_url, "Username": username, "Secret": secret.reveal()}


def encode_answer(server_url: str, credential: Credential) -> bytes:
    """Return the JSON line that ``get`` prints, byte for byte as Go writes it; what is not UTF-8 becomes U+FFFD."""
    return as_go_writes(answer_fields(server_url, credential))


def as_go_writes(fields: dict[str, str]) -> bytes:
    """Return a JSON line with exactly Go's escapes; what is not UTF-8 becomes U+FFFD."""
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":  # harmless in JSON, not in HTML and JavaScript, which Go protects here
        text = text.replace(character, f"\\u{ord(character):04x}")
    try:
        line = text.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8
        line = re.sub("[\ud800-\udfff]", r"\\ufffd", text).encode()
    return line + b"\n"


def encode_request(server_url: str, credential: Credential) -> bytes:
    """Return the input of ``store``. Raises UsageError: a helper cannot store it, or not unchanged."""
    if not isinstance(credential, Basic | IdentityToken):
        raise UsageError("a credential helper can store only passwords and identity tokens")
    request = encode_answer(server_url, credential)
    if decode_answer(request) != Answer(*_on_the_wire(credential), server_url):
        raise UsageError("a credential helper can store only UTF-8")
    return request


def _on_the_wire(credential: Credential) -> tuple[str, Secret]:
    if isinstance(credential, Basic):
        return credential.username, credential.password
    if isinstance(credential, IdentityToken):
        return TOKEN_USERNAME, credential.token
    if isinstance(credential, BearerToken):
        return BEARER_USERNAME, credential.token
    raise TypeError("an anonymous credential has no words on the wire")


def decode_answer(text: bytes) -> Answer:
    """Return what ``get`` printed, or ``store`` was given. Raises ProtocolError.

    As Go reads it into three strings: names in any case, the last of one name wins, null changes nothing, other names
    are ignored, and so is everything after the object.
    """
    try:
        fields = go_json.text_fields(_members(text), ("serverurl", "username", "secret"))
    except go_json.NotTextError as error:
        raise ProtocolError(f"it printed JSON in which {error}") from None
    return Answer(fields.get("username", ""), Secret(fields.get("secret", "")), fields.get("serverurl", ""))


def decode_list(stdout: bytes) -> dict[str, str]:
    """Return a ``list`` answer: user names by server URL. Raises ProtocolError."""
    names: dict[str, str] = {}
    for url, username in _members(stdout):
        if username is not None and not isinstance(username, str):
            raise ProtocolError("it printed JSON with something else than text in it")
        names[url] = username or ""
    return names


def credential_of(answer: Answer) -> Credential:
    """Return what an answer means to clients. An empty answer is not a login, one with half of it is."""
    if answer.username == TOKEN_USERNAME:
        return IdentityToken(answer.secret) if answer.secret else ANONYMOUS
    return Basic(answer.username, answer.secret) if answer.username or answer.secret else ANONYMOUS


def _members(text: bytes) -> tuple[tuple[str, object], ...]:
    """Return the members of the first value, an object; null has none."""
    decoded = go_json.text(text)
    try:
        value, _ = go_json.first_value(decoded)
    except JsonSyntaxError:
        reason = "it printed something else than JSON" if decoded.strip() else "it printed nothing"
        raise ProtocolError(reason) from None
    if value is not None and not isinstance(value, tuple):
        raise ProtocolError("it printed JSON that is not an object")
    return value or ()
