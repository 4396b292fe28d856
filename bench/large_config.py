"""How long ``shorepass get`` takes with 10,000 logins in the file, in runs with 10.

Whole processes, in turn and in changing order, for docker's file and for podman's; the login asked for is the last but
one in the file. Prints the medians and the median of the paired ratios; the figure is reached when that is at most 1.5.
"""

from __future__ import annotations

import base64
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SMALL, LARGE = 10, 10_000
ROUNDS = 101
WARM_UP = 5

# The console script of the environment that runs this, as a user would start it.
SHOREPASS = str(Path(sys.executable).with_name("shorepass"))


def auth_file(path: Path, count: int) -> Path:
    """Write an auth file as the clients do, with ``count`` logins of the usual length."""
    auths = {
        f"registry-{number}.example": {"auth": base64.b64encode(f"user-{number}:{number:032x}".encode()).decode()}
        for number in range(count)
    }
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": auths}, indent="\t"))
    return path


def seconds(client: str, file: Path, count: int) -> float:
    """Run one ``get`` and return its wall time."""
    argv = [SHOREPASS, "get", "--client", client, f"registry-{count - 2}.example/team/app:1"]
    env = {"HOME": str(file.parent), "PATH": "/nonexistent"}
    env |= {"DOCKER_CONFIG": str(file.parent)} if client == "docker" else {"REGISTRY_AUTH_FILE": str(file)}
    start = time.perf_counter()
    done = subprocess.run(argv, env=env, capture_output=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode != 0 or json.loads(done.stdout)["Username"] != f"user-{count - 2}":
        sys.exit(f"shorepass get failed: {done.stderr.decode()}")
    return taken


def main() -> None:
    """Measure and print; status 1 when the figure is missed."""
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        files = {count: auth_file(Path(folder, str(count), "config.json"), count) for count in (SMALL, LARGE)}
        for client in ("docker", "podman"):
            pairs = []
            for number in range(WARM_UP + ROUNDS):
                order = (SMALL, LARGE) if number % 2 else (LARGE, SMALL)
                taken = {count: seconds(client, files[count], count) for count in order}
                if number >= WARM_UP:
                    pairs.append((taken[SMALL], taken[LARGE]))
            ratio = statistics.median(large / small for small, large in pairs)
            missed = missed or ratio > 1.5
            print(f"{client}, {SMALL} logins: median {1000 * statistics.median(s for s, _ in pairs):.1f} ms")
            print(f"{client}, {LARGE} logins: median {1000 * statistics.median(large for _, large in pairs):.1f} ms")
            print(f"{client}, ratio: {ratio:.2f} (median of {ROUNDS} pairs; at most 1.5 is the goal)")
    sys.exit(missed)


if __name__ == "__main__":
    main()
