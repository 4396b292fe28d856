"""One call of the protocol, answered as a helper from a store. No I/O.

Source: docker-credential-helpers credentials/credentials.go (``Serve``, ``HandleCommand``). Standard input
is read as lines, which are joined without their ends. A failure is exit status 1, and its text is on standard output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.config import go_json
from shorepass.credential import Anonymous
from shorepass.errors import ShorepassError
from shorepass.helper import protocol
from shorepass.helper.protocol import ProtocolError, Refusal, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from shorepass.credential import Credential

    class Keeper(Protocol):
        """The four verbs of a ``stores.Store``."""

        def get(self, key: str) -> Credential: ...
        def store(self, key: str, credential: Credential) -> None: ...
        def erase(self, key: str) -> bool: ...
        def list(self) -> dict[str, str]: ...


__all__ = ["INPUT_LIMIT", "answer", "complaint", "serve"]

INPUT_LIMIT = 4 * 1024 * 1024  # bytes; docker's own helpers stop at 64 KiB, and the longest tokens have some 20
# If these fail, docker silently continues without a login. It prints the helper's standard error.
UNHEARD = (["get"], ["erase"], ["list"])
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def serve(
    name: str, words: Sequence[str], read: Callable[[int], bytes], open_store: Callable[[], Keeper], version: str
) -> tuple[int, bytes]:
    """Answer one call. Return the exit status and the standard output.

    ``name`` is the program's, ``words`` what follows it on the command line. ``read`` reads at most so many bytes of standard
    input. ``version`` is the answer to ``version``.
    """
    usage = f"Usage: {name} <store|get|erase|list|version>"
    if len(words) != 1:
        return 1, _line(usage)
    try:
        match words[0]:
            case Verb.STORE | Verb.GET | Verb.ERASE | Verb.LIST:
                return answer(words[0], read, open_store)
            case Verb.VERSION | "--version" | "-v":
                return 0, _line(version)
            case "--help" | "-h":
                return 0, _line(usage)
    except ShorepassError as error:
        fix = f"{protocol.FIX}{error.hint}" if error.hint else ""
        return 1, _line(error.message + fix)
    except ProtocolError as error:
        return 1, _line(str(error).replace("it printed", "standard input holds"))
    return 1, _line(f"{name}: unknown action: {words[0]}")


def complaint(words: Sequence[str], status: int, output: bytes) -> str:
    """Return what a helper also says on standard error, because clients do not print the output of these failures."""
    if status and list(words) in UNHEARD and protocol.refusal_of(output) is None:
        return output.decode().strip()
    return ""


def answer(verb: str, read: Callable[[int], bytes], open_store: Callable[[], Keeper]) -> tuple[int, bytes]:
    """Answer ``store``, ``get``, ``erase`` or ``list``. See ``serve``. Raises ShorepassError, ProtocolError."""
    match verb:
        case Verb.STORE:
            return _store(_input(read), open_store)
        case Verb.GET:
            return _get(_input(read), open_store)
        case Verb.ERASE:
            return _erase(_input(read), open_store)
    return 0, protocol.as_go_writes(dict(sorted(open_store().list().items())))


def _store(given: bytes, open_store: Callable[[], Keeper]) -> tuple[int, bytes]:
    answer = protocol.decode_answer(given)
    if not answer.server_url:
        return _refuse(Refusal.NO_SERVER_URL)
    if not answer.username:
        return _refuse(Refusal.NO_USERNAME)
    open_store().store(answer.server_url, protocol.credential_of(answer))
    return 0, b""


def _get(given: bytes, open_store: Callable[[], Keeper]) -> tuple[int, bytes]:
    key = _key(given)
    if not key:
        return _refuse(Refusal.NO_SERVER_URL)
    found = open_store().get(key)
    if isinstance(found, Anonymous):
        return _refuse(Refusal.NOT_FOUND)
    return 0, protocol.encode_answer(key, found)


def _erase(given: bytes, open_store: Callable[[], Keeper]) -> tuple[int, bytes]:
    key = _key(given)
    if not key:
        return _refuse(Refusal.NO_SERVER_URL)
    # Exit status 0, as the secret-service helper's: podman 4.3 overflows its stack if a helper fails with these
    # words, and docker warns although the logout succeeded.
    return 0, b"" if open_store().erase(key) else _line(Refusal.NOT_FOUND)


def _input(read: Callable[[int], bytes]) -> bytes:
    """Return standard input as Go's line scanner leaves it: without line ends."""
    data = read(INPUT_LIMIT + 1)
    if len(data) > INPUT_LIMIT:
        raise ProtocolError(f"it printed more than {INPUT_LIMIT} bytes")
    return b"".join(line.removesuffix(b"\r") for line in data.split(b"\n"))


def _key(given: bytes) -> str:
    return go_json.text(given).strip(WHITE_SPACE)


def _refuse(refusal: Refusal) -> tuple[int, bytes]:
    return 1, _line(refusal)


def _line(text: str) -> bytes:
    return text.encode("utf-8", "replace") + b"\n"
