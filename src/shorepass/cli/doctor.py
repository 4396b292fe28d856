"""``shorepass doctor``: what is wrong with the logins of a place, and what mends it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from shorepass.cli import console, place
from shorepass.cli.mending import mend_all
from shorepass.clients import NAMES
from shorepass.contexts.command import command
from shorepass.doctor import codes, examine, title
from shorepass.doctor.examination import Examination
from shorepass.doctor.page import page_of
from shorepass.errors import UnknownWord, UsageError, printable, trouble_in
from shorepass.fixes.apply import undo
from shorepass.fixes.journal import Journal
from shorepass.fixes.preview import command as fix_command
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import visible
from shorepass.names import parse
from shorepass.profile import current
from shorepass.secret import Fingerprints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.doctor.finding import Finding
    from shorepass.errors import ContextError
    from shorepass.visit import Visit

PAGE_WIDTH = 100  # columns of a page's paragraphs
LINE_LIMIT = 1000  # characters: a path has 4096 at most, and names in a file may have any number

EXAMPLES = """\
shorepass doctor                           # every stored login, here; asks no registry
shorepass doctor --push ghcr.io/acme/app   # one image; also asks its registry
shorepass doctor --in sudo --in docker:web
shorepass doctor --fix                     # asks before each fix
shorepass doctor --undo                    # reverts the newest fix
shorepass doctor --explain SP102
"""
NOTES = """\
--fix shows each change first, makes it, and runs the check again. Shorepass keeps what a fix replaces in
$XDG_STATE_HOME/shorepass/doctor for --undo, readable only by you and for at most 30 days.

exit codes: 0 no findings, or only notes; 1 errors or warnings (with --fix: those that remain);
2 the command line is wrong; 3 Shorepass cannot look into a context
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("reference", metavar="REF", nargs="?", help="an image or a registry; without: every login")
    parser.add_argument("--push", action="store_true", help="also ask for push permission")
    parser.add_argument("--check", action="store_true", help="ask the registries, also without REF")
    parser.add_argument("--offline", action="store_true", help="ask no registry")
    parser.add_argument("--fix", action="store_true", help="fix what Shorepass can fix; asks before each fix")
    parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument("--undo", nargs="?", const="", metavar="ID", help="revert a fix; without ID: the newest")
    parser.add_argument(
        "--explain", metavar="CODE", help="print the page of a finding: what it means, and how to fix it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    place.add_places_flag(parser, default=" (default)")
    parser.add_argument(
        *("--client",),
        dest="clients",
        choices=place.ClientNames(NAMES),
        action="append",
        default=[],
        help="the client to examine; may be repeated (default: docker and podman, if they are installed)",
    )
    place.add_file_flags(parser)
    place.add_registry_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; mend them, or take a repair back."""
    if arguments.explain is not None:
        return _explain(arguments.explain)
    if arguments.undo is not None:
        return _undo(arguments.undo)
    if arguments.yes and not arguments.fix:
        raise UsageError("--yes means nothing without --fix")
    if arguments.fix and arguments.json:
        raise UsageError("--fix is a conversation, and --json is none")
    if arguments.fix and not arguments.yes and not sys.stdin.isatty():
        raise UsageError(
            "--fix asks, and standard input is no terminal", hint=command(None, "doctor", "--fix", "--yes")
        )
    examined, broken = _examine(arguments)
    findings = [finding for _, found in examined for finding in found]
    if arguments.json:
        _print_json(arguments.places or ["me"], findings, broken)
    else:
        _print_text(examined)
    left = findings
    if arguments.fix:
        left = mend_all(examined, ask=not arguments.yes)
    elif not findings and not broken and not arguments.json:
        console.say("no findings")
    return 3 if broken else int(_count(left) > 0)


def _explain(code: str) -> int:

    known = list(codes())
    if code.upper() not in known:
        raise UnknownWord(
            f"no finding has the code {code!r}: the codes are {known[0]} to {known[-1]}",
            code,
            known,
            hint=command(None, "doctor", "--explain", known[0]),
        )
    width = min(console.width() or PAGE_WIDTH, PAGE_WIDTH)
    console.out_lines(page_of(code.upper(), width))
    return 0


def _undo(name: str) -> int:

    here = current()
    journal = Journal(here)
    names = journal.names()
    if not name and not names:
        raise UsageError("nothing can be undone: no repair is kept")
    undone = undo(name or names[-1], journal, here)
    console.out(f"{undone.path}: as it was before the repair of {undone.code}")
    return 0


def _examine(
    arguments: argparse.Namespace,
) -> tuple[list[tuple[Examination, list[Finding]]], dict[str, ContextError]]:
    """Return each place with its findings, and those that cannot be looked into."""
    here = current()
    reference = parse(arguments.reference) if arguments.reference else None
    asks = not arguments.offline and (arguments.check or reference is not None)
    access = place.access(arguments) if asks else None
    clients = _clients(arguments)
    fingerprints = Fingerprints()
    refusals: dict[object, Visit] = {}
    examined, broken = [], {}
    for name in dict.fromkeys(arguments.places or ["me"]):
        try:
            context = place.find_context(name, arguments)
            examination = Examination(
                context,
                here,
                reference=reference,
                push=arguments.push,
                access=access,
                clients=clients,
                fingerprints=fingerprints,
                refusals=refusals,
            )
            examined.append((examination, examine(examination)))
        except UsageError:
            raise  # the command line is wrong: for every context
        except Exception as error:  # noqa: BLE001  # whatever it is, the other contexts are examined
            broken[name] = trouble_in(name, error)
            console.print_error(broken[name])
    return examined, broken


def _clients(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the clients that are named, or meant by a file that is; none where that is left to what is there."""
    return tuple(dict.fromkeys(arguments.clients or place.clients_of_files(arguments)))


def _count(findings: Sequence[Finding]) -> int:
    """Return how many are more than notes."""
    return sum(finding.severity.value != "note" for finding in findings)


def _print_text(examined: Sequence[tuple[Examination, list[Finding]]]) -> None:
    findings = [finding for _, found in examined for finding in found]
    for examination, found in examined:
        if found:
            console.out(examination.context.name)
        for finding in found:
            _print_finding(finding)
    if findings:
        console.out()
        console.out(_summary(findings))


def _print_finding(finding: Finding) -> None:

    colour = {"error": "red", "warning": "yellow", "note": "dim"}[finding.severity.value]
    said = printable(f"{finding.subject}: {finding.cause}", LINE_LIMIT)
    console.out(console.Painted(f"{finding.severity.value:8}", colour), f" {finding.code}  {said}")
    for line in finding.evidence:
        console.out(f"{'':16}{printable(line, LINE_LIMIT)}")
    if finding.repair:
        label = "hint" if isinstance(finding.repair, Advice) else "--fix"
        console.out(f"{'':16}{label}: {fix_command(finding.repair)}")


def _summary(findings: Sequence[Finding]) -> str:
    """Return ``2 errors, 1 warning``."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.severity.value] = counts.get(finding.severity.value, 0) + 1
    return ", ".join(f"{count} {word}{'s' * (count > 1)}" for word, count in counts.items())


def _print_json(places: list[str], findings: Sequence[Finding], broken: dict[str, ContextError]) -> None:
    """Print ``contexts`` (``context``, ``error``) and ``findings``. What is documented in docs/reference/json.md stays."""
    document = {
        "contexts": [
            {"context": name, "error": visible(broken[name].reason) if name in broken else None} for name in places
        ],
        "findings": [
            {
                "code": finding.code,
                "title": title(finding.code),
                "severity": finding.severity.value,
                "context": finding.context,
                "subject": finding.subject,
                "cause": visible(finding.cause),
                "evidence": list(map(visible, finding.evidence)),
                "fix": _repair(finding),
            }
            for finding in findings
        ],
    }
    console.print_document(document)


def _repair(finding: Finding) -> dict[str, str | None] | None:
    """Return a repair as data: ``kind`` is advice, edit, mode or owner; ``path`` what it changes, ``text`` what it does."""
    repair = finding.repair
    if repair is None:
        return None
    path = None if isinstance(repair, Advice) else repair.path
    return {"kind": type(repair).__name__.lower(), "path": path, "text": visible(fix_command(repair))}
