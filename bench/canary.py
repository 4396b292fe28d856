"""A secret in every place where one can be, and in how many situations it came out: the tests in ``tests/faults/test_canary*``.

Prints pytest's last line; the figure is reached when all pass.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FAULTS = Path(__file__).parents[1] / "tests" / "faults"


def main() -> None:
    """Run the tests and print."""
    argv = [sys.executable, "-m", "pytest", "-q", *map(str, sorted(FAULTS.glob("test_canary*.py")))]
    done = subprocess.run(argv, cwd=FAULTS.parents[1], capture_output=True, text=True, check=False)
    print(done.stdout.splitlines()[-1] if done.returncode == 0 else done.stdout)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
