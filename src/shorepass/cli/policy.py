"""``shorepass policy``: what may be lent, and what gets a grant by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass.cli import console
from shorepass.cli.lending import duration
from shorepass.contexts.command import command
from shorepass.errors import UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.grants import policy_file
from shorepass.grants.globs import check_glob, check_repository
from shorepass.grants.grant import FORWARD, MODES
from shorepass.grants.policy import Policy, Wish, as_time
from shorepass.names import parse
from shorepass.profile import current

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from shorepass.grants.policy import Automatic

EXAMPLES = """\
shorepass policy                    # print the policy
shorepass policy check              # find mistakes in the file; or: check FILE
shorepass policy check --registry ghcr.io --for 1d
shorepass policy check --repo ghcr.io/acme/app --mode engine --push
shorepass policy check --image ghcr.io/acme/app    # does this container get a grant by itself?
shorepass policy example            # a file with each key and its meaning
"""
NOTES = """\
The policy is ~/.config/shorepass/policy.toml. Without it, you can lend every login. If it is broken, no login is lent.

exit codes: 0 done, or allowed; 1 refused; 2 the command line is wrong; 3 the policy is broken, or other users can write it
"""
ACTIONS = ("check", "example")
HEADINGS = ["LINE", "AUTOMATIC FOR", "LENDS", "MODE", "TIME", "CONFIRM"]
EXAMPLE = """\
never = ["*.internal.example"]  # registries that are never lent; * matches any characters

[defaults]
for = "2h"                      # the time of a grant without --for
max = "1d"                      # no grant is longer
mode = "forward"                # without --mode
confirm = false                 # true: you must allow the first use by each container
confirm_within = "50s"          # no answer in this time means no

[allowed]                       # without a key, all is allowed
registries = ["ghcr.io", "*.example.com"]
repositories = ["docker.io/acme/*"]
modes = ["forward", "engine"]
push = false                    # true allows --push

# Containers that get a grant from the verb run without --share: docker run IMAGE
[[automatic]]
image = "ghcr.io/acme/*"
registries = ["ghcr.io"]
for = "30m"
confirm = true

# The same for: docker compose up
[[automatic]]
project = "shop"
registries = ["ghcr.io"]
"""


class Answer(NamedTuple):
    """What the policy says about one question. ``reason``: why it refuses, "" if it allows. ``line``: 0 without one."""

    asked: str
    reason: str
    line: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=ACTIONS,
        metavar="ACTION",
        help="check: find mistakes, and answer the flags below; example: print an example; without an action: print the policy",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="check: this file, and not your policy")
    parser.add_argument("--registry", action="append", default=[], help="check: may the login for it be lent?")
    parser.add_argument(
        "--repo",
        dest="repositories",
        action="append",
        default=[],
        metavar="REPOSITORY",
        help="check: may the login be lent for this repository?",
    )
    parser.add_argument("--image", help="check: does a container of this image get a grant by itself?")
    parser.add_argument("--project", help="check: does this compose project get a grant by itself?")
    parser.add_argument("--mode", choices=tuple(MODES), help="check: in this mode (default: that of the policy)")
    parser.add_argument("--push", action="store_true", help="check: also to push")
    parser.add_argument("--for", dest="duration", metavar="TIME", help="check: for this time, such as 30m, 2h or 1d")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print the policy, check it, or print an example."""
    if arguments.action == "example":
        console.out_lines(EXAMPLE.removesuffix("\n"))
        return 0
    here = current()
    questions = (arguments.registry, arguments.repositories, arguments.image, arguments.project)
    if arguments.action is None and any(questions):
        raise UsageError(
            "these flags are for policy check", hint=command(None, "policy", "check", "--registry", "ghcr.io")
        )
    path = policy_file.path_of(here)
    if arguments.file:
        path = os.path.abspath(arguments.file)
        found = policy_file.read(here, path)
        if found is None:
            raise UsageError(
                f"{printable(path)}: there is no such file",
                hint=f"{command(None, 'policy', 'example')} > {quoted(path)}",
            )
    else:
        found = policy_file.load(here)
    exists = arguments.file or here.status(path) is not None
    answers = list(_answers(found, arguments))
    if arguments.json:
        console.print_document(_document(path, found, answers, exists=bool(exists)))
    elif answers:
        _print_answers(answers)
    elif not exists:
        console.out(f"there is no policy, so every login can be lent: {path}")
    elif arguments.action == "check":
        console.out(f"{path}: no problem")
    else:
        _print(path, found)
    return 1 if any(answer.reason for answer in answers) else 0


def _answers(policy: Policy, arguments: argparse.Namespace) -> Iterator[Answer]:
    """Yield an answer to each question of the flags. Raises UsageError, InvalidReference."""
    mode = arguments.mode or policy.mode or FORWARD
    time = policy.seconds if arguments.duration is None else duration(arguments.duration)
    for registry in map(check_glob, arguments.registry):
        verdict = policy.judge(Wish(registry, "", mode, arguments.push, time))
        yield Answer(registry, verdict.refusal, verdict.line)
    for repository in map(check_repository, arguments.repositories):
        verdict = policy.judge(Wish(repository.partition("/")[0], repository, mode, arguments.push, time))
        yield Answer(repository, verdict.refusal, verdict.line)
    if arguments.image is not None:
        image = parse(arguments.image).name
        yield _automatic(f"a container of {image}", policy, policy.automatic_for(image=image))
    if arguments.project is not None:
        yield _automatic(f"the project {arguments.project}", policy, policy.automatic_for(project=arguments.project))


def _automatic(asked: str, policy: Policy, row: Automatic | None) -> Answer:
    """Answer whether something gets a grant by itself: it has a row, and the other rules allow what the row lends."""
    if row is None:
        return Answer(asked, "has no row [[automatic]] for it", 0)
    refusal = policy.refusal_of_row(row)
    return Answer(asked, refusal, row.line)


def _print_answers(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.reason:
            console.out(f"{printable(answer.asked)}: refused: the policy {answer.reason}")
        else:
            by = f" by line {answer.line}" if answer.line else ""
            console.out(f"{printable(answer.asked)}: allowed{by}")


def _document(path: str, policy: Policy, answers: list[Answer], *, exists: bool) -> dict[str, object]:
    allowed = policy.allowed_registries, policy.allowed_repositories, policy.allowed_modes
    registries, repositories, modes = (None if names is None else list(names) for names in allowed)
    return {
        "path": path,
        "exists": exists,
        "never": list(policy.never),
        "defaults": {
            "for": policy.seconds,
            "max": policy.longest or None,
            "mode": policy.mode or None,
            "confirm": policy.confirm,
            "confirm_within": policy.answer_seconds,
        },
        "allowed": {
            "registries": registries,
            "repositories": repositories,
            "modes": modes,
            "push": policy.allowed_push,
        },
        "automatic": [_row_document(row, policy) for row in policy.automatic],
        "answers": [_answer_document(answer) for answer in answers],
    }


def _row_document(row: Automatic, policy: Policy) -> dict[str, object]:
    return {
        "line": row.line,
        "image": row.image or None,
        "project": row.project or None,
        "registries": list(row.registries),
        "repositories": list(row.repositories),
        "mode": row.mode or None,
        "for": row.seconds or policy.seconds,
        "push": row.push,
        "confirm": row.confirm or policy.confirm,
    }


def _answer_document(answer: Answer) -> dict[str, object]:
    return {
        "asked": answer.asked,
        "allowed": not answer.reason,
        "reason": answer.reason or None,
        "line": answer.line or None,
    }


def _print(path: str, policy: Policy) -> None:
    longest = as_time(policy.longest) if policy.longest else "no limit"
    console.out(f"policy: {path}")
    console.out(f"never lent: {_list(policy.never)}")
    console.out(f"time: {as_time(policy.seconds)}, at most: {longest}")
    console.out(f"mode: {policy.mode or FORWARD}, allowed: {_list(policy.allowed_modes)}")
    console.out(f"confirm the first use: {_yes(policy.confirm)}, within {as_time(policy.answer_seconds)}")
    console.out(f"allowed registries: {_list(policy.allowed_registries)}")
    console.out(f"allowed repositories: {_list(policy.allowed_repositories)}")
    console.out(f"allowed to push: {_yes(policy.allowed_push)}")
    if policy.automatic:
        console.out("")
        console.print_table(HEADINGS, [_row(row, policy) for row in policy.automatic])


def _row(row: Automatic, policy: Policy) -> list[str]:
    what = f"image {row.image}" if row.image else f"project {row.project}"
    lent = ", ".join((*row.registries, *row.repositories))
    seconds = as_time(row.seconds or policy.seconds)
    return [str(row.line), what, lent, row.mode or policy.mode or FORWARD, seconds, _yes(row.confirm or policy.confirm)]


def _list(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "all"
    return ", ".join(names) or "none"


def _yes(truth: bool) -> str:  # noqa: FBT001  # it is what is shown
    return "yes" if truth else "no"
