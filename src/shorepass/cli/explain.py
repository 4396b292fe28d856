"""``shorepass explain``: every step that leads to the credential, then the answer of the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass import visit
from shorepass.cli import console, flags
from shorepass.errors import SourceError, UsageError, without_user_info
from shorepass.explain import account_steps, advised, describe, form_steps, verdict
from shorepass.foreign_text import visible, without_secrets
from shorepass.names import parse
from shorepass.resolution import Outcome, Step
from shorepass.secret import Fingerprints

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from shorepass.resolution import Resolution

EXAMPLES = """\
shorepass explain ghcr.io/acme/app:1
shorepass explain --push --client podman quay.io/acme/app
shorepass explain --offline --json nginx
"""
NOTES = """\
Shorepass shows no secret. Equal secrets have the same fingerprint in one report, and another one in the next report.

exit codes: 0 no problem; 1 the registry refuses, or cannot be asked; 2 the command line is wrong; 3 a source is broken
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("reference", metavar="REF", help="an image or a registry")
    parser.add_argument("--push", action="store_true", help="also ask for push permission")
    parser.add_argument("--offline", action="store_true", help="ask no registry")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    flags.add_client_flags(parser)
    flags.add_registry_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the steps and the verdict."""
    reference = parse(arguments.reference)
    here = flags.context(arguments)
    client = flags.find_client(arguments)
    resolution = client.resolve(here, reference)
    context, *steps = resolution.steps
    steps = [context, client.followed(here).step(), *steps, *account_steps(resolution, here)]
    steps += form_steps(resolution, here, push=arguments.push)
    steps += client.remarks(here, reference)
    resolution = resolution._replace(steps=tuple(steps))
    asked: Sequence[Step] = ()
    if not arguments.offline and not isinstance(resolution.answer, SourceError):
        made = visit.ask(here, flags.access(arguments), resolution, push=arguments.push)
        made = visit.ask_engine(here, made)
        asked = made.steps
        if made.failure and isinstance(made.failure.error, UsageError):
            raise made.failure.error
    resolution = advised(resolution, asked)
    judged = verdict(resolution, asked)
    fingerprints = Fingerprints()
    if arguments.json:
        _print_json(resolution, asked, judged.text, judged.hint, fingerprints)
    else:
        _print_text([*resolution.steps, *_summary(resolution, fingerprints), *asked], judged.text, judged.hint)
    if isinstance(resolution.answer, SourceError):
        return resolution.answer.exit_code
    return 0 if judged.good else 1


def _summary(resolution: Resolution, fingerprints: Fingerprints) -> list[Step]:
    """Return what is sent as one more line, with the fingerprint."""
    said = describe(resolution.answer, fingerprints)
    if said["kind"] in ("error", "anonymous"):
        return []
    who = f" of {said['user']!r}" if said.get("user") else ""
    return [Step("sends", Outcome.OK, str(said["kind"]), f"fingerprint {said['fingerprint']}{who}")]


def _print_text(steps: Sequence[Step], text: str, hint: str | None) -> None:

    colours = {Outcome.OK: "green", Outcome.SKIPPED: "dim", Outcome.FAILED: "red"}
    for step in map(_without_secrets, steps):
        mark = console.Painted(f"{step.outcome.value:8}", colours[step.outcome])
        console.out(mark, f" {step.kind:10} {step.subject}: {step.detail}")
        if step.hint:
            console.out(f"{'':19} hint: {step.hint}")
    console.out()
    console.out(console.Painted(without_secrets(text), "bold"))
    if hint:
        console.out(f"hint: {hint}")


def _without_secrets(step: Step) -> Step:
    """Return a step for a report: a variable that names a file may have the text of one."""
    return step._replace(subject=without_secrets(step.subject), detail=without_secrets(step.detail))


def _print_json(
    resolution: Resolution, asked: Sequence[Step], text: str, hint: str | None, fingerprints: Fingerprints
) -> None:

    source = resolution.source
    document = {
        "context": resolution.context,
        "client": resolution.client,
        "reference": str(resolution.reference),
        "server_url": resolution.server_url,
        "credential": describe(resolution.answer, fingerprints),
        "source": {"path": without_secrets(source.path), "key": without_user_info(source.key), "helper": source.helper}
        if source
        else None,
        "alternatives": [describe(other, fingerprints) for other in resolution.alternatives],
        "behaviour": visible(resolution.behaviour) or None,
        "steps": [
            {
                "kind": step.kind,
                "outcome": step.outcome.value,
                "subject": step.subject,
                "detail": visible(step.detail),
                "hint": step.hint and visible(step.hint),
            }
            for step in map(_without_secrets, [*resolution.steps, *asked])
        ],
        "verdict": visible(without_secrets(text)),
        "hint": hint and visible(hint),
    }
    console.print_document(document)
