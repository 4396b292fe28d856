"""Findings and their fixes: the problems with the logins of a context.

Each module of checks has ``CODES`` (code to title) and ``check(examination)``, which yields findings. A check never raises
for what it examines: broken is what it looks for. Checks that need a registry find nothing when ``examination.access`` is None.
A code has one page, ``docs/findings/CODE.md``, with the code's title as its heading.

A run: ``examine`` one context. For each finding with a fix, ``preview`` the change and make it (the ``journal`` keeps what
``--undo`` needs). Then look whether the finding is ``still_there``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import ContextError, FileError, SourceError

if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "MODULES", "examine", "still_there", "title"]

# files SP1xx, helpers SP2xx, entries SP3xx, environment SP4xx, registries SP5xx, containers SP6xx, agent SP7xx, grants SP8xx
MODULES: tuple[str, ...] = (
    "owners_and_modes",
    "broken_files",
    "helper_programs",
    "helper_answers",
    "cloud_logins",
    "helper_elsewhere",
    "entries",
    "keys",
    "unread",
    "unresolved",
    "environment",
    "home",
    "docker_context",
    "other_home",
    "lasting",
    "registries",
    "containers",
    "own_places",
    "agent",
    "grants",
    "grants_inside",
)

CODES = {"SP100": "A stored login cannot be read, and no check knows why"}


def examine(examination: Examination) -> list[Finding]:
    """Run every check on one context. The worst findings are first, then the order is that of the codes.

    An error that stops a check is a finding too: SP100, unless another check names that file. Raises ContextError: the
    context cannot be looked into at all.
    """
    found: list[Finding] = []
    failed_checks: list[Finding] = []
    for name in MODULES:
        try:
            found += import_module(f"shorepass.doctor.checks.{name}").check(examination)
        except ContextError:
            raise
        except SourceError as error:
            subject = error.path if isinstance(error, FileError) else name
            failed_checks.append(Finding("SP100", Severity.ERROR, examination.context.name, subject, error.message))
    follows: dict[tuple[str, str], Finding] = {}
    for finding in found:
        follows.update(dict.fromkeys(finding.follows, finding))
    folders = [finding.below.rstrip("/") + "/" for finding in found if finding.below]
    found = [finding for finding in found if not _is_folded(finding, follows)]
    named = {finding.subject for finding in found}
    found += [finding for finding in failed_checks if finding.subject not in named]
    found = [finding for finding in found if not finding.subject.startswith(tuple(folders))]
    order = list(Severity)
    return sorted(found, key=lambda finding: (order.index(finding.severity), finding.code, finding.subject))


def _is_folded(finding: Finding, follows: dict[tuple[str, str], Finding]) -> bool:
    """Return whether a finding only follows from another one, which is at least as bad."""
    cause = follows.get((finding.code, finding.subject))
    return cause is not None and list(Severity).index(cause.severity) <= list(Severity).index(finding.severity)


def still_there(finding: Finding, examination: Examination) -> bool:
    """Return whether the check of a finding finds it again, on a fresh ``examination``."""
    for name in MODULES:
        module = import_module(f"shorepass.doctor.checks.{name}")
        if finding.code in module.CODES:
            return any(again.identity == finding.identity for again in module.check(examination))
    return True


def title(code: str) -> str | None:
    """Return the title of a code, None for an unknown code."""
    return codes().get(code)


def codes() -> dict[str, str]:
    """Return each code with its title, in the order of the codes."""
    found = dict(CODES)
    for name in MODULES:
        found |= import_module(f"shorepass.doctor.checks.{name}").CODES
    return dict(sorted(found.items()))
