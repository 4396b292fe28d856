"""What a login leaves behind that is killed, or has no room on the disk, at every system call of its save.

``shorepass login`` logs in to a registry on loopback under strace, which kills it before one system call; then the file is
looked at, and the next login has to succeed and to clear away what was left. The figure is reached when the file is the
old one or the new one every time. Prints how often it was which, and at which calls a temporary file stayed for the
next login to clear. Then the same with each call refused as on a full disk (ENOSPC).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.interrupted import OLD, PASSWORD, USER, Login, kill_at_every_call, refuse_every_call
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
    with Registry(users={USER: PASSWORD}) as registry:
        for kind, options in KINDS.items():
            with tempfile.TemporaryDirectory() as folder:
                login = Login(Path(folder), registry.host, **options)
                outcomes = list(kill_at_every_call(login))
                refused = [refusal.failed for refusal in refuse_every_call(login, "ENOSPC")]
            old = sum(outcome.content in (None, OLD) for outcome in outcomes)
            left = [outcome.call.name for outcome in outcomes if outcome.left]
            kills += len(outcomes)
            refusals += len(refused)
            print(
                f"{kind}: {len(outcomes)} kills: {old} times the old file, {len(outcomes) - old} times the new one;",
                end=" ",
            )
            print(f"temporary file after {len(left)} of them ({', '.join(left) or 'none'}), cleared by the next login")
            print(f"  no room: {len(refused)} calls refused: {sum(refused)} logins failed, none left anything behind")
    print(f"{kills} kills and {refusals} refusals, and the file whole every time")


if __name__ == "__main__":
    main()
