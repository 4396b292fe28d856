"""Migrations that are killed, or refused by the disk: at every moment each login is in at least one place.

More than that: at every moment each client sends what it sent before.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from client_files import auth, our_helper
from faults.interrupted import Migration, kill_migration_at_every_change, refuse_every_change
from faults.test_saves import in_own_mounts


@pytest.mark.parametrize("undo", [False, True])
def test_killed_at_every_change(tmp_path: Path, *, undo: bool) -> None:
    """Before each call that changes the disk in turn: no client notices, and the next run finishes the work."""
    killed = [call.name for call in kill_migration_at_every_change(Migration(tmp_path, undo=undo))]
    assert {"write", "linkat", "rename", "unlink"} <= {*killed}


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("undo", [False, True])
def test_error_at_every_change(tmp_path: Path, error: str, *, undo: bool) -> None:
    """The system refuses each in turn: it says so, no client notices, and the next run finishes the work."""
    refused = [refusal.failed for refusal in refuse_every_change(Migration(tmp_path, undo=undo), error)]
    assert sum(refused) > len(refused) // 2


def test_full_disk_loses_nothing(tmp_path: Path) -> None:
    """With any room from none to plenty it succeeds or says why not; each login is somewhere, and the next run succeeds."""
    code = """
import json, os, shutil, subprocess, sys
folder = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=768k", "tmpfs", folder], check=True)
home, filler, config = folder + "/home", folder + "/filler", folder + "/home/.docker/config.json"
for made in (home, home + "/.docker", home + "/bin"):
    os.mkdir(made)
program = home + "/bin/docker-credential-shorepass"
with open(program, "w") as file:
    file.write(f'#!/bin/sh\\nexec "{sys.executable}" -m shorepass.docker_credential "$@"\\n')
os.chmod(program, 0o755)
env = {"HOME": home, "XDG_RUNTIME_DIR": home, "PYTHONPATH": os.environ["PYTHONPATH"], "PATH": home + "/bin"}
def run(*words, stdin=""):
    done = subprocess.run([sys.executable, "-m", *words], input=stdin, text=True, env=env, capture_output=True)
    return done.returncode, done.stdout + done.stderr
def found():
    answers = [run("shorepass", "get", f"r{i}.example")[1] for i in range(3)]
    return [json.loads(answer)["Secret"][:2] for answer in answers]
auth = __import__("base64").b64encode
logins = {f"r{i}.example": {"auth": auth(f"u:{i}-{'x' * 9000}".encode()).decode()} for i in range(3)}
assert run("shorepass", "vault", "init")[0] == 0
for pages in range(0, 56, 5):
    with open(config, "w") as file:
        json.dump({"auths": logins}, file)
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() // 4096 * 4096 - pages * 4096))
    full = *run("shorepass", "migrate", "--apply"), found()
    os.unlink(filler)
    again = *run("shorepass", "migrate", "--apply"), found(), "xxxx" in open(config).read()
    undone = run("shorepass", "migrate", "--undo"), found()
    print(json.dumps([full, again, undone]))
"""
    rounds = [json.loads(line) for line in in_own_mounts(code, tmp_path).splitlines()]
    assert len(rounds) == 12
    logins = ["0-", "1-", "2-"]
    for (status, said, found), (next_status, _, next_found, in_plain), undone in rounds:
        assert found == next_found == logins
        assert status == 0 or "no space left on device" in said
        assert (next_status, in_plain) == (0, False)
        assert (undone[0][0], undone[1]) == (0, logins)
    assert {status for (status, *_), *_ in rounds} == {0, 1}


def test_a_file_that_cannot_be_written(world: Path) -> None:
    """Docker's file is mounted by itself: that is an error, the other file's login moves, and no client notices."""
    code = """
import json, os, subprocess, sys
home, python = sys.argv[1:]
config = home + "/.docker/config.json"
subprocess.run(["mount", "--bind", config, config], check=True)
env = {"HOME": home, "XDG_RUNTIME_DIR": home + "/run", "PATH": home + "/bin", "PYTHONPATH": os.environ["PYTHONPATH"]}
def run(*words):
    done = subprocess.run([python, "-m", "shorepass", *words], text=True, env=env, capture_output=True)
    return done.returncode, done.stdout + done.stderr
first = run("migrate", "--apply")
found = [run("get", "--client", client, client + ".example")[1] for client in ("docker", "podman")]
subprocess.run(["umount", config], check=True)
print(json.dumps([first, found, run("migrate", "--apply"), run("migrate", "--undo"), run("vault")]))
"""
    home = world / "home"
    for folder in (home / ".docker", home / "run/containers", home / "bin"):
        folder.mkdir(parents=True)
    our_helper(home / "bin")
    shutil.rmtree(home / ".config")
    files = {"docker": home / ".docker/config.json", "podman": home / "run/containers/auth.json"}
    for client, file in files.items():
        file.write_text(json.dumps({"auths": {f"{client}.example": auth(f"{client}:secret")}}))
    (status, said), found, again, undone, vault = json.loads(in_own_mounts(code, home, sys.executable))
    assert (status, "a single mounted file" in said) == (3, True), said
    assert [json.loads(answer)["Username"] for answer in found] == ["docker", "podman"]
    assert (again[0], undone[0]) == (0, 0), (again, undone)
    plain = [client for client, file in files.items() if auth(f"{client}:secret")["auth"] in file.read_text()]
    assert (plain, "vault.age: 1 login\n" in vault[1]) == (["docker"], True)  # the last one, which is undone
