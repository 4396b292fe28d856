"""How long ``docker-credential-shorepass get`` takes, in runs of ``docker-credential-pass get``.

One login in a vault with a machine key, without an agent, and one in a password store whose key no passphrase protects;
whole processes, in turn and in changing order. Prints the medians and the median of the paired ratios; the figure is
reached when that is at most 1.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e.helper_programs import pass_helper, shorepass_helper

ROUNDS = 101
WARM_UP = 5
KEY = "https://registry.example/v1/"


def main() -> None:
    """Measure and print; status 1 when the figure is missed."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = shorepass_helper(Path(folder, "shorepass")), pass_helper(Path(folder, "pass"))
        pairs = []
        for helper in (ours, theirs):
            helper.store(KEY)
        for number in range(WARM_UP + ROUNDS):
            order = (ours, theirs) if number % 2 else (theirs, ours)
            taken = {helper: helper.seconds("get", KEY.encode()) for helper in order}
            if number >= WARM_UP:
                pairs.append((taken[ours], taken[theirs]))
    ratio = statistics.median(our / their for our, their in pairs)
    print(f"docker-credential-shorepass get: median {1000 * statistics.median(our for our, _ in pairs):.1f} ms")
    print(f"docker-credential-pass get:      median {1000 * statistics.median(their for _, their in pairs):.1f} ms")
    print(f"ratio:                           {ratio:.2f} (median of {ROUNDS} pairs; at most 1 is the goal)")
    sys.exit(ratio > 1)


if __name__ == "__main__":
    main()
