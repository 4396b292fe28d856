"""How the tests are started makes no difference to what they find: under ``nohup``, with streams closed, several at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
START = [sys.executable, "tests/run.py", "-q", "-p", "no:cacheprovider"]
SIGNALS = ["-k", "signals or goes_away", "tests/cli/test_run.py"]
SURROUNDINGS = {  # what a shell does first, and how it opens the streams
    "nohup": ("trap '' HUP", "</dev/null"),
    "every signal ignored": (
        "trap '' HUP INT QUIT PIPE ALRM TERM USR1 USR2 CHLD CONT TSTP TTIN TTOU WINCH",
        "</dev/null",
    ),
    "no streams": (":", "<&- >&- 2>&-"),
}


@pytest.mark.parametrize("how", SURROUNDINGS)
def test_signals_are_tested_under(tmp_path: Path, how: str) -> None:
    """The tests of signals pass: what they start ignores no signal, and has the streams that it is meant to have."""
    before, streams = SURROUNDINGS[how]
    script = f'{before}; exec "$@" {streams}'
    words = [*START, f"--basetemp={tmp_path}/inner", *SIGNALS]
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *words], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_tests_that_share_a_server_have_one_worker(tmp_path: Path) -> None:
    """Where several workers run, each knows a test by its name and its group, so one of them gets the whole group."""
    test = "tests/unit/http/test_pooled.py::test_authority_of_the_folder"
    words = [*START, f"--basetemp={tmp_path}/inner", "-vv", "--numprocesses=1", "--dist=loadgroup", test]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert f"PASSED {test}@unit/test_pooled" in done.stdout, done.stdout + done.stderr
