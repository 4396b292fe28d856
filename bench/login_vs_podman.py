"""How long ``shorepass login`` takes, in ``podman login``s.

Both log in to one docker-registry (htpasswd, bcrypt cost 4) on loopback, as whole processes, in turn and in changing
order, each time without an auth file, so that both write one. Prints the medians and the median of the paired ratios;
the figure is reached when that is at most 1.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e import programs

ROUNDS = 101
WARM_UP = 5
USER, PASSWORD = "alice", "a password"

# The console script of the environment that runs this, as a user would start it.
SHOREPASS = str(Path(sys.executable).with_name("shorepass"))


def seconds(argv: list[str], home: Path, auth_file: Path) -> float:
    """Run one login from nothing and return its wall time."""
    auth_file.unlink(missing_ok=True)
    env = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": programs.SYSTEM_PATH}
    start = time.perf_counter()
    done = subprocess.run(argv, input=PASSWORD.encode(), env=env, capture_output=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode != 0 or not auth_file.exists():
        sys.exit(f"{argv[0]} failed: {done.stderr.decode()}")
    return taken


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        shore_file, podman_file = home / "shorepass.json", home / "podman.json"
        with programs.htpasswd_registry(home, {USER: PASSWORD}) as registry:
            words = ["login", "-u", USER, "--password-stdin", "--tls-verify=false"]
            ours = [SHOREPASS, *words, "--client", "podman", "--authfile", str(shore_file), registry]
            theirs = [programs.require("podman"), *words, "--authfile", str(podman_file), registry]
            pairs = []
            for number in range(WARM_UP + ROUNDS):
                if number % 2:
                    podman = seconds(theirs, home, podman_file)
                    shorepass = seconds(ours, home, shore_file)
                else:
                    shorepass = seconds(ours, home, shore_file)
                    podman = seconds(theirs, home, podman_file)
                if number >= WARM_UP:
                    pairs.append((shorepass, podman))
    ratio = statistics.median(shorepass / podman for shorepass, podman in pairs)
    print(f"shorepass login: median {1000 * statistics.median(s for s, _ in pairs):.1f} ms")
    print(f"podman login:    median {1000 * statistics.median(p for _, p in pairs):.1f} ms")
    print(f"ratio:           {ratio:.2f} (median of {ROUNDS} pairs; at most 1 is the goal)")


if __name__ == "__main__":
    main()
