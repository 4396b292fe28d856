"""``shorepass doctor --fix``: show each change, ask, make it, and look whether it has helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.contexts.command import command
from shorepass.doctor import examine, still_there
from shorepass.errors import ShorepassError, printable
from shorepass.fixes.apply import apply_repair
from shorepass.fixes.journal import Journal
from shorepass.fixes.preview import command as fix_command
from shorepass.fixes.preview import shown as preview_of
from shorepass.fixes.repair import Advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.doctor.finding import Finding

__all__ = ["mend_all"]

QUESTION = "fix it? [y]es, [n]o, [a]ll, [q]uit: "
ANSWERS = {"y": "y", "yes": "y", "n": "n", "no": "n", "": "n", "a": "a", "all": "a", "q": "q", "quit": "q"}


def mend_all(examined: Sequence[tuple[Examination, list[Finding]]], *, ask: bool) -> list[Finding]:
    """Mend what is found; return the findings that are left. Without ``ask`` every repair that can be made is made.

    What comes to light only when something else is mended (a file in a folder that was closed) is offered then.
    """
    left = []
    person = _Person(standing=None if ask else "y")
    for examination, findings in examined:
        journal = Journal(examination.here)
        offered: set[tuple[object, ...]] = set()
        while new := [finding for finding in findings if _offer(finding) not in offered]:
            changed: set[str] = set()
            for finding in new:
                if _is_stale(finding, changed):
                    continue  # it is found again, as it is now
                offered.add(_offer(finding))
                if finding.repair is None or isinstance(finding.repair, Advice) or person.gone:
                    continue
                shown = _show(finding)
                if shown and person.agrees() and _mend(finding, examination, journal, shown[1]):
                    changed.add(finding.repair.path)
            findings = examine(examination.afresh())
        left += findings
    return left


def _offer(finding: Finding) -> tuple[object, ...]:
    """Return what tells one offer from another: a finding may take several repairs, one behind the other."""
    return (*finding.identity, finding.repair and fix_command(finding.repair))


def _is_stale(finding: Finding, changed: set[str]) -> bool:
    """Tell whether a fix of this round has changed what another one was found for: the same file, or its folder."""
    path = getattr(finding.repair, "path", "")
    return bool(path) and any(other == path or other.startswith(f"{path}/") for other in changed)


class _Person:
    """Somebody at the terminal. ``standing``: the answer to all further questions, ``y`` or ``n``."""

    def __init__(self, standing: str | None) -> None:
        self._standing = standing

    @property
    def gone(self) -> bool:
        return self._standing == "n"

    def agrees(self) -> bool:
        answer = self._standing
        while answer is None:
            line = console.question(QUESTION)
            answer = ANSWERS.get(line.strip().lower()) if line else "q"
        if answer in "aq":
            self._standing = answer = {"a": "y", "q": "n"}[answer]
        return answer == "y"


def _show(finding: Finding) -> tuple[str, bytes | None] | None:
    """Show a change beforehand, and return what ``preview.shown`` does; None where it cannot be shown, and so is not made."""
    assert finding.repair is not None  # noqa: S101  # the caller has looked
    console.out()
    console.out(f"{finding.code}  {printable(finding.subject)}: {printable(finding.cause)}")
    try:
        change = preview_of(finding.repair)
    except ShorepassError as error:
        console.print_error(error)
        return None
    console.out_lines(change[0])
    return change


def _mend(finding: Finding, examination: Examination, journal: Journal, shown: bytes | None) -> bool:
    """Make a repair, and say whether the finding is gone; False where nothing was changed."""
    try:
        name = apply_repair(finding, journal, shown)
        there = still_there(finding, examination.afresh())
    except ShorepassError as error:
        console.print_error(error)
        return False
    outcome = "still there" if there else "fixed"
    undo = f" (to undo: {command(None, 'doctor', '--undo', name)})" if name else ""
    console.out(outcome + undo)
    return name is not None
