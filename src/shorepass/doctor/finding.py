"""A Finding: one problem with the logins of a context, and its fix."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from shorepass.fixes.repair import Repair

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Finding", "Severity", "merged"]


class Severity(Enum):
    """The worst first.

    ``error``: a client fails or does something else than its user believes. ``warning``: it will, or a secret is at risk.
    ``note``: worth knowing, and perhaps intended. A context that has only notes counts as healthy.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """Never holds a secret.

    ``code``: ``SP101``; ``docs/findings/SP101.md`` is its page. ``context``: the name of the context. ``subject``: what it
    is about (a path, a key, a program, a registry); code, context and subject together are its ``identity``. ``cause``:
    one sentence, lower case, no full stop; printed behind the subject and a colon. ``evidence``: facts that were seen,
    one per line. ``repair``: the fix, or None. ``follows``: code and subject of each finding that has this one as its cause.
    ``below``: a folder whose closed files have this one as their cause, "" for none.
    """

    code: str
    severity: Severity
    context: str
    subject: str
    cause: str
    evidence: tuple[str, ...] = ()
    repair: Repair | None = None
    follows: tuple[tuple[str, str], ...] = ()
    below: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it the same finding when it is looked for again."""
        return self.code, self.context, self.subject


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding for those that several clients share: the worst, with the evidence of all."""
    found: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        first = found.setdefault(finding.identity, finding)
        if first is not finding:
            evidence = tuple(dict.fromkeys(first.evidence + finding.evidence))
            worst = min(first, finding, key=lambda one: list(Severity).index(one.severity))
            found[finding.identity] = worst._replace(evidence=evidence)
    return list(found.values())
