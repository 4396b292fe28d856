"""Saves that are killed, or that the system refuses: the file is the old one or the new one, whole."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from faults.interrupted import (
    OLD,
    PASSWORD,
    USER,
    Call,
    Login,
    Outcome,
    kill_at_every_change,
    moments,
    refuse_every_call,
)
from shorepass.testing import Registry

NUMBERS = re.compile(r"(?<=shorepass-)[0-9]+-[0-9a-f]+")  # in the name of a temporary file


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry where the login is right."""
    with Registry(users={USER: PASSWORD}) as running:
        yield running.host


def left_at(outcomes: list[Outcome]) -> list[str]:
    return [outcome.call.name for outcome in outcomes if outcome.left]


def found_at_kill(login: Login, call: Call) -> list[tuple[str, int, bytes]]:
    """Kill a login at a call; return the path, mode and content of each file that is then below its home."""
    login.prepare()
    assert login.run_with(call, "signal=KILL").status == -9
    files = sorted(path for path in login.home.rglob("*") if path.is_file())
    return [(NUMBERS.sub("N", str(path)), path.stat().st_mode, path.read_bytes()) for path in files]


# Killed at each change. That the file is whole and that the next login clears what is left is checked after every single kill.


def test_login_killed_at_every_change_of_its_save(tmp_path: Path, registry: str) -> None:
    """The file is the old one or the new one; a temporary file has a name, and can stay, at the last call only."""
    outcomes = list(kill_at_every_change(Login(tmp_path, registry, client="docker", exists=True)))
    contents = [outcome.content for outcome in outcomes]
    renamed = [outcome.call.name for outcome in outcomes].index("rename")
    assert all(content == OLD for content in contents[: renamed + 1])
    assert all(content != OLD for content in contents[renamed + 1 :])
    assert left_at(outcomes) == ["rename"]


def test_first_login_killed_at_every_change_of_its_save(tmp_path: Path, registry: str) -> None:
    """There is no file or the whole file, and never a temporary one."""
    outcomes = list(kill_at_every_change(Login(tmp_path, registry, client="docker", exists=False)))
    linked = [outcome.call.name for outcome in outcomes].index("linkat")
    assert all(outcome.content is None for outcome in outcomes[: linked + 1])
    assert all(outcome.content is not None for outcome in outcomes[linked + 1 :])
    assert left_at(outcomes) == []


def test_login_without_nameless_files_killed_at_every_change(tmp_path: Path, registry: str) -> None:
    """On file systems without nameless files the file is whole too, and the next login clears what was left."""
    login = Login(tmp_path, registry, client="docker", exists=True, nameless=False)
    names = left_at(list(kill_at_every_change(login)))
    assert names[-1] == "rename"
    assert "write" in names


@pytest.mark.parametrize("exists", [True, False])
def test_a_kill_between_two_changes_leaves_what_the_next_kill_leaves(
    tmp_path: Path, registry: str, *, exists: bool
) -> None:
    """Calls that only read are left out above: a kill at the first one after each change leaves the same files."""
    login = Login(tmp_path, registry, client="docker", exists=exists, nameless=not exists)
    calls = login.save_calls()
    chosen = moments(calls)
    left_out = [calls[calls.index(call) + 1] for call in chosen[:-1]]
    pairs = [(first, then) for first, then in zip(left_out, chosen[1:], strict=True) if first not in chosen]
    assert len(pairs) >= 2
    for first, then in pairs:
        assert found_at_kill(login, first) == found_at_kill(login, then), first.text


# Refused by the system


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("exists", [True, False])
def test_error_at_every_call_of_a_save(tmp_path: Path, registry: str, error: str, *, exists: bool) -> None:
    """A login that fails says so and leaves the old file, one that succeeds the new one; nothing is left behind."""
    login = Login(tmp_path, registry, client="docker", exists=exists)
    failed = {refusal.call.name for refusal in refuse_every_call(login, error) if refusal.failed}
    assert failed >= {"openat", "write", "fsync"} | ({"rename", "linkat"} if exists else set())


def in_own_mounts(code: str, *args: object) -> str:
    """Run Python code as root with mounts that nobody else sees, and return what it printed."""
    kept = f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    argv = ["unshare", "--mount", "env", kept, sys.executable, "-c", code, *map(str, args)]
    done = programs.run(programs.as_root(argv))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_full_disk_loses_nothing(tmp_path: Path, registry: str) -> None:
    """With any room from none to plenty: the login fails and the old file stays, or it succeeds and the new one is there.

    Then room is made, and the next login succeeds.
    """
    code = """
import json, os, subprocess, sys
folder, registry, user, password = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True)
os.mkdir(folder + "/.docker")
path, filler = folder + "/.docker/config.json", folder + "/filler"
auths = {"auths": {f"r{i}.example": {"auth": "YTpi"} for i in range(400)}}
def login():
    words = ["login", "--store", "file", "-u", user, "--password-stdin", registry]
    env = {"HOME": folder, "PYTHONPATH": os.environ["PYTHONPATH"], "PATH": "/nonexistent"}
    done = subprocess.run([sys.executable, "-m", "shorepass", *words], input=password, text=True, env=env, capture_output=True)
    return done.returncode, done.stderr
def look():
    with open(path) as file:
        return len(json.load(file)["auths"]), os.listdir(folder + "/.docker")
for pages in range(8):
    with open(path, "w") as file:
        json.dump(auths, file)
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(file.tell() // 4096 * 4096 - pages * 4096)
    full = *login(), *look()
    os.unlink(filler)
    print(json.dumps([full, [*login(), *look()]]))
"""
    rounds = [json.loads(line) for line in in_own_mounts(code, tmp_path, registry, USER, PASSWORD).splitlines()]
    assert len(rounds) == 8
    for (status, stderr, logins, names), (next_status, _, next_logins, next_names) in rounds:
        assert (status, logins) in ((1, 400), (0, 401))
        assert status == 0 or (
            f"{tmp_path}/.docker/config.json: no space left on device" in stderr and "df -h" in stderr
        )
        assert (next_status, next_logins) == (0, 401)
        assert names == next_names == ["config.json"]
    assert {status for (status, *_), _ in rounds} == {0, 1}


def test_file_that_is_mounted_by_itself_stays(tmp_path: Path) -> None:
    """A single file mounted into a container cannot be replaced: the error says why and what to mount instead."""
    code = """
import os, subprocess, sys
from shorepass import files
from shorepass.errors import WriteError
path = sys.argv[1]
subprocess.run(["mount", "--bind", path, path], check=True)
try:
    files.update(path, lambda current: b"{}")
except WriteError as error:
    print(error.message, error.hint, open(path).read(), os.listdir(os.path.dirname(path)), sep="\\n")
"""
    path = tmp_path / "config.json"
    path.write_text("old")
    message, hint, content, names = in_own_mounts(code, path).splitlines()
    assert message == f"{path}: device or resource busy"
    assert hint.endswith("mount its folder instead")
    assert (content, names) == ("old", "['config.json']")


@pytest.mark.parametrize("exists", [True, False])
def test_save_without_proc(tmp_path: Path, *, exists: bool) -> None:
    """In a chroot without /proc a nameless file could not be given its name: the save does without."""
    code = """
import subprocess, sys
from shorepass import files
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/proc"], check=True)
files.update(sys.argv[1], lambda current: b"new")
"""
    path = tmp_path / "config.json"
    if exists:
        path.write_text("old")
    in_own_mounts(code, path)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["config.json"]
