"""``--help``: usage, a sentence, examples, and the flags in groups that are the same for every verb."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from shorepass.cli import VERBS, parser_of_everything

if TYPE_CHECKING:
    from conftest import RunShorepass

GROUPS = ["Where", "What", "Registry", "Output"]


@pytest.mark.parametrize("verb", VERBS)
def test_the_order(run_shorepass: RunShorepass, verb: str) -> None:
    """Usage, one sentence and examples come first. Then each group has its place, and each flag is shown once."""
    done = run_shorepass(verb, "--help")
    assert (done.status, done.stderr) == (0, "")
    parts = done.stdout.split("\n\n")
    assert parts[0].startswith(f"usage: shorepass {verb} ")
    assert re.fullmatch(r"[A-Z][^.]*\.", parts[1])
    assert parts[2].startswith("Examples:\n  ")
    shown = re.findall(r"^(\w+):$", done.stdout, re.MULTILINE)
    assert shown[0] == "Examples"
    assert shown[1:] == [group for group in GROUPS if group in shown]
    flags = re.findall(r"^  (-.*?)(?:  |$)", done.stdout, re.MULTILINE)
    names = [name for line in flags for name in re.findall(r"(?:^|, )(--?[a-z-]+)", line)]
    assert len(names) == len({*names})
    assert {"-h", "--help", "-q", "--quiet", "--no-color"} <= {*names}


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples(run_shorepass: RunShorepass, verb: str) -> None:
    """Each is a command line that the parser reads."""
    examples = run_shorepass(verb, "--help").stdout.split("\n\n")[2].splitlines()[1:]
    for line in examples:
        words = shlex.split(re.split(r" [|>] ", line.removeprefix('  echo "$TOKEN" | '))[0], comments=True)
        start = next(at for at, word in enumerate(words) if "shorepass" in word)
        assert parser_of_everything().parse_args(words[start + 1 :]).verb in VERBS


@pytest.mark.parametrize("words", ["help", "help login", "help frob"])
def test_the_word_help(run_shorepass: RunShorepass, words: str) -> None:
    """``help VERB`` is ``VERB --help``."""
    assert run_shorepass(*words.split()) == run_shorepass(*words.split()[1:], "--help")


def test_without_a_verb(run_shorepass: RunShorepass) -> None:
    """Every verb has its sentence there."""
    assert all(f"\n  {verb:12}{sentence}\n" in run_shorepass().stdout for verb, sentence in VERBS.items())
