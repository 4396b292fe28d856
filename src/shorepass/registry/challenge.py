"""WWW-Authenticate: what a registry asks for, by RFC 9110 section 11 and as real registries write it.

Real registries send several header lines, several challenges on one line, schemes in any case, values
without quotes (even URLs), Go's ``%q`` escapes, and nothing at all after the scheme. The parser accepts all that and
never raises: what it cannot read becomes a challenge with a ``problem``, so that a good one beside it still counts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Challenge", "choose", "parse_challenges"]

LINE_LIMIT = 16 * 1024  # characters of all lines together: registries send 200
CHALLENGE_LIMIT = 16
PARAMETER_LIMIT = 32

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_TOKEN68 = frozenset("-._~+/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BLANK = " \t"


class Challenge(NamedTuple):
    """One challenge. ``scheme`` and parameter names are lower case. ``problem``: why it cannot be used, or ``""``."""

    scheme: str
    params: Mapping[str, str]
    token68: str = ""
    problem: str = ""

    def get(self, name: str) -> str:
        """Return a parameter, ``""`` when it is absent or empty: registries use both alike."""
        return self.params.get(name, "")


def parse_challenges(header_lines: Sequence[str]) -> list[Challenge]:
    """Return the challenges of all header lines, in order. Never raises."""
    challenges: list[Challenge] = []
    room = LINE_LIMIT
    for line in header_lines:
        if len(line) > room:
            challenges.append(Challenge("", {}, problem=f"longer than {LINE_LIMIT} characters"))
            break
        room -= len(line)
        challenges += _Line(line).challenges()
        if len(challenges) > CHALLENGE_LIMIT:
            break
    return challenges[:CHALLENGE_LIMIT]


def choose(challenges: Sequence[Challenge]) -> Challenge | None:
    """Return the challenge to answer: the first usable Bearer (it needs a realm), else the first Basic, else None."""
    usable = [c for c in challenges if not c.problem]
    bearer = (c for c in usable if c.scheme == "bearer" and c.get("realm"))
    basic = (c for c in usable if c.scheme == "basic")
    return next(bearer, None) or next(basic, None)


class _Line:
    """One header line and a position in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def challenges(self) -> list[Challenge]:
        found: list[Challenge] = []
        while len(found) <= CHALLENGE_LIMIT:
            self._skip(_BLANK + ",")
            if self._at >= len(self._text):
                break
            challenge = self._challenge()
            found.append(challenge)
            if challenge.problem:
                break  # because the beginning of the next challenge is unknown
        return found

    def _challenge(self) -> Challenge:
        scheme = self._run(_TOKEN).lower()
        if not scheme:
            return Challenge("", {}, problem="no scheme where one must be")
        if self._at < len(self._text) and self._text[self._at] not in _BLANK + ",":
            return Challenge(scheme, {}, problem="no blank after the scheme")
        self._skip(_BLANK)
        token68 = self._token68()
        if token68:
            return Challenge(scheme, {}, token68)
        params: dict[str, str] = {}
        while True:
            name = self._parameter_name()
            if not name:
                return Challenge(scheme, params)
            value = self._quoted() if self._peek() == '"' else self._unquoted()
            if value is None:
                return Challenge(scheme, params, problem="a quoted value does not end where it must")
            if params.setdefault(name, value) != value:
                return Challenge(scheme, params, problem=f"{name} is there twice, with two values")
            if len(params) > PARAMETER_LIMIT:
                return Challenge(scheme, params, problem=f"more than {PARAMETER_LIMIT} parameters")

    def _token68(self) -> str:
        """Take a token68 if the whole element is one: ``Negotiate abc==``, but not the ``realm=`` of ``realm="x"``."""
        start = self._at
        text = self._run(_TOKEN68)
        padded = text + self._run(frozenset("="))
        self._skip(_BLANK)
        if text and self._peek() in ("", ","):
            return padded
        self._at = start
        return ""

    def _parameter_name(self) -> str:
        """Take ``name =`` if that is next, past any commas; otherwise stay: the next scheme begins here."""
        start = self._at
        self._skip(_BLANK + ",")
        name = self._run(_TOKEN).lower()
        self._skip(_BLANK)
        if name and self._peek() == "=":
            self._at += 1
            self._skip(_BLANK)
            return name
        self._at = start
        return ""

    def _quoted(self) -> str | None:
        """Take a quoted string; None when it has no end, or more follows at once. A backslash quotes what follows it."""
        self._at += 1
        value: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if character == '"':
                return "".join(value) if self._peek() in ("", " ", "\t", ",") else None
            if character == "\\" and self._at < len(self._text):
                character = self._text[self._at]
                self._at += 1
            value.append(character)
        return None

    def _unquoted(self) -> str:
        """Take all up to a comma or blank: more than a token may hold, because URLs come without quotes, too."""
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in _BLANK + ",":
            self._at += 1
        return self._text[start : self._at]

    def _run(self, characters: frozenset[str]) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in characters:
            self._at += 1
        return self._text[start : self._at]

    def _skip(self, characters: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in characters:
            self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]
