"""A Resolution: the credential a client will use for a reference in a context, and every step that led to it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from shorepass.credential import Credential
from shorepass.errors import ShorepassError, SourceError
from shorepass.names import Reference

__all__ = ["Outcome", "Resolution", "Source", "Step"]


class Outcome(Enum):
    """How one step ended."""

    OK = "ok"
    SKIPPED = "skipped"
    FAILED = "failed"


class Step(NamedTuple):
    """One thing that was looked at. Never holds a secret.

    ``kind``: context, release, file, key, helper, entry, account, registry, token, permission, limit, clock. ``subject``: what
    was looked at (a path, a key, a program). ``detail``: what came of it and why, one sentence in lower case. ``hint``: the
    command that mends it, where something is wrong. ``error``: the same as a type, where a registry was asked.
    """

    kind: str
    outcome: Outcome
    subject: str
    detail: str
    hint: str | None = None
    error: ShorepassError | None = None


class Source(NamedTuple):
    """Where the credential rests: ``path`` of the config file, ``key`` in it, and the ``helper`` suffix if one holds it."""

    path: str
    key: str
    helper: str | None = None


class Resolution(NamedTuple):
    """What ``client`` will send for ``reference`` in ``context``.

    ``reference`` is what the client was asked for, except where containers' ``registries.conf`` sends it elsewhere: then
    it is the image there, to whose registry the credential goes.

    ``answer`` is the credential, or the SourceError that keeps the client from having one. ``behaviour`` says in words what
    the real client does in the error case ("docker warns and sends an empty auth"), or "" . ``source`` is None
    when the answer is anonymous. ``alternatives`` holds the other answers a client that tosses a coin could give (docker: two
    keys of one host, or a file with an entry that it cannot decode); ``answer`` is then one of them, always the same. Beside an
    error it is what the client sends nevertheless: ANONYMOUS.
    """

    context: str
    client: str
    reference: Reference
    server_url: str
    answer: Credential | SourceError
    steps: tuple[Step, ...]
    source: Source | None = None
    behaviour: str = ""
    alternatives: tuple[Credential, ...] = ()

    @property
    def credential(self) -> Credential:
        """The credential. Raises the SourceError when a source is broken: broken is never "not logged in"."""
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer
