"""What ``import shorepass`` loads: neither an HTTP library nor asyncio.

Prints the modules that it adds to a bare interpreter's, and the median time of both; status 1 when one of those is there.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 51
UNWANTED = ("asyncio", "http", "httpx", "requests", "ssl", "socket", "urllib", "urllib3")
SHOW = "; import sys; print(*sys.modules)"


def start(code: str) -> tuple[float, set[str]]:
    """Run an interpreter; return its wall time, and what it had loaded at its end."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code + SHOW], capture_output=True, text=True, check=True)
    return time.perf_counter() - begun, set(done.stdout.split())


def main() -> None:
    """Measure and print."""
    pairs = [(start("pass"), start("import shorepass")) for _ in range(ROUNDS)]
    (_, bare), (_, full) = pairs[-1]
    found = sorted(name for name in full - bare if name.partition(".")[0] in UNWANTED)
    ratio = statistics.median(ours / python for (python, _), (ours, _) in pairs)
    print(f"import shorepass adds: {', '.join(sorted(full - bare))}")
    print(f"HTTP libraries and asyncio among them: {', '.join(found) or 'none'}")
    print(f"an interpreter that imports it takes {ratio:.2f} of the time of a bare one (median of {ROUNDS} pairs)")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
