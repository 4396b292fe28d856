"""docker-credential-shorepass and docker-credential-pass, each with logins of its own, to be measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from e2e import programs

__all__ = ["Helper", "pass_helper", "shorepass_helper"]

# What an installer writes for the entry in pyproject.toml, for a checkout that is not installed.
SCRIPT = """#!{python}
import sys
from shorepass.docker_credential import program
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(program())
"""
GPG_KEY = """%no-protection
Key-Type: rsa
Key-Length: 3072
Subkey-Type: rsa
Subkey-Length: 3072
Name-Email: bench@example.org
%commit
"""


class Helper:
    """A helper program and the home it works in."""

    def __init__(self, program: str, home: Path, **variables: str) -> None:
        self.program = program
        self.env = {"HOME": str(home), "PATH": programs.SYSTEM_PATH, **variables}

    def call(self, verb: str, stdin: bytes) -> bytes:
        """Run it once; return what it printed. Ends the script when it fails."""
        done = subprocess.run([self.program, verb], input=stdin, env=self.env, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{self.program} {verb} failed: {done.stdout.decode()} {done.stderr.decode()}")
        return done.stdout

    def seconds(self, verb: str, stdin: bytes) -> float:
        """Return the wall time of one run."""
        start = time.perf_counter()
        self.call(verb, stdin)
        return time.perf_counter() - start

    def store(self, key: str) -> None:
        """Keep a login of the usual length."""
        self.call("store", json.dumps({"ServerURL": key, "Username": "alice", "Secret": f"{7:036x}"}).encode())


def shorepass_helper(home: Path) -> Helper:
    """Return our helper, with a new vault with a machine key."""
    home.mkdir(exist_ok=True)
    script = home / "docker-credential-shorepass"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    helper = Helper(str(script), home, PYTHONPATH=os.environ.get("PYTHONPATH", ""))
    subprocess.run(
        [sys.executable, "-m", "shorepass", "vault", "init"], env=helper.env, check=True, capture_output=True
    )
    return helper


def pass_helper(home: Path) -> Helper:
    """Return docker-credential-pass, with a new password store and a new key that gpg makes by default."""
    (home / "gpg").mkdir(parents=True, mode=0o700)
    helper = Helper(programs.require("docker-credential-pass"), home, GNUPGHOME=str(home / "gpg"))
    for argv, stdin in (
        ([programs.require("gpg"), "--batch", "--gen-key"], GPG_KEY),
        ([programs.require("pass"), "init", "bench@example.org"], ""),
    ):
        done = programs.run(argv, env=helper.env, stdin=stdin)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
    return helper
