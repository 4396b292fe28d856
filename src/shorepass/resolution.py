"""The Resolution of a reference: the credential for a client, and the steps to it."""

from enum import Enum
from typing import NamedTuple, Self

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
    """One thing that Shorepass looked at. It never has a secret.

    ``kind``: context, release, file, key, helper, entry, account, registry, token, permission, limit, clock,
    mirror, engine. ``subject``: the
    path, key or program. ``detail``: the result and its reason, one sentence in lower case. ``hint``: the command that fixes a
    problem. ``error``: the problem as an exception, for the steps that ask a registry.
    """

    kind: str
    outcome: Outcome
    subject: str
    detail: str
    hint: str | None = None
    error: ShorepassError | None = None


class Source(NamedTuple):
    """The place of a credential.

    ``path``: the config file. ``key``: the config key in it. ``helper``: the suffix of the helper that stores the credential,
    None if the file does.
    """

    path: str
    key: str
    helper: str | None = None


class Resolution(NamedTuple):
    """What ``client`` will send for ``reference`` in ``context``.

    ``reference``: the one that the client was asked for. If ``registries.conf`` names another registry for it, it is the image
    there, because that registry gets the credential.

    ``answer``: the credential, or the SourceError that prevents it. ``behaviour``: what the real client does with this error
    ("docker warns and sends an empty auth"), or "". ``source``: None if the answer is anonymous. ``alternatives``: the other
    possible answers of a client whose choice is random (docker: two keys of one host, or a file with an entry that it cannot
    decode); ``answer`` is then always the same one of them. With an error, it is what the client still sends: ANONYMOUS.
    ``mirrors``: where the image is pulled from before that, and what is sent there.
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
    mirrors: tuple[tuple[Reference, Credential], ...] = ()

    @property
    def credential(self) -> Credential:
        """The credential. Raises the SourceError if there is one."""
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer

    def beside(self, other: Self) -> Self:
        """Return one answer for two of which the client gives one at random; an error comes first."""
        first, second = self, other
        if isinstance(second.answer, SourceError):
            first, second = second, first
        answers = dict.fromkeys([*first.alternatives, second.answer, *second.alternatives])
        others = [answer for answer in answers if not isinstance(answer, SourceError) and answer != first.answer]
        return first._replace(alternatives=tuple(others))
