"""How long ``shorepass doctor`` takes: with ten logins and no network, and with ten registries that take their time.

The registries are on loopback, one of each delay; each answers only after it, and takes the login. Ten are asked, and
in turn with that the slowest one alone: side by side they take about as long as that. The runs are whole processes.
Prints medians and the median of the paired ratios; status 1 where a goal is missed.
"""

from __future__ import annotations

import base64
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DELAYS = [0.2 + number / 20 for number in range(9)] + [1.0]  # seconds, of each answer
OFFLINE_ROUNDS, CHECK_ROUNDS = 31, 7
OFFLINE_GOAL = 0.3  # seconds
CHECK_GOAL = 1.5  # times the slowest registry alone
SHOREPASS = str(Path(sys.executable).with_name("shorepass"))
AUTH = base64.b64encode(b"alice:wonderland").decode()


class Registry(ThreadingHTTPServer):
    """A registry that answers after ``delay`` seconds."""

    daemon_threads = True

    def __init__(self, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.delay = delay
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    """One answer: a challenge without a login, else an empty one."""

    protocol_version = "HTTP/1.1"
    server: Registry

    def do_GET(self) -> None:
        time.sleep(self.server.delay)
        good = self.headers["Authorization"] == f"Basic {AUTH}"
        self.send_response(200 if good else 401)
        if not good:
            self.send_header("WWW-Authenticate", 'Basic realm="bench"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Print nothing."""


def seconds(keys: Sequence[str], *flags: str) -> float:
    """Return the time of one ``doctor`` in a home with a login under each key."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / ".docker"
        folder.mkdir(mode=0o700)
        file = folder / "config.json"
        file.write_text(json.dumps({"auths": {key: {"auth": AUTH} for key in keys}}))
        file.chmod(0o600)
        start = time.perf_counter()
        done = subprocess.run(
            [SHOREPASS, "doctor", "--json", *flags], env={"HOME": name, "PATH": ""}, capture_output=True, check=False
        )
        taken = time.perf_counter() - start
    worse = [finding for finding in json.loads(done.stdout)["findings"] if finding["severity"] != "note"]
    if worse:
        sys.exit(f"doctor has findings: {worse}")
    return taken


def main() -> None:
    """Measure and print; status 1 where a goal is missed."""
    names = [f"r{number}.example" for number in range(len(DELAYS))]
    offline = statistics.median(seconds(names) for _ in range(OFFLINE_ROUNDS))
    print(
        f"doctor, {len(names)} logins: median {1000 * offline:.0f} ms (at most {1000 * OFFLINE_GOAL:.0f} is the goal)"
    )

    keys = [f"127.0.0.1:{Registry(delay).server_port}" for delay in DELAYS]
    pairs = [(seconds(keys, "--check"), seconds(keys[-1:], "--check")) for _ in range(CHECK_ROUNDS)]
    ratio = statistics.median(all_ten / slowest for all_ten, slowest in pairs)
    print(f"doctor --check, {len(keys)} registries: median {statistics.median(ten for ten, _ in pairs):.2f} s")
    print(f"  the slowest one alone: median {statistics.median(one for _, one in pairs):.2f} s")
    print(f"  ratio: {ratio:.2f} (median of {CHECK_ROUNDS} pairs; at most {CHECK_GOAL} is the goal)")
    sys.exit(offline > OFFLINE_GOAL or ratio > CHECK_GOAL)


if __name__ == "__main__":
    main()
