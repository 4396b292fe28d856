"""What a login leaves behind that is killed, or has no room on the disk, at every system call of its save.

``shorepass login`` logs in to a registry on loopback under strace, which kills it before one system call; then the file is
looked at, and the next login has to succeed and to clear away what was left. The figure is reached when the file is the
old one or the new one every time. Prints how often it was which, and at which calls a temporary file stayed for the
next login to clear. Then the same with each call refused as on a full disk (ENOSPC). Last the vault, by
``docker-credential-shorepass``: what it lists then is what it held before, or that and the change; and ``shorepass migrate``,
at each call that changes the disk: docker and podman then send what they sent before.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.interrupted import (
    PASSWORD,
    USER,
    Helper,
    Login,
    Migration,
    Save,
    kill_at_every_change,
    kill_migration_at_every_change,
    refuse_every_call,
    refuse_every_change,
)
from shorepass.testing import Registry

KINDS = {
    "docker's file, replaced": {"client": "docker", "exists": True},
    "docker's file, new": {"client": "docker", "exists": False},
    "podman's file, replaced": {"client": "podman", "exists": True},
    "podman's file, new": {"client": "podman", "exists": False},
    "docker's file, replaced, where no nameless files exist": {"client": "docker", "exists": True, "nameless": False},
}


def main() -> None:
    """Kill and print; ends with an AssertionError, and status 1, at the first file that is neither old nor new."""
    kills = refusals = 0
    with Registry(users={USER: PASSWORD}) as registry, tempfile.TemporaryDirectory() as folder:
        saves: dict[str, Save] = {
            kind: Login(made(folder, kind), registry.host, **options)  # type: ignore[arg-type]  # one of each kind
            for kind, options in KINDS.items()
        }
        saves |= {f"the vault, {verb}": Helper(made(folder, verb), verb) for verb in ("store", "erase")}
        for kind, save in saves.items():
            outcomes = list(kill_at_every_change(save, between=True))
            refused = [refusal.failed for refusal in refuse_every_call(save, "ENOSPC")]
            old = sum(outcome.content == save.old for outcome in outcomes)
            left = [outcome.call.name for outcome in outcomes if outcome.left]
            kills += len(outcomes)
            refusals += len(refused)
            print(
                f"{kind}: {len(outcomes)} kills: {old} times the old file, {len(outcomes) - old} times the new one;",
                end=" ",
            )
            print(f"temporary file after {len(left)} of them ({', '.join(left) or 'none'}), cleared by the next save")
            print(f"  no room: {len(refused)} calls refused: {sum(refused)} saves failed, none left anything behind")
    for undo in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            migration = Migration(Path(folder), undo=undo)
            killed = len(list(kill_migration_at_every_change(migration)))
            failed = [refusal.failed for refusal in refuse_every_change(migration, "ENOSPC")]
        print(f"migrate {'--undo' if undo else '--apply'}: {killed} kills, and {len(failed)} changes refused:", end=" ")
        print(f"{sum(failed)} failed, no client noticed any, and the next run finished each")
        kills += killed
        refusals += len(failed)
    print(f"{kills} kills and {refusals} refusals, and the file whole every time")


def made(folder: str, name: str) -> Path:
    """Make a folder of its own for one kind."""
    path = Path(folder, name)
    path.mkdir()
    return path


if __name__ == "__main__":
    main()
