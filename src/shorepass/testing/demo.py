"""``make demo``: log in, ask which login is sent, and log out, at the test kit's registry, with real output.

Everything happens in a temporary HOME on loopback: your own logins are not read or changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from shorepass.testing.registry import Registry

USER, PASSWORD = "alice", "a-password-for-the-demo"


def main() -> int:
    """Run the commands; return how many ended with another exit code than the text above them says."""
    with tempfile.TemporaryDirectory() as home, Registry(users={USER: PASSWORD}, auth="bearer") as registry:
        walk = _Walk(home)
        name = registry.host
        print(f"# a registry with token authentication listens on {name}; HOME is an empty folder\n")
        walk.step(f"get {name}/acme/app:1", 1, "no login is stored: anonymous, exit code 1")
        walk.step(f"login -u {USER} --password-stdin {name}", 1, "a wrong password stores nothing", stdin="wrong")
        walk.step(
            f"login -u {USER} --password-stdin {name}",
            0,
            "the right password is checked, then stored encrypted; docker's file names the helper that has it",
            stdin=PASSWORD,
        )
        walk.step("list", 0, "what is stored, for every client")
        walk.step(f"get {name}/acme/app:1", 0, "exactly what docker sends")
        walk.step(f"get --client podman {name}/acme/app:1", 0, "podman reads docker's file, too")
        walk.step(f"explain --push {name}/acme/app:1", 0, "the reasons, and what the registry allows")
        walk.step(f"logout {name}", 0, "erased where docker erases it")
        walk.step(f"get {name}/acme/app:1", 1, "no login is stored any more")
        return walk.failures


class _Walk:
    def __init__(self, home: str) -> None:
        # A PATH with only Shorepass's helper, and a session without a keyring, so that no real store is changed.
        self._environment = {"HOME": home, "PATH": os.path.dirname(sys.executable), "XDG_RUNTIME_DIR": home}
        self.failures = 0

    def step(self, command: str, expected: int, why: str, *, stdin: str = "") -> None:
        """Print a command, run it, and print its output."""
        print(f"# {why}")
        pipe = "printf %s PASSWORD | " if stdin else ""
        print(f"$ {pipe}shorepass {command}", flush=True)
        done = subprocess.run(  # noqa: S603  # Shorepass itself, with arguments from this file
            [sys.executable, "-m", "shorepass", *command.split()],
            input=stdin,
            text=True,
            env=self._environment,
            stdout=sys.stdout,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=30,
        )
        if done.returncode != expected:
            self.failures += 1
            print(f"!! exit code {done.returncode}, expected {expected}")
        print(flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
