"""``shorepass share`` and its company, where nothing is lent: help for a decision, and refusals."""

from __future__ import annotations

import argparse
import json
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shorepass.cli import share
from shorepass.cli.lending import MODE_GROUPS
from shorepass.cli.share_modes import MODE_ROWS, OTHER_ROWS
from shorepass.cli.share_targets import TARGETS, Target
from shorepass.errors import UsageError
from shorepass.grants.grant import MODES

if TYPE_CHECKING:
    from conftest import RunShorepass


def test_the_modes_are_explained(run_shorepass: RunShorepass) -> None:
    """Each mode has a line that says that the container can read the login or not, and docker's own way is beside it."""
    done = run_shorepass("share", "--explain-modes")
    assert done.status == 0
    rows = {line.split("  ")[0]: line for line in done.stdout.splitlines() if line}
    assert "read them" in rows["forward"]
    assert "never read them" in rows["engine"]
    assert "registry token" in rows["token"]
    assert "the named logins" in rows["export"]
    assert "read its key files" in rows["mount"]
    assert "copy of every login" in rows["docker run --use-api-socket"]


def test_the_help_lists_the_targets(run_shorepass: RunShorepass) -> None:
    """Each target has a line of its own, and each flag of one mode is below the name of that mode."""
    text = run_shorepass("share", "--help").stdout
    lines = {line.split()[0]: line for line in text.partition("\nTargets, ")[2].splitlines() if line.startswith("  ")}
    assert list(lines) == [target.shown for target in TARGETS]
    assert all(lines[target.shown].endswith(f"  {target.help}") for target in TARGETS)
    for mode, flag in (
        ("engine", "--deny"),
        ("token", "--trust-realm"),
        ("export", "--any-user"),
        ("mount", "--image"),
    ):
        assert f"\nMode {mode}:\n  {flag}" in text


def test_the_guide_has_the_table() -> None:
    """The guide's table is the one that ``--explain-modes`` prints, with all modes."""
    guide = (Path(__file__).parents[2] / "docs/guides/share-modes.md").read_text()
    for row in (*MODE_ROWS, *OTHER_ROWS):
        assert any(f"| {name} | {' | '.join(row[1:])} |\n" in guide for name in (row[0], f"`{row[0]}`")), row[0]
    assert {row[0].split()[0] for row in MODE_ROWS} == set(MODES)


STARTED = {"flags", "compose", "devcontainer", "devcontainer:FOLDER"}
RUNS = {target.shown for target in TARGETS if ":" in target.shown} - STARTED
DOCUMENTS = {"config", "env", "gitlab", "github", "k8s"}
# The targets that use each flag, by what the guide says.
USED = {
    ("--for", "1h"): STARTED | RUNS | {"config", "k8s"},
    ("--json",): STARTED | RUNS,
    ("--any-user",): STARTED,
    ("--own-logins",): STARTED,
    ("--service", "web"): {"compose"},
    ("--detach",): RUNS,
    ("--show",): DOCUMENTS,
    ("--name", "pull"): {"k8s"},
    ("--namespace", "team"): {"k8s"},
    ("--apply",): {"k8s"},
    ("--refresh",): {"k8s"},
}
OF_EACH_TARGET = {"--mode", "--registry", "--explain-modes"}


def share_parser() -> argparse.ArgumentParser:
    """Return the parser of ``share`` alone."""
    parser = argparse.ArgumentParser(add_help=False)
    share.add_arguments(parser)
    return parser


def test_each_flag_has_its_targets() -> None:
    """A flag of ``share`` is for each target, for the modes that the help has it under, or for the targets of a table."""
    known = {action.option_strings[-1] for action in share_parser()._actions if action.option_strings}
    of_modes = set(chain.from_iterable(MODE_GROUPS.values()))
    assert known == OF_EACH_TARGET | of_modes | {words[0] for words in USED}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.shown)
@pytest.mark.parametrize("words", USED, ids=lambda words: words[0])
def test_a_flag_that_a_target_does_not_use(words: tuple[str, ...], target: Target) -> None:
    """It is an error that names the targets that use it; nothing is lent."""
    used = USED[words]
    if target.shown in used:
        return
    typed = re.sub("[A-Z]+", "x", target.shown.partition("[")[0])
    arguments = share_parser().parse_args([typed, "--registry", "a.example", *words])
    with pytest.raises(UsageError) as error:
        share.run(arguments)
    before, _, named = error.value.message.partition("; it is for ")
    assert before == f"{words[0]} is not for {target.shown}"
    assert set(named.split(", ")) == used
    assert error.value.hint.startswith(f"shorepass share {typed} --registry a.example")


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("--registry", "*.example"), "shorepass share flags --registry ghcr.io --own-logins"),
        (
            ("--registry", "*.example", "--registry", "a.example"),
            "shorepass share flags --registry a.example --own-logins",
        ),
        (
            ("--mode", "export", "--registry", "a.example"),
            "shorepass share flags --registry a.example --own-logins",
        ),
    ],
)
def test_own_logins_are_for_named_registries(words: tuple[str, ...], fix: str) -> None:
    """The refusal has the command that is not refused."""
    arguments = share_parser().parse_args(["flags", "--own-logins", *words])
    with pytest.raises(UsageError, match="--own-logins is for mode forward") as error:
        share.run(arguments)
    assert error.value.hint == fix


def test_a_service_of_a_single_container(run_shorepass: RunShorepass, world: Path) -> None:
    """``run --service`` is refused for docker run, with the command without it; nothing is lent."""
    (world / "bin/docker").symlink_to("/bin/true")
    words = ("run", "--share", "a.example", "--service", "web", "--", "docker", "run", "image", "echo", "a b")
    done = run_shorepass(*words)
    assert (done.status, "docker run starts no services" in done.stderr) == (125, True)
    assert "hint: shorepass run --share a.example -- docker run image echo 'a b'\n" in done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def test_nothing_is_lent(run_shorepass: RunShorepass, home: Path) -> None:
    """To look and to revoke all starts no agent, and makes no file."""
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    assert run_shorepass("revoke", "--all").stdout == "nothing is lent\n"
    document = json.loads(run_shorepass("revoke", "--all", "--json").stdout)
    assert document == {"schema_version": 1, "grants": []}
    assert not (home / ".local").exists()


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("share",), 2, "no target was named"),
        (("share", "flags"), 2, "no registry was named"),
        (("agent", "stop", "--json"), 2, "agent stop prints no JSON"),
        (("agent", "status"), 1, "hint: shorepass agent start"),
        (("share", "kubernetes", "--registry", "a.example"), 2, "is not a target"),
        (("share", "flags", "--registry", "*"), 2, "is not a pattern for registries"),
        (("share", "flags", "--registry", "a.example", "--for", "never"), 2, "is not a time"),
        (("share", "flags", "--registry", "a.example", "--max-uses", "0"), 2, "is not a number from 1"),
        (("share", "flags", "--registry", "a.example", "--any-user"), 2, "--any-user is for mode export"),
        (("share", "flags", "--registry", "a.example", "--image", "x"), 2, "--image is for mode mount"),
        (("share", "flags", "--registry", "a.example", "--deny"), 2, "--deny is for mode engine"),
        (("share", "flags", "--registry", "a.example", "--apply"), 2, "--apply is not for flags"),
        (
            ("share", "docker:web", "--registry", "a.example", "--mode", "export"),
            2,
            "mode export is not for docker:NAME",
        ),
        (("share", "flags", "--mode", "token"), 2, "needs a repository"),
        (("share", "flags", "--mode", "token", "--repo", "a.example/acme/*"), 2, "one exact repository"),
        (("share", "flags", "--mode", "token", "--repo", "a.example/app:1"), 2, "is not a repository"),
        (("share", "flags", "--mode", "token", "--repo", "a.example/app", "--max-uses", "3"), 2, "does not see uses"),
        (
            ("share", "flags", "--mode", "token", "--registry", "b.example", "--repo", "a.example/app"),
            2,
            "not for a registry",
        ),
        (("revoke",), 2, "no grant was named"),
        (("revoke", "0123abcd"), 2, "there is no grant 0123abcd"),
        (("run", "--share", "a.example", "--", "sh", "-c", "true"), 125, "starts no container"),
        (("run", "--share", "a.example", "--as", "work", "--", "docker", "run", "x"), 125, "not allowed with"),
    ],
)
def test_what_is_refused(
    run_shorepass: RunShorepass, words: tuple[str, ...], status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong command line makes no grant and has a hint."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    done = run_shorepass(*words)
    assert (done.status, reason in done.stderr, "hint: " in done.stderr) == (status, True, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
