"""``shorepass doctor --fix``: show each change, ask, make it, and look whether it has helped."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.doctor.finding import Finding
    from shorepass.doctor.journal import Journal

__all__ = ["mend_all"]

QUESTION = "mend it? [y]es, [n]o, [a]ll, [q]uit: "
ANSWERS = {"y": "y", "yes": "y", "n": "n", "no": "n", "": "n", "a": "a", "all": "a", "q": "q", "quit": "q"}


def mend_all(examined: Sequence[tuple[Examination, list[Finding]]], *, ask: bool) -> list[Finding]:
    """Mend what is found; return the findings that are left. Without ``ask`` every repair that can be made is made."""
    from shorepass.doctor.journal import Journal
    from shorepass.doctor.repair import Advice

    left = []
    stopped = False
    for examination, findings in examined:
        journal = Journal(examination.here)
        for finding in findings:
            if finding.repair is None or isinstance(finding.repair, Advice) or stopped:
                left.append(finding)
                continue
            answer = _offer(finding, ask=ask)
            ask, stopped = ask and answer != "a", answer == "q"
            if answer not in "ya" or not _mend(finding, examination, journal):
                left.append(finding)
    return left


def _offer(finding: Finding, *, ask: bool) -> str:
    """Show a change; return ``y``, ``n``, ``a`` or ``q``. A change that cannot be shown is not made."""
    from shorepass.cli import print_error
    from shorepass.doctor.preview import preview
    from shorepass.errors import ShorepassError

    assert finding.repair is not None  # noqa: S101  # the caller has looked
    print(f"\n{finding.code}  {finding.subject}: {finding.cause}")
    try:
        print(preview(finding.repair), flush=True)
    except ShorepassError as error:
        print_error(error)
        return "n"
    answer = None if ask else "y"
    while answer is None:
        print(QUESTION, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        answer = ANSWERS.get(line.strip().lower()) if line else "q"
    return answer


def _mend(finding: Finding, examination: Examination, journal: Journal) -> bool:
    """Make a repair; tell whether the finding is gone."""
    from shorepass.cli import print_error
    from shorepass.doctor import still_there
    from shorepass.doctor.mend import mend
    from shorepass.errors import ShorepassError

    try:
        name = mend(finding, journal)
        there = still_there(finding, examination.afresh())
    except ShorepassError as error:
        print_error(error)
        return False
    print("still there" if there else "mended", end="")
    print(f" (to take it back: shorepass doctor --undo {name})" if name else "")
    return not there
