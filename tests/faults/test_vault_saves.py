"""Saves of the vault that are killed, refused or at odds with a hundred others: no login is lost, and none comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faults import vault_crowd
from faults.interrupted import Helper, kill_at_every_change, refuse_every_call
from faults.test_saves import in_own_mounts


@pytest.mark.parametrize("verb", ["store", "erase"])
def test_killed_at_every_change(tmp_path: Path, verb: str) -> None:
    """Before each change that a save makes: the vault holds all logins, or all and the change; never a damaged one."""
    helper = Helper(tmp_path, verb)
    outcomes = list(kill_at_every_change(helper))
    contents = [outcome.content for outcome in outcomes]
    renamed = max(i for i, outcome in enumerate(outcomes) if outcome.call.name.startswith("rename"))
    assert all(content == helper.old for content in contents[: renamed + 1])
    assert all(content != helper.old for content in contents[renamed + 1 :])


def test_what_a_killed_erase_left_is_gone_after_the_next(tmp_path: Path) -> None:
    """Killed at each of the calls that change a file, and run again: no generation holds the secret."""
    helper = Helper(tmp_path, "erase")
    changes = [call for call in helper.save_calls() if call.name in ("linkat", "rename", "unlink", "fsync", "write")]
    assert len(changes) >= 6
    for call in changes:
        helper.prepare()
        assert helper.holders("alice's secret") == ["vault.age", "vault.age.1"]
        assert helper.run_with(call, "signal=KILL").status == -9
        helper.repeat()
        assert helper.holders("alice's secret") == [], call.text
        assert helper.holders("bob's secret") != []


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("verb", ["store", "erase"])
def test_error_at_every_call(tmp_path: Path, verb: str, error: str) -> None:
    """A save that the system refuses says so and has changed nothing; one that succeeds has. Nothing is left beside it."""
    refused = list(refuse_every_call(Helper(tmp_path, verb), error))
    assert {refusal.call.name for refusal in refused if refusal.failed} >= {"openat", "write", "fsync", "rename"}


def test_full_disk_loses_nothing(tmp_path: Path) -> None:
    """With any room from none to plenty a store succeeds, or fails and says why; every login from before is there."""
    code = """
import json, os, subprocess, sys
folder = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], check=True)
env = {"HOME": folder, "PYTHONPATH": os.environ["PYTHONPATH"], "PATH": "/nonexistent"}
def run(*words, stdin=""):
    done = subprocess.run([sys.executable, "-m", *words], input=stdin, text=True, env=env, capture_output=True)
    return done.returncode, done.stdout + done.stderr
def store(key, size=10):
    login = {"ServerURL": key, "Username": "u", "Secret": "x" * size}
    return run("shorepass.docker_credential", "store", stdin=json.dumps(login))
def keys():
    return sorted(json.loads(run("shorepass.docker_credential", "list")[1]))
assert run("shorepass", "vault", "init")[0] == 0
assert store("big.example", 30000)[0] == 0
filler = folder + "/filler"
for pages in range(0, 32, 3):
    before = keys()
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() // 4096 * 4096 - pages * 4096))
    full = *store(f"{pages}.example"), keys()
    os.unlink(filler)
    print(json.dumps([before, full, [*store("after.example"), keys()]]))
"""
    rounds = [json.loads(line) for line in in_own_mounts(code, tmp_path).splitlines()]
    assert len(rounds) == 11
    for before, (status, said, keys), (next_status, _, next_keys) in rounds:
        assert set(before) <= set(keys)
        assert status == 0 or "no space left on device" in said
        assert (status == 0) == (len(keys) > len(before))
        assert next_status == 0
        assert {*keys, "after.example"} == set(next_keys)
    assert {status for _, (status, *_), _ in rounds} == {0, 1}


def test_many_processes_at_once_lose_nothing(world: Path) -> None:
    """Twenty-four processes store and erase at the same time, five times: what was stored is there, what was erased is not."""
    for _ in range(5):
        result = vault_crowd.round_of(24, world / "home")
        assert result.failures == []
        assert result.lost == result.come_back == []
