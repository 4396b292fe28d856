"""One call of a credential helper, as the agent gets it, and what it answers."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from shorepass.agent_client.frames import Frame, FrameError, Kind

__all__ = ["Answer", "Call", "Declined"]

VERBS = ("get", "store", "erase", "list", "version")


class Declined(Exception):
    """The agent does not answer this call; the caller runs the program itself. The text is the reason."""


class Answer(NamedTuple):
    """What a helper did. ``source``: where the answer is from, for the audit log: a store, a program, or ``memory``."""

    status: int
    output: bytes
    errors: bytes = b""
    source: str = ""

    def __repr__(self) -> str:  # because the output has a secret
        return f"Answer({self.status}, {len(self.output)} bytes, {self.source})"

    def frame(self) -> Frame:
        """Return the frame that carries it. The status is one byte, as for every program."""
        return Frame(Kind.ANSWER, (bytes([self.status & 0xFF]), self.output, self.errors))


class Call:
    """A call. ``name``: the helper's, without ``docker-credential-``. ``directory``: the caller's working directory."""

    def __init__(self, fields: tuple[bytes, ...]) -> None:
        """Read the fields of a frame. Raises FrameError."""
        if len(fields) != 5:
            raise FrameError("a call has five fields")
        name, verb, self.input, directory, variables = fields
        self._variables = b"\0" + variables
        self.name = name.decode("utf-8", "surrogateescape")
        self.verb = verb.decode("utf-8", "surrogateescape")
        self.directory = directory.decode("utf-8", "surrogateescape")
        if not self.name or "/" in self.name or "\0" in self.name:
            raise FrameError("it does not name a helper")

    @property
    def is_known(self) -> bool:
        """Whether it is a verb of the protocol."""
        return self.verb in VERBS

    @property
    def changes(self) -> bool:
        """Whether it changes logins."""
        return self.verb in ("store", "erase")

    @cached_property
    def environ(self) -> dict[str, str]:
        """The caller's variables."""
        text = self._variables.decode("utf-8", "surrogateescape")
        pairs = [entry.partition("=") for entry in text.split("\0")]
        return {name: value for name, equals, value in pairs if equals}

    def getenv(self, name: str) -> str | None:
        """Return a variable as ``environ`` has it, without reading all others."""
        before = f"\0{name}=".encode("utf-8", "surrogateescape")
        at = self._variables.rfind(before)
        if at < 0:
            return None
        start = at + len(before)
        end = self._variables.find(b"\0", start)
        value = self._variables[start:] if end < 0 else self._variables[start:end]
        return value.decode("utf-8", "surrogateescape")

    @property
    def server_url(self) -> str:
        """The registry in question, for the audit log; "" for ``list``, and for ``store``, whose input has a secret."""
        return self.input[:200].decode("utf-8", "replace").strip() if self.verb in ("get", "erase") else ""
