"""The users that tests make are removed again, whatever still runs as them."""

from __future__ import annotations

import contextlib
import pwd
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from e2e import programs
from e2e.people import new_person

WITH_IDS = """
import os, sys
os.setresuid(*map(int, sys.argv[1:]))
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def waiting(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program of root's that prints ``ready`` and waits; its parent prints how it ended."""
    parent = programs.as_root([programs.require("sh"), "-c", '"$@"; echo "ended $?"', "sh", *argv])
    env = {"PATH": programs.SYSTEM_PATH}
    with subprocess.Popen(parent, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process


def ended(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.read()


def names() -> list[str]:
    return [user.pw_name for user in pwd.getpwall()]


@pytest.mark.parametrize("which", ["real", "effective", "saved"])
def test_a_user_with_a_process_is_removed(which: str) -> None:
    """Each of a process's user ids counts, and not only the effective one, by which ``ps -u`` looks."""
    with contextlib.ExitStack() as later:
        with new_person() as person:
            ids = [str(person.uid) if name == which else "0" for name in ("real", "effective", "saved")]
            process = later.enter_context(waiting([sys.executable, "-c", WITH_IDS, *ids]))
        assert ended(process) == b"ended 137\n"
        assert person.name not in names()


def test_a_user_with_a_process_that_only_userdel_finds_is_removed() -> None:
    """A process in a user namespace counts if its id is a subordinate one of the user: it is ended as userdel names it."""
    with contextlib.ExitStack() as later:
        with new_person() as person:
            other = person.uid + 1_000_000_000
            person.as_root("usermod", "--add-subuids", f"{other}-{other}", person.name)
            become = ("setpriv", f"--reuid={other}", f"--regid={other}", "--clear-groups")
            process = later.enter_context(waiting([*become, "unshare", "--user", "sh", "-c", "echo ready; cat"]))
        assert ended(process) == b"ended 137\n"
        assert person.name not in names()
