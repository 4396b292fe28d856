"""``shorepass doctor``: problems with the logins of a context, and their fixes."""

from __future__ import annotations

import argparse
import sys
from itertools import chain
from typing import TYPE_CHECKING

from shorepass.cli import console, flags
from shorepass.cli.apply_fixes import apply_fixes
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
from shorepass.foreign_text import visible, without_secrets
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
    flags.add_places_flag(parser, default=" (default)")
    parser.add_argument(
        *("--client",),
        dest="clients",
        choices=flags.ClientNames(NAMES),
        action="append",
        default=[],
        help="the client to examine; may be repeated (default: docker and podman, if they are installed)",
    )
    flags.add_file_flags(parser)
    flags.add_registry_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings and fix them, or revert a fix."""
    if arguments.explain is not None:
        return _explain(arguments.explain)
    if arguments.undo is not None:
        return _undo(arguments.undo)
    if arguments.yes and not arguments.fix:
        raise UsageError("--yes needs --fix")
    if arguments.fix and arguments.json:
        raise UsageError("--fix and --json exclude each other")
    if arguments.fix and not arguments.yes and not sys.stdin.isatty():
        raise UsageError("not a terminal: nothing was fixed", hint=command(None, "doctor", "--fix", "--yes"))
    examined, broken = _examine(arguments)
    findings = list(chain.from_iterable(found for _, found in examined))
    if arguments.json:
        _print_json(arguments.places or ["me"], findings, broken)
    else:
        _print_text(examined)
    left = findings
    if arguments.fix:
        left = apply_fixes(examined, ask=not arguments.yes, show=_print_finding)
    elif not findings and not broken and not arguments.json:
        console.say(_nothing_found(examined))
    if broken:
        return 3
    return 1 if _count(left) else 0


def _nothing_found(examined: Sequence[tuple[Examination, list[Finding]]]) -> str:
    """Return "no findings", and what was not looked at: the registries of stored logins."""
    if any(examination.access is None and any(examination.entries.values()) for examination, _ in examined):
        return "no findings; registries are asked with --check"
    return "no findings"


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
        raise UsageError("nothing to undo: no fix is kept")
    undone = undo(name or names[-1], journal, here)
    console.out(f"{undone.path}: reverted the fix of {undone.code}")
    return 0


def _examine(
    arguments: argparse.Namespace,
) -> tuple[list[tuple[Examination, list[Finding]]], dict[str, ContextError]]:
    """Return each context with its findings, and the contexts that Shorepass cannot look into."""
    here = current()
    reference = parse(arguments.reference) if arguments.reference else None
    asks = not arguments.offline and (arguments.check or reference is not None)
    access = flags.access(arguments) if asks else None
    clients = _clients(arguments)
    fingerprints = Fingerprints()
    refusals: dict[object, Visit] = {}
    examined, broken = [], {}
    for name in dict.fromkeys(arguments.places or ["me"]):
        try:
            context = flags.find_context(name, arguments)
            examination = Examination(
                context,
                here,
                reference=reference,
                push=arguments.push,
                access=access,
                clients=clients,
                by_flag=bool(arguments.authfile),
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
    """Return the clients that flags name, also by a file; ``()`` if the flags name no client."""
    return tuple(dict.fromkeys(arguments.clients or flags.clients_of_files(arguments)))


def _count(findings: Sequence[Finding]) -> int:
    """Return how many are more than notes."""
    return sum(finding.severity.value != "note" for finding in findings)


def _print_text(examined: Sequence[tuple[Examination, list[Finding]]]) -> None:
    findings = list(chain.from_iterable(found for _, found in examined))
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
    return ", ".join(_counted(count, word) for word, count in counts.items())


def _counted(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count} {word}s"


def _print_json(places: list[str], findings: Sequence[Finding], broken: dict[str, ContextError]) -> None:
    """Print ``contexts`` (``context``, ``error``) and ``findings``. What is documented in docs/reference/json.md stays."""
    errors = {name: visible(error.reason) for name, error in broken.items()}
    document = {
        "contexts": [{"context": name, "error": errors.get(name)} for name in places],
        "findings": [
            {
                "code": finding.code,
                "title": title(finding.code),
                "severity": finding.severity.value,
                "context": finding.context,
                "subject": finding.subject,
                "cause": visible(finding.cause),
                "evidence": [visible(without_secrets(line)) for line in finding.evidence],
                "fix": _fix(finding),
            }
            for finding in findings
        ],
    }
    console.print_document(document)


def _fix(finding: Finding) -> dict[str, str | None] | None:
    """Return a fix as data: ``kind`` is advice, edit, mode or owner; ``path`` what it changes, ``text`` what it does."""
    repair = finding.repair
    if repair is None:
        return None
    path = None if isinstance(repair, Advice) else repair.path
    return {"kind": type(repair).__name__.lower(), "path": path, "text": visible(fix_command(repair))}
