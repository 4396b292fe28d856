"""100 processes that store and erase at once in one vault, 20 rounds: what is lost, and how long the last one waits.

The figure is reached when nothing is lost, nothing that was erased comes back, no process fails, and each round's last
process ends within 5 seconds of the moment when all of them may begin.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.vault_crowd import round_of

COUNT = 100
ROUNDS = 20


def main() -> None:
    """Run and print; status 1 when the figure is missed."""
    with tempfile.TemporaryDirectory() as folder:
        results = [round_of(COUNT, Path(folder)) for _ in range(ROUNDS)]
    lost, come_back, failures = (sum(len(result[field]) for result in results) for field in range(3))
    longest = max(result.longest for result in results)
    print(f"{ROUNDS} rounds of {COUNT} processes: {lost} logins lost, {come_back} come back, {failures} failures")
    print(f"the longest wait: {longest:.2f} s (at most 5 is the goal)")
    sys.exit(bool(lost or come_back or failures or longest > 5))


if __name__ == "__main__":
    main()
