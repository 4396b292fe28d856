"""How long ``shorepass login`` takes, in ``podman login``s: on loopback, and through TLS and a link of 20 ms.

Both log in to one docker-registry (htpasswd, bcrypt cost 4), as whole processes, in turn and in changing order, each time
without an auth file, so that both write one. The link is a pair of network namespaces that this script makes itself
(tests/e2e/slow_link.py); needs root. Prints the medians and the median of the paired ratios; status 1 where a goal is missed.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trustme

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e import programs
from e2e.slow_link import SERVER, slow_link

ROUNDS = 101
WARM_UP = 5
LOOPBACK_GOAL = 2.5
TLS_GOAL = 1.4
ROUND_TRIP = 0.02  # seconds
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


def measure(what: str, home: Path, registry: str, flags: Sequence[str], goal: float) -> bool:
    """Run the pairs and print their figures; return whether the goal is reached."""
    shore_file, podman_file = home / "shorepass.json", home / "podman.json"
    words = ["login", "-u", USER, "--password-stdin", *flags]
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
    print(f"{what}:")
    print(f"  shorepass login: median {1000 * statistics.median(s for s, _ in pairs):.1f} ms")
    print(f"  podman login:    median {1000 * statistics.median(p for _, p in pairs):.1f} ms")
    print(f"  ratio:           {ratio:.2f} (median of {ROUNDS} pairs; at most {goal:g} is the goal)", flush=True)
    return ratio <= goal


def on_loopback(home: Path) -> bool:
    """Measure with a registry that speaks plain http on this machine."""
    with programs.htpasswd_registry(home, {USER: PASSWORD}) as registry:
        return measure("loopback", home, registry, ["--tls-verify=false"], LOOPBACK_GOAL)


def through_tls(home: Path) -> bool:
    """Measure with a registry behind TLS and the link."""
    authority, folder = trustme.CA(), home / "certificates"
    folder.mkdir()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    server = authority.issue_cert(SERVER)
    server.private_key_pem.write_to_path(home / "server.key")
    for pem in server.cert_chain_pems:
        pem.write_to_path(home / "server.crt", append=True)
    made = programs.run([programs.require("htpasswd"), "-n", "-i", "-B", "-C", "4", USER], stdin=PASSWORD)
    (home / "htpasswd").write_text(made.stdout)
    config, log = home / "registry.yml", home / "registry.log"
    config.write_text(
        "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{home}/data'}}}}\n"
        f"http: {{addr: '{SERVER}:0', secret: only-for-this-bench, "
        f"tls: {{certificate: '{home}/server.crt', key: '{home}/server.key'}}}}\n"
        f"auth: {{htpasswd: {{realm: basic-realm, path: '{home}/htpasswd'}}}}\n"
    )

    def address() -> str | None:
        found = re.search(rf"listening on ({re.escape(SERVER)}:[0-9]+)", log.read_text(errors="replace"))
        return found[1] if found else None

    with slow_link(ROUND_TRIP) as link:
        with link.server():
            running = programs.running([programs.require("docker-registry"), "serve", str(config)], log, address)
            registry = running.__enter__()
        try:
            with link.client():
                what = f"TLS, and a round trip of {1000 * ROUND_TRIP:g} ms"
                return measure(what, home, registry, ["--cert-dir", str(folder)], TLS_GOAL)
        finally:
            running.__exit__(None, None, None)


def main() -> None:
    """Measure and print; status 1 where a goal is missed."""
    reached = []
    for measured in (on_loopback, through_tls):
        with tempfile.TemporaryDirectory() as name:
            reached.append(measured(Path(name)))
    sys.exit(not all(reached))


if __name__ == "__main__":
    main()
