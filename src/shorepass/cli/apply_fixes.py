"""``shorepass doctor --fix``: show each change, ask, make it, and check whether the finding is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.contexts.command import command
from shorepass.doctor import examine, still_there
from shorepass.engine.known_errors import Kind
from shorepass.errors import ShorepassError, printable
from shorepass.fixes.apply import apply_repair
from shorepass.fixes.journal import Journal
from shorepass.fixes.preview import command as fix_command
from shorepass.fixes.preview import shown as preview_of
from shorepass.fixes.repair import Advice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.doctor.finding import Finding
    from shorepass.visit import Visit

__all__ = ["apply_fixes"]

QUESTION = "fix it? [y]es, [n]o, [a]ll, [q]uit: "
ANSWERS = {"y": "y", "yes": "y", "n": "n", "no": "n", "": "n", "a": "a", "all": "a", "q": "q", "quit": "q"}


def apply_fixes(
    examined: Sequence[tuple[Examination, list[Finding]]], *, ask: bool, show: Callable[[Finding], None]
) -> list[Finding]:
    """Fix the findings; return those that remain. Without ``ask``, make every fix that Shorepass can make.

    A fix can reveal another finding, such as a file in a folder that was not readable. That one is offered next. After the
    fixes, ``show`` prints what was not found before. If the registries are asked, their answers follow.
    """
    left = []
    standing = None if ask else "y"
    user = _User(standing)
    for examination, findings in examined:
        journal = Journal(examination.here)
        offered: set[tuple[object, ...]] = set()
        known = {finding.identity for finding in findings}
        while new := [finding for finding in findings if _offer(finding) not in offered]:
            changed: set[str] = set()
            for finding in new:
                if _is_stale(finding, changed):
                    continue  # the next round finds it again
                offered.add(_offer(finding))
                if finding.repair is None or isinstance(finding.repair, Advice) or user.has_quit:
                    continue
                shown = _show(finding)
                if shown and user.agrees() and _fix(finding, examination, journal, shown[1]):
                    changed.add(finding.repair.path)
            again = examination.afresh()
            findings = examine(again)
            if changed:
                _print_outcome(again, [finding for finding in findings if finding.identity not in known], show)
                known.update(finding.identity for finding in findings)
        left += findings
    return left


def _offer(finding: Finding) -> tuple[object, ...]:
    """Return what distinguishes one offer from another: a finding may need several fixes, one after the other."""
    return (*finding.identity, finding.repair and fix_command(finding.repair))


def _is_stale(finding: Finding, changed: set[str]) -> bool:
    """Tell whether a fix of this round has changed what another one was found for: the same file, or its folder."""
    path = getattr(finding.repair, "path", "")
    return bool(path) and any(other == path or other.startswith(f"{path}/") for other in changed)


class _User:
    """The user at the terminal. ``standing``: the answer to all further questions, ``y`` or ``n``."""

    def __init__(self, standing: str | None) -> None:
        self._standing = standing

    @property
    def has_quit(self) -> bool:
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
    """Show a change and return what ``preview.shown`` returns; None if it cannot be shown, and so is not made."""
    assert finding.repair is not None  # noqa: S101  # the caller has checked
    console.out()
    console.out(f"{finding.code}  {printable(finding.subject)}: {printable(finding.cause)}")
    try:
        change = preview_of(finding.repair)
    except ShorepassError as error:
        console.print_error(error)
        return None
    console.out_lines(change[0])
    return change


def _fix(finding: Finding, examination: Examination, journal: Journal, shown: bytes | None) -> bool:
    """Make a fix, and print whether the finding is gone; False if nothing was changed."""
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


def _print_outcome(again: Examination, new: Sequence[Finding], show: Callable[[Finding], None]) -> None:
    """Print what was not found before the fixes, and what the registries, or the engines that ask them, answer now."""
    if new or again.visits:
        console.out()
    for finding in new:
        show(finding)
    lines = dict.fromkeys(_answer(visit) for visit in again.visits)
    for line in lines:
        console.out(f"asked again: {line}")


def _answer(visit: Visit) -> str:
    """Return who asked, and what the registry answers to the login."""
    reference, failure = visit.resolution.reference, visit.failure
    is_by_engine = visit.engine is not None and visit.engine.kind is not Kind.NOT_ASKED
    asker = f"the engine ({visit.engine.name})" if visit.engine and is_by_engine else visit.resolution.client
    result = failure.detail if failure else "it works"
    return printable(f"{reference.name}, by {asker}: {result}")
